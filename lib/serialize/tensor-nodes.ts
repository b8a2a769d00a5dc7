/** Says how Python rebuilds a tensor, as `Tensor.__reduce_ex__` does. */
import { TorchError } from '../errors.js'
import type { Memory } from './memory.js'
import { type Node, PyCall, PyDict, PyGlobal, PyPersistent, type PyStr, PyTuple } from './nodes.js'
import { dtypes, storageType } from './storages.js'
import type { Quantizer } from './tensor-factory.js'
import { type Describer, floatNode, reduce } from './to-nodes.js'

/** What the writer needs to know of a tensor. */
export interface TensorFacts<Storage> {
  layout: string
  nested: boolean
  dtype: string
  device: string
  shape: readonly number[]
  strides: readonly number[]
  requiresGrad: boolean
  conj: boolean
  neg: boolean
  /** undefined where there is none: meta and sparse tensors */
  storage?: { handle: Storage; id: bigint; offset: number; nbytes: number; device: string }
  parameter: boolean
  /** name of the class in Python where sizes are not known yet */
  uninitialized?: string
  /** `persistent` of a Buffer */
  buffer?: boolean
  quantizer?: Quantizer
}

/** Looks at tensors; the native one is in `tensor-native.ts`. */
export interface TensorInspector<Storage> {
  isTensor(value: unknown): value is object
  facts(tensor: object): TensorFacts<Storage>
  /** values, sizes, strides and offsets of a nested tensor */
  nestedParts(tensor: object): object[]
  /** the same without its gradient: what a Parameter holds */
  detached(tensor: object): object
  /** the parts of a sparse tensor in the order of its arguments, and whether a COO tensor is coalesced */
  sparseParts(tensor: object): { parts: object[]; coalesced?: boolean }
  bytes(tensor: object): Uint8Array
}

interface Written<Storage> {
  key: PyStr
  handle: Storage
  dtype: string
  /** elements, of one byte where the storage is untyped */
  numel: number
  nbytes: number
}

/** A storage to be written; its first `nbytes` bytes are. */
export interface StorageToWrite<Storage> {
  key: string
  handle: Storage
  numel: number
  nbytes: number
}

export class TensorWriter<Storage = unknown> {
  private readonly written = new Map<bigint, Written<Storage>>()

  constructor(
    private readonly inspector: TensorInspector<Storage>,
    private readonly newString: (text: string) => PyStr,
    /** whether storages are named as in the format before 1.6 */
    private readonly legacy = false,
  ) {}

  /** The storages met so far, in the order of their keys. */
  get storages(): StorageToWrite<Storage>[] {
    return [...this.written.values()].map(({ key, handle, numel, nbytes }) => ({
      key: key.text,
      handle,
      numel,
      nbytes,
    }))
  }

  isTensor(value: unknown): value is object {
    return this.inspector.isTensor(value)
  }

  node(tensor: object, d: Describer, memory: Memory | undefined): Node {
    if (memory?.numpy && same(this.inspector.bytes(tensor), memory.numpy.bytes)) return memory.numpy.node
    const facts = this.inspector.facts(tensor)
    if (memory?.bareStorage && facts.storage) return this.persistent(facts, d, memory.untyped)
    if (facts.uninitialized) return reduce('torch.nn.parameter', facts.uninitialized, [facts.requiresGrad])
    if (facts.parameter) {
      const held = facts.nested || facts.layout !== 'strided' ? this.inspector.detached(tensor) : tensor
      const data = this.plain(held, { ...facts, requiresGrad: false }, d)
      if (memory?.tensorType) {
        const { path, state } = memory.tensorType
        return new PyCall(
          'reduce',
          path,
          new PyTuple([data, facts.requiresGrad, noHooks(), d.node(state)]),
          undefined,
          0,
        )
      }
      return reduce('torch._utils', '_rebuild_parameter', [data, facts.requiresGrad, noHooks()])
    }
    const plain = this.plain(tensor, facts, d)
    if (facts.buffer !== undefined) {
      const state = new PyDict()
      state.keys.push(d.literal('persistent'), d.literal('_is_buffer'))
      state.values.push(facts.buffer, true)
      return fromType(plain, new PyGlobal('torch', 'Tensor'), state)
    }
    if (memory?.tensorType) return fromType(plain, memory.tensorType.path, d.node(memory.tensorType.state))
    return plain
  }

  /** Why C++'s reader of archives could not read a tensor; undefined when it can. */
  refusedByCpp(tensor: object): string | undefined {
    const { layout, device, dtype, quantizer, uninitialized } = this.inspector.facts(tensor)
    if (uninitialized !== undefined) return 'a parameter without a shape'
    if (layout !== 'strided') return `a tensor of layout ${layout}`
    if (device.startsWith('meta')) return 'a tensor on the meta device'
    if (quantizer) return 'a quantized tensor'
    return dtypes.get(dtype)?.storage === undefined ? `a tensor of dtype ${dtype}` : undefined
  }

  /** A tensor without its class, as archives of C++ have it. */
  bare(tensor: object, d: Describer, requiresGrad?: boolean): PyCall {
    const facts = this.inspector.facts(tensor)
    return this.plain(tensor, requiresGrad === undefined ? facts : { ...facts, requiresGrad }, d)
  }

  private plain(tensor: object, facts: TensorFacts<Storage>, d: Describer): PyCall {
    const { dtype, requiresGrad } = facts
    if (facts.layout !== 'strided') return this.sparse(tensor, facts, d)
    if (facts.nested) {
      const parts = this.inspector.nestedParts(tensor).map((part) => d.node(part))
      return reduce('torch._utils', '_rebuild_nested_tensor', parts)
    }
    const size = new PyTuple([...facts.shape])
    const stride = new PyTuple([...facts.strides])
    if (facts.device.startsWith('meta')) {
      return reduce('torch._utils', '_rebuild_meta_tensor_no_storage', [dtypeNode(dtype), size, stride, requiresGrad])
    }
    if (facts.storage === undefined) {
      throw new TorchError(`torch.save: tensors of dtype ${dtype} on ${facts.device} cannot be saved`)
    }
    if (facts.quantizer) return this.quantized(facts, facts.quantizer, size, stride, d)
    const old = dtypes.get(dtype)?.storage !== undefined
    const args: Node[] = [this.persistent(facts, d), facts.storage.offset, size, stride, requiresGrad, noHooks()]
    if (!old) args.push(dtypeNode(dtype))
    if (facts.conj || facts.neg) {
      const bits = new PyDict()
      for (const bit of ['neg', 'conj'] as const) {
        if (!facts[bit]) continue
        bits.keys.push(this.newString(bit))
        bits.values.push(true)
      }
      args.push(bits)
    }
    return new PyCall('reduce', old ? rebuildOld : rebuildNew, new PyTuple(args), undefined, 0)
  }

  private quantized(facts: TensorFacts<Storage>, q: Quantizer, size: PyTuple, stride: PyTuple, d: Describer): PyCall {
    // its own storage gets its key before those of the quantizer's tensors
    const storage = this.persistent(facts, d)
    const params =
      q.scheme === 'per_tensor_affine'
        ? [floatNode(q.scale), q.zeroPoint]
        : [d.node(q.scales), d.node(q.zeroPoints), q.axis]
    const quantizer = new PyTuple([new PyGlobal('torch', q.scheme), ...params])
    const args = [storage, facts.storage!.offset, size, stride, quantizer, facts.requiresGrad, noHooks()]
    return reduce('torch._utils', '_rebuild_qtensor', args)
  }

  private persistent(facts: TensorFacts<Storage>, d: Describer, bare = false): PyPersistent {
    const { id, handle, nbytes, device } = facts.storage!
    const named = storageType(bare ? '' : facts.dtype)
    const untyped = named.name === 'UntypedStorage'
    // Python writes untyped storages in the format before 1.6, too, and cannot read them
    const type = untyped && this.legacy ? storageType('uint8') : named
    const dtype = untyped ? 'uint8' : facts.dtype
    const size = dtypes.get(dtype)!.size
    const numel = Math.floor(nbytes / size)
    let written = this.written.get(id)
    if (written === undefined) {
      written = { key: this.newString(String(this.written.size)), handle, dtype, numel, nbytes: numel * size }
      this.written.set(id, written)
    } else if (written.dtype !== dtype && nbytes > 0) {
      throw new TorchError('Cannot save multiple tensors or storages that view the same data as different types')
    }
    // 'cpu' is a literal, 'cuda:0' is put together for each storage
    const location = device === 'cpu' ? d.literal('cpu') : this.newString(device)
    // the format before 1.6 makes the key anew each time, and names the view that a storage could once be
    const key = this.legacy ? this.newString(written.key.text) : written.key
    const parts: Node[] = [d.literal('storage'), type, key, location, numel]
    return new PyPersistent(new PyTuple(this.legacy ? [...parts, null] : parts), undefined)
  }

  private sparse(tensor: object, facts: TensorFacts<Storage>, d: Describer): PyCall {
    const { parts, coalesced } = this.inspector.sparseParts(tensor)
    const layout = reduce('torch.serialization', '_get_layout', [this.newString(`torch.${facts.layout}`)])
    const size = reduce('torch', 'Size', [new PyTuple([...facts.shape])])
    const items: Node[] = [...parts.map((part) => d.node(part)), size]
    if (coalesced !== undefined) items.push(coalesced)
    return reduce('torch._utils', '_rebuild_sparse_tensor', [layout, new PyTuple(items)])
  }
}

const ordered = new PyGlobal('collections', 'OrderedDict')
const rebuildOld = new PyGlobal('torch._utils', '_rebuild_tensor_v2')
const rebuildNew = new PyGlobal('torch._utils', '_rebuild_tensor_v3')

function noHooks(): PyCall {
  return new PyCall('reduce', ordered, new PyTuple([]), undefined, 0)
}

function dtypeNode(name: string): PyGlobal {
  return new PyGlobal('torch', name)
}

function fromType(rebuild: PyCall, type: PyGlobal, state: Node): PyCall {
  return reduce('torch._tensor', '_rebuild_from_type_v2', [rebuild.callable, type, rebuild.args, state])
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
