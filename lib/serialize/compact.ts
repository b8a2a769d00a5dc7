/**
 * What `torch.save(…, { compact: true })` writes in place of whole storages: the parts that the saved tensors use. Tensors
 * whose memory overlaps keep sharing one storage; a tensor that is alone with its memory and leaves gaps in it loses them.
 */
import type { StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { operatorFunction } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'
import { PyStr } from './nodes.js'
import { dtypes } from './storages.js'
import { type TensorFacts, type TensorInspector, TensorWriter } from './tensor-nodes.js'
import { Describer } from './to-nodes.js'

type Facts = TensorFacts<StorageHandle>
type Stored = NonNullable<Facts['storage']>

interface Dimension {
  length: number
  /** in elements, above 0 */
  stride: number
}

/** The memory that tensors use in the same way, transposed and expanded ones among them. */
interface Area {
  /** bytes of the storage */
  from: number
  to: number
  /** bytes of an element */
  size: number
  /** those in which the memory is walked through, the widest stride first */
  dimensions: Dimension[]
}

/** A storage of its own for areas that belong together. */
interface Part {
  storage: Stored
  from: number
  /** strides after the gaps were left out, by stride before */
  strides?: Map<number, number>
}

const sizeOf = (dtype: string): number => dtypes.get(dtype)!.size

function areaOf({ dtype, shape, strides }: Facts, { offset }: Stored): Area {
  const size = sizeOf(dtype)
  const dimensions = shape
    .map((length, i) => ({ length, stride: strides[i]! }))
    .filter(({ length, stride }) => length > 1 && stride > 0)
    .sort((a, b) => b.stride - a.stride)
  const last = dimensions.reduce((sum, { length, stride }) => sum + (length - 1) * stride, 0)
  const elements = shape.includes(0) ? 0 : last + 1
  const from = elements === 0 ? 0 : offset * size
  return { from, to: from + elements * size, size, dimensions: elements === 0 ? [] : dimensions }
}

function keyOf({ from, to, size, dimensions }: Area): string {
  return [from, to, size, ...dimensions.map(({ length, stride }) => `${length}x${stride}`)].join(' ')
}

/** Strides without gaps where there are some; undefined where elements lie close together, or over one another. */
function packed({ from, to, size, dimensions }: Area): Map<number, number> | undefined {
  const strides = new Map<number, number>()
  let [dense, end] = [1, 1]
  for (const { length, stride } of dimensions.toReversed()) {
    if (stride < end) return undefined
    strides.set(stride, dense)
    dense *= length
    end = stride * length
  }
  return dense * size < to - from ? strides : undefined
}

/** The storages of an object, with the areas that its tensors use. */
class Uses {
  private readonly byStorage = new Map<bigint, { stored: Stored; areas: Map<string, Area> }>()
  private count = 0n

  constructor(private readonly inspector: TensorInspector<StorageHandle>) {}

  /** An inspector that notes what it is asked for. Ids are all different here: what shares a storage is found out later. */
  get noting(): TensorInspector<StorageHandle> {
    const facts = (tensor: object): Facts => {
      const found = this.inspector.facts(tensor)
      const { storage } = found
      if (storage === undefined) return found
      let uses = this.byStorage.get(storage.id)
      if (uses === undefined) this.byStorage.set(storage.id, (uses = { stored: storage, areas: new Map() }))
      const area = areaOf(found, storage)
      uses.areas.set(keyOf(area), area)
      return { ...found, storage: { ...storage, id: ++this.count } }
    }
    return { ...this.inspector, facts }
  }

  /** The parts of each storage that is not used as a whole, by the keys of their areas. */
  parts(): Map<bigint, { stored: Stored; byArea: Map<string, Part> }> {
    let id = 0n
    const all = new Map<bigint, { stored: Stored; byArea: Map<string, Part> }>()
    for (const { stored, areas } of this.byStorage.values()) {
      const groups = overlapping([...areas.values()])
      const [only] = groups
      const whole = groups.length === 1 && only![0]!.from === 0 && endOf(only!) === stored.nbytes
      if (whole && (only!.length > 1 || packed(only![0]!) === undefined)) continue
      const byArea = new Map<string, Part>()
      for (const group of groups) {
        const part = partOf(stored, group, --id)
        for (const area of group) byArea.set(keyOf(area), part)
      }
      // with the storage itself, whose id no other one can get while it lives
      all.set(stored.id, { stored, byArea })
    }
    return all
  }
}

const endOf = (areas: Area[]): number => Math.max(...areas.map(({ to }) => to))

/** Areas in groups that have no byte in common. */
function overlapping(areas: Area[]): Area[][] {
  const groups: Area[][] = []
  let end = -1
  for (const area of areas.sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (area.from < end) groups.at(-1)!.push(area)
    else groups.push([area])
    end = Math.max(end, area.to)
  }
  return groups
}

/** Copies the bytes of a group to a storage of its own. */
function partOf(stored: Stored, group: Area[], id: bigint): Part {
  const size = Math.max(...group.map((area) => area.size))
  // elements of every size have to lie at a multiple of it
  const from = Math.floor(group[0]!.from / size) * size
  const strides = group.length === 1 ? packed(group[0]!) : undefined
  const view = strides ? withGaps(stored, group[0]!) : bytesOf(stored, from, endOf(group) - from)
  const copy = copyOf(view, stored.device)
  const { storage: handle, nbytes } = native().tensorStorage(copy)
  return { storage: { ...stored, handle, id, offset: 0, nbytes }, from, ...(strides && { strides }) }
}

function bytesOf(stored: Stored, from: number, count: number): Tensor {
  return native().tensorFromStorage(new Tensor(), stored.handle, 'uint8', from, [count], [1])
}

/** The elements of an area as integers, which are copied bit by bit. */
function withGaps(stored: Stored, { from, size, dimensions }: Area): Tensor {
  const unit = Math.min(size, 8)
  const perElement = size / unit
  const shape = [...dimensions.map(({ length }) => length), perElement]
  const strides = [...dimensions.map(({ stride }) => stride * perElement), 1]
  const dtype = unit === 1 ? 'uint8' : `int${unit * 8}`
  return native().tensorFromStorage(new Tensor(), stored.handle, dtype, from / unit, shape, strides)
}

function copyOf(view: Tensor, device: string): Tensor {
  const ask = (operator: string, ...rest: unknown[]): Tensor =>
    operatorFunction(`aten::${operator}`)(view, ...rest) as Tensor
  return device === 'cpu' ? ask('clone', { memoryFormat: 'contiguous_format' }) : ask('contiguous').to('cpu')
}

/** Sees the tensors of an object as if each had no more memory than it uses. */
export function compacting(obj: unknown, inspector: TensorInspector<StorageHandle>): TensorInspector<StorageHandle> {
  const uses = new Uses(inspector)
  new Describer(new TensorWriter(uses.noting, (text) => new PyStr(text))).node(obj)
  const parts = uses.parts()
  const facts = (tensor: object): Facts => {
    const found = inspector.facts(tensor)
    const { storage } = found
    const area = storage && areaOf(found, storage)
    const part = area && parts.get(storage.id)?.byArea.get(keyOf(area))
    if (!part) return found
    const strides = found.strides.map((stride, i) =>
      found.shape[i]! > 1 ? (part.strides?.get(stride) ?? stride) : stride,
    )
    const offset = (area.from - part.from) / area.size
    return { ...found, strides, storage: { ...part.storage, offset } }
  }
  return { ...inspector, facts }
}
