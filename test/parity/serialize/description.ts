/** Says of a value what describe.py says of Python's: two descriptions are equal where Node read what Python reads. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'
import { root } from '../../support/paths.js'

const internal = (file: string): any => import(pathToFileURL(join(root, 'dist', file)).href)
const { native } = await internal('binding.js')
const { operatorFunction } = await internal('tensor/operator.js')

export function describe(value: unknown): unknown {
  return new Description().of(value)
}

class Description {
  private readonly met = new Map<object, number>()
  private readonly storages = new Map<bigint, number>()

  of(value: unknown): unknown {
    if (value === null || typeof value === 'boolean') return value
    if (typeof value === 'number' || typeof value === 'bigint') return numberOf(value)
    if (typeof value === 'string') {
      return ['str', /\p{Surrogate}/u.test(value) ? [...value].map((c) => c.codePointAt(0)) : value]
    }
    assert.equal(typeof value, 'object')
    if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('hex')]
    if (value instanceof torch.Tuple && value.length === 0 && !(value instanceof torch.Size)) return ['tuple', null, []]
    const global = value instanceof torch.PyObject && globalName(value)
    if (global) return ['global', global]
    const object = value as object
    const known = this.met.get(object)
    if (known !== undefined) return ['again', known]
    const number = this.met.size
    this.met.set(object, number)
    if (object instanceof torch.Tensor) return this.tensor(object, number)
    if (Array.isArray(object)) {
      const kind = object instanceof torch.Size ? 'Size' : object instanceof torch.Tuple ? 'tuple' : 'list'
      return [kind, number, Array.from(object, (item) => this.of(item))]
    }
    if (object instanceof Set) return ['set', number, Array.from(object, describe)]
    if (object instanceof Map) return ['map', number, this.entries(object)]
    if (object instanceof torch.PyObject) return this.opaque(object, number)
    assert.equal(Object.getPrototypeOf(object), null, 'a dict has no prototype')
    return ['dict', number, this.entries(Object.entries(object))]
  }

  private entries(entries: Iterable<[unknown, unknown]>): unknown[] {
    return Array.from(entries, ([key, item]) => [this.of(key), this.of(item)])
  }

  private opaque(object: torch.PyObject, number: number): unknown {
    const [called, given] = calledOf(object)
    const args = given.map((item) => this.of(item))
    const state = object.state === undefined || object.state === null ? null : this.of(object.state)
    const items = object.items?.length ? object.items.map((item) => this.of(item)) : null
    const entries = object.entries?.size ? this.entries(object.entries) : null
    return ['object', number, called, args, state, items, entries]
  }

  private tensor(t: torch.Tensor, number: number): unknown {
    const parameter = t instanceof torch.Parameter
    if (t instanceof torch.nn.UninitializedParameter || t instanceof torch.nn.UninitializedBuffer) {
      return ['uninitialized', number, `Uninitialized${parameter ? 'Parameter' : 'Buffer'}`, t.requiresGrad]
    }
    return this.parts(t, number, parameter ? 'Parameter' : t instanceof torch.Buffer ? 'Buffer' : 'Tensor')
  }

  private parts(t: torch.Tensor, number: number | null, kind: string): unknown {
    const head: unknown[] = ['tensor', number, kind, t.dtype]
    const part = (...names: string[]): unknown[] =>
      names.map((name) => this.parts(operatorFunction(`aten::${name}`)(t), null, 'Tensor'))
    if (isNested(t)) {
      return [
        ...head,
        'nested',
        ...part('values', '_nested_tensor_size', '_nested_tensor_strides', '_nested_tensor_storage_offsets'),
      ]
    }
    head.push([...t.shape])
    const { layout, requiresGrad } = t
    if (t.device === 'meta') return [...head, 'meta', [...t.stride()], requiresGrad]
    if (layout === 'sparse_coo') {
      return [...head, layout, ...part('_indices', '_values'), t.isCoalesced(), requiresGrad]
    }
    if (layout !== 'strided') {
      const rows = layout === 'sparse_csr' || layout === 'sparse_bsr'
      const names = rows ? ['crow_indices', 'col_indices'] : ['ccol_indices', 'row_indices']
      return [...head, layout, ...part(...names, 'values'), requiresGrad]
    }
    const { id, offset, nbytes, storage } = native().tensorStorage(t)
    if (nbytes > 0 && !this.storages.has(id)) this.storages.set(id, this.storages.size)
    const digest = createHash('sha256').update(native().storageBytes(storage)).digest('hex')
    const strided = [...head, layout, [...t.stride()], offset, requiresGrad, t.isConj(), t.isNeg()]
    strided.push(nbytes > 0 ? this.storages.get(id) : null, nbytes, digest)
    if (!/^qu?int/.test(t.dtype)) return strided
    const q = t as any
    if (q.qscheme() === 0) return [...strided, 'per_tensor_affine', numberOf(q.qScale()), q.qZeroPoint()]
    return [
      ...strided,
      'per_channel_affine',
      ...part('q_per_channel_scales', 'q_per_channel_zero_points'),
      q.qPerChannelAxis(),
    ]
  }
}

function isNested(t: torch.Tensor): boolean {
  try {
    return t.shape === undefined
  } catch {
    return true
  }
}

function numberOf(value: number | bigint): unknown {
  if (typeof value === 'bigint') return ['bigint', String(value)]
  if (Number.isNaN(value)) return ['number', 'nan']
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return ['number', bytes.toString('hex')]
}

/** What is called with which arguments; keyword arguments of `__new__` come last, in whatever way the protocol has them. */
function calledOf(object: torch.PyObject): [called: unknown, args: unknown[]] {
  const args = [...(object.args ?? [])]
  if (object.kind === 'newEx')
    return [object.path, [...args, ...(Object.keys(object.kwargs as object).length ? [object.kwargs] : [])]]
  const { callable } = object
  if (!callable) return [object.path, args]
  const named = globalName(callable)
  if (named) return [named, args]
  const [, made, keywords] = callable.path === 'functools.partial' ? (callable.state as unknown[]) : []
  if (!Array.isArray(made)) return [['called', describe(callable)], args]
  return [globalName(made[0]), [...made.slice(1), keywords]]
}

/** A class or function; one inside of a class is looked up in it, where the pickle has no dotted names. */
function globalName(value: torch.PyObject): string | undefined {
  if (value.kind === 'global') return value.path
  const [holder, name] = value.path === 'builtins.getattr' ? (value.args ?? []) : []
  if (!(holder instanceof torch.PyObject) || typeof name !== 'string') return undefined
  const above = globalName(holder)
  return above && `${above}.${name}`
}

/** What Python described as it is for JavaScript, which has one kind of number, of bytes, of dict. */
export function asRead(told: unknown): unknown {
  if (typeof told === 'object' && told !== null && 'is' in told) return asRead(told.is)
  if (!Array.isArray(told)) return told
  const [kind, value] = told
  switch (kind) {
    case 'int': {
      const int = value.startsWith('-') ? -BigInt(value.slice(1)) : BigInt(value)
      return numberOf(int > -(2n ** 53n) && int < 2n ** 53n ? Number(int) : int)
    }
    case 'float':
      return ['number', value]
    case 'bytearray':
      return ['bytes', value]
    case 'dtype':
    case 'device':
    case 'layout':
      return ['str', value]
    case 'set':
    case 'frozenset':
      return ['set', value, sorted(told[2].map(asRead))]
    default:
      return told.map(asRead)
  }
}

function sorted(items: unknown[]): unknown[] {
  return items
    .map((item) => [JSON.stringify(item), item] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, item]) => item)
}
