/**
 * The allowlist: every global of a pickle that means something here, one row each. What has no row is kept as an inert
 * {@link PyObject}; no row runs anything but the code below it.
 */
import { Size } from '../tensor/python-values.js'
import { bytesOf } from './bytes.js'
import { type Node, PyCall, PyDict, PyGlobal, PyList, PyStr, PyTuple } from './nodes.js'
import { numpyRows } from './numpy.js'
import type { Reviver } from './revive.js'
import { dtypes } from './storages.js'
import { shapeOf, tensorRows } from './tensor-rows.js'
import { oldTensorRows } from './tensor-rows-old.js'

export interface GlobalRow {
  /** the value of the global itself, where it is data */
  value?: string
  /** the value of a call of it; undefined when the arguments are of no known form, so that it stays inert */
  call?(call: PyCall, reviver: Reviver): unknown
}

const containers: Record<string, GlobalRow> = {
  'collections.OrderedDict': { call: orderedDict },
  'collections.defaultdict': { call: (call, r) => r.typedDict(call, ...contents(call)) },
  'collections.Counter': { call: counter },
  'builtins.set': { call: (call, r) => setOf(call, r, false) },
  'builtins.frozenset': { call: (call, r) => setOf(call, r, true) },
  'builtins.bytes': { call: (call) => bytesOf(call, false) },
  'builtins.bytearray': { call: (call) => bytesOf(call, true) },
  'copyreg._reconstructor': { call: reconstructed },
  '_codecs.encode': { call: (call) => bytesOf(call, false) },
}

/** Dtypes without tensors of their own in files. */
const belowAByte = [1, 2, 3, 4, 5, 6, 7].flatMap((bits) => [`uint${bits}`, `int${bits}`])

const torchValues: Record<string, GlobalRow> = {
  'torch.Size': { call: size },
  'torch.device': { call: device },
  'torch.serialization._get_layout': { call: layout },
  ...Object.fromEntries([...dtypes.keys(), ...belowAByte].map((name) => [`torch.${name}`, { value: name }])),
}

const rows = new Map<string, GlobalRow>(
  Object.entries({ ...containers, ...torchValues, ...tensorRows, ...oldTensorRows, ...numpyRows } as Record<
    string,
    GlobalRow
  >),
)

/** The row of a global. */
export function findGlobal(global: PyGlobal): GlobalRow | undefined {
  return rows.get(global.path)
}

function contents(call: PyCall): [keys: Node[], values: Node[]] {
  return [call.keys ?? [], call.values ?? []]
}

/** Python 2 has the items among the arguments, as a list of pairs. */
function orderedDict(call: PyCall, r: Reviver): unknown {
  const [items] = call.args.items
  if (items === undefined) return r.typedDict(call, ...contents(call))
  if (!(items instanceof PyList) || call.args.items.length > 1) return undefined
  const pairs: Node[][] = []
  for (const pair of items.items) {
    if (!(pair instanceof PyList || pair instanceof PyTuple) || pair.items.length !== 2) return undefined
    pairs.push(pair.items)
  }
  const [keys, values] = contents(call)
  const all = [...pairs.map(([key]) => key!), ...keys]
  return r.typedDict(call, all, [...pairs.map(([, value]) => value!), ...values], new PyTuple([]))
}

function counter(call: PyCall, r: Reviver): unknown {
  const [counts] = call.args.items
  if (call.args.items.length !== 1 || !(counts instanceof PyDict) || call.state !== undefined) return undefined
  return r.typedDict(call, counts.keys, counts.values)
}

function setOf(call: PyCall, r: Reviver, frozen: boolean): unknown {
  const [items] = call.args.items
  if (call.args.items.length === 0) return r.set(call, call.items ?? [], frozen)
  return items instanceof PyList || items instanceof PyTuple ? r.set(call, items.items, frozen) : undefined
}

/**
 * How protocols 0 and 1 make an object of a class, which later ones say in an opcode. A class over list, tuple, int and the like
 * stays as it is, as only `base.__new__` makes it of these arguments. Source: copyreg.py, _reconstructor, Python 3.11.
 */
function reconstructed(call: PyCall, r: Reviver): unknown {
  const [type, base] = call.args.items
  if (call.args.items.length !== 3 || !(type instanceof PyGlobal && base instanceof PyGlobal)) return undefined
  if (base.path !== 'builtins.object') return undefined
  return r.object(new PyCall('new', type, new PyTuple([]), undefined, call.offset), call)
}

function size(call: PyCall): unknown {
  const [items] = call.args.items
  const shape = call.args.items.length === 0 ? [] : items instanceof PyTuple ? shapeOf(items) : undefined
  if (shape === undefined) return undefined
  return Size.from(shape)
}

function device(call: PyCall): unknown {
  const [type, index] = call.args.items
  if (!(type instanceof PyStr)) return undefined
  if (index === undefined) return type.text
  return typeof index === 'number' && Number.isInteger(index) ? `${type.text}:${index}` : undefined
}

function layout(call: PyCall): unknown {
  const [name] = call.args.items
  return name instanceof PyStr && name.text.startsWith('torch.') ? name.text : undefined
}
