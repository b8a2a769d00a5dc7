/** Values that fit on one line, as Python writes them. */
import { floatText, pythonRepr, tupleText } from '../../tensor/python-text.js'
import { bytesOfNode } from '../bytes.js'
import { type Node, PyBytes, PyCall, PyDict, PyFloatNode, PyGlobal, PyList, PySet, PyStr, PyTuple } from '../nodes.js'
import { numpyDtype, numpyScalar } from '../numpy.js'
import { dtypes } from '../storages.js'
import type { PlainOutline } from './types.js'

/** Characters or bytes of a value that are kept. */
const longest = 1000
const deepest = 3
/** Items of a list that still is a line. */
const mostItems = 16

/** The line of a node; undefined for what takes more than one. */
export function plainOutline(node: Node, depth = 0): PlainOutline | undefined {
  if (depth > deepest) return undefined
  if (node === null) return plain('NoneType', 'None', null)
  switch (typeof node) {
    case 'boolean':
      return plain('bool', node ? 'True' : 'False', node)
    case 'bigint':
      return plain('int', String(node).slice(0, longest))
    case 'number':
      return Number.isInteger(node) ? plain('int', String(node), node) : float('float', node)
  }
  if (node instanceof PyStr) return textOutline(node.text)
  if (node instanceof PyFloatNode) return float('float', node.number)
  if (node instanceof PyBytes) return bytesOutline(node.bytes, node.mutable)
  if (node instanceof PyTuple || node instanceof PyList) return row(node, depth)
  if (node instanceof PyDict) return node.keys.length === 0 ? plain('dict', '{}') : undefined
  if (node instanceof PySet && node.items.length === 0) return plain(node.frozen ? 'frozenset' : 'set', 'set()')
  if (node instanceof PyGlobal) return global(node)
  return node instanceof PyCall ? called(node, depth) : undefined
}

function plain(type: string, text: string, value?: PlainOutline['value']): PlainOutline {
  return { type: 'plain', class: type, text, ...(value !== undefined && { value }) }
}

function float(type: string, value: number, text = floatText(value)): PlainOutline {
  return plain(type, text, Number.isFinite(value) ? value : undefined)
}

function textOutline(text: string): PlainOutline {
  if (text.length <= longest) return plain('str', pythonRepr(text), text)
  const start = text.slice(0, longest)
  return { ...plain('str', `${pythonRepr(start)}…`, start), length: text.length }
}

function bytesOutline(bytes: Uint8Array, mutable: boolean): PlainOutline {
  const shown = Buffer.from(bytes.subarray(0, longest / 10)).toString('latin1')
  const escaped = pythonRepr(shown).replace(
    /[^ -~]/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  const cut = bytes.length > longest / 10
  const text = `b${escaped}${cut ? '…' : ''}`
  return {
    ...plain(mutable ? 'bytearray' : 'bytes', mutable ? `bytearray(${text})` : text),
    ...(cut && { length: bytes.length }),
  }
}

/** `(0.9, 0.999)`, `[30, 60]` */
function row(node: PyTuple | PyList, depth: number): PlainOutline | undefined {
  if (node.items.length > mostItems) return undefined
  const items: PlainOutline[] = []
  let length = 0
  for (const item of node.items) {
    const line = plainOutline(item, depth + 1)
    if (line === undefined || (length += line.text.length) > longest) return undefined
    items.push(line)
  }
  const texts = items.map(({ text }) => text)
  const values = items.map(({ value }) => value)
  const whole = values.every((value) => value !== undefined) ? (values as PlainOutline['value']) : undefined
  return node instanceof PyTuple
    ? plain('tuple', tupleText(texts), whole)
    : plain('list', `[${texts.join(', ')}]`, whole)
}

function global({ module, name, path }: PyGlobal): PlainOutline | undefined {
  if (module !== 'torch') return undefined
  if (dtypes.has(name)) return plain('torch.dtype', path)
  return name.startsWith('per_') ? plain('torch.qscheme', path) : undefined
}

/** Calls that stand for a value. */
function called(call: PyCall, depth: number): PlainOutline | undefined {
  const [first, second] = call.args.items
  switch (call.path) {
    case 'torch.Size': {
      const line = first === undefined ? undefined : plainOutline(first, depth + 1)
      return plain(
        'torch.Size',
        `torch.Size(${line ? line.text.replace(/^\(/, '[').replace(/,?\)$/, ']') : '[]'})`,
        line?.value,
      )
    }
    case 'torch.device': {
      if (!(first instanceof PyStr) || (second !== undefined && typeof second !== 'number')) return undefined
      const device = second === undefined ? first.text : `${first.text}:${String(second)}`
      return plain('torch.device', device, device)
    }
    case 'torch.serialization._get_layout':
      return first instanceof PyStr ? plain('torch.layout', first.text, first.text) : undefined
    case 'builtins.complex': {
      const [re, im] = [first, second].map((part) =>
        part === undefined ? undefined : plainOutline(part, depth + 1)?.text,
      )
      return re === undefined || im === undefined ? undefined : plain('complex', `complex(${re}, ${im})`)
    }
    case 'builtins.set':
    case 'builtins.frozenset':
      return noneIn(call, first) ? plain(call.path.slice('builtins.'.length), 'set()') : undefined
    case 'builtins.bytearray':
      return first !== undefined ? withBytes(bytesOfNode(first), true) : undefined
    case '_codecs.encode':
    case 'builtins.bytes':
      return withBytes(bytesOfNode(call), false)
    case 'numpy.core.multiarray.scalar':
    case 'numpy._core.multiarray.scalar':
      return numpy(call)
    case 'numpy.dtype':
      return first instanceof PyStr ? plain('numpy.dtype', `dtype(${pythonRepr(first.text)})`) : undefined
  }
  return undefined
}

function withBytes(bytes: Uint8Array | undefined, mutable: boolean): PlainOutline | undefined {
  return bytes && bytesOutline(bytes, mutable)
}

function noneIn(call: PyCall, items: Node | undefined): boolean {
  if (items === undefined) return (call.items ?? []).length === 0
  return (items instanceof PyList || items instanceof PyTuple) && items.items.length === 0
}

function numpy(call: PyCall): PlainOutline | undefined {
  const name = numpyDtype(call.args.items[0])?.name
  const value = numpyScalar(call)
  if (typeof value === 'string') return { ...textOutline(value), class: 'numpy.str' }
  if (name === undefined) return undefined
  if (typeof value === 'boolean') return plain('numpy.bool', value ? 'True' : 'False', value)
  if (typeof value === 'bigint') return plain(`numpy.${name}`, String(value))
  if (typeof value !== 'number') return undefined
  if (!name.startsWith('float')) return plain(`numpy.${name}`, String(value), value)
  return float(`numpy.${name}`, value, name === 'float32' ? floatText(shortest(value)) : undefined)
}

/** The number of the fewest digits that is the same float32: 0.1, not 0.10000000149011612. */
function shortest(value: number): number {
  if (!Number.isFinite(value)) return value
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}
