/**
 * The allowlist: every global of a pickle that means something here, one row each. What has no row is kept as an inert
 * {@link PyObject}; no row runs anything but the code below it.
 */
import { Size } from '../tensor/python-values.js'
import { bytesOf } from './bytes.js'
import { type Node, type PyCall, PyDict, type PyGlobal, PyList, PyStr, PyTuple } from './nodes.js'
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
  'collections.OrderedDict': { call: (call, r) => r.typedDict(call, ...contents(call)) },
  'collections.defaultdict': { call: (call, r) => r.typedDict(call, ...contents(call)) },
  'collections.Counter': { call: counter },
  'builtins.set': { call: (call, r) => setOf(call, r, false) },
  'builtins.frozenset': { call: (call, r) => setOf(call, r, true) },
  'builtins.bytes': { call: (call) => bytesOf(call, false) },
  'builtins.bytearray': { call: (call) => bytesOf(call, true) },
  '_codecs.encode': { call: (call) => bytesOf(call, false) },
}

const torchValues: Record<string, GlobalRow> = {
  'torch.Size': { call: size },
  'torch.device': { call: device },
  'torch.serialization._get_layout': { call: layout },
  ...Object.fromEntries([...dtypes.keys()].map((name) => [`torch.${name}`, { value: name }])),
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
