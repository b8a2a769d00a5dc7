/** Writes safetensors files, with the bytes that the format's own library writes. */
import type { StorageHandle } from '../../../binding.js'
import { native } from '../../binding.js'
import { ArgumentError } from '../../errors.js'
import { operatorFunction } from '../../tensor/operator.js'
import { entriesInOrder } from '../../tensor/python-values.js'
import { Tensor } from '../../tensor/tensor.js'
import { gathered, type Part, writePieces, writePiecesSync } from '../pieces.js'
import { dtypes } from '../storages.js'
import { nativeTensors } from '../tensor-native.js'
import type { TensorFacts } from '../tensor-nodes.js'
import { canWrite, inFileOrder, maxHeader, type Piece, writeHeader } from './header.js'

/** Tensors up to this are faster copied by way of JavaScript. */
const small = 1 << 14

interface Source extends Piece {
  tensor: Tensor
  facts: TensorFacts<StorageHandle>
}

/** What a file is going to be: its head, and its tensors in order. */
export interface SafetensorsPlan {
  head: Uint8Array
  sources: Source[]
  /** what was given, in its order; its texts; and the bytes of each tensor */
  entries: [string, unknown][]
  texts: Record<string, string> | undefined
  sizes: ReadonlyMap<string, number>
}

/**
 * @param metadata - texts for the file's `__metadata__`; by default those of the file that the state dict was read from
 * @throws {@link ArgumentError} for what the format cannot hold, among it tensors that share memory
 */
export function planSafetensors(stateDict: unknown, metadata: unknown): SafetensorsPlan {
  const entries = entriesOf(stateDict)
  const sources = inFileOrder(entries.map(([name, value]) => sourceOf(name, value)))
  refuseShared(sources)
  const read = Object.getOwnPropertyDescriptor(stateDict as object, '__metadata__')
  const texts = checkMetadata(metadata ?? (read?.enumerable === false ? read.value : undefined))
  const head = writeHeader(sources, texts)
  if (head.byteLength - 8 > maxHeader) throw refused(`the header would have more than ${maxHeader} bytes`)
  return { head, sources, entries, texts, sizes: new Map(sources.map(({ name, nbytes }) => [name, nbytes])) }
}

const refused = (message: string): ArgumentError => new ArgumentError(`torch.save: safetensors: ${message}`)

function entriesOf(stateDict: unknown): [string, unknown][] {
  const entries = stateDict instanceof Map ? [...stateDict] : isPlain(stateDict) ? entriesInOrder(stateDict) : undefined
  if (!entries) throw refused(`a state dict is expected, an object or Map of names and tensors, not ${kind(stateDict)}`)
  return entries
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function kind(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : `a ${typeof value}`
  return `a ${value.constructor?.name ?? 'plain object'}`
}

function sourceOf(name: unknown, value: unknown): Source {
  if (typeof name !== 'string') throw refused(`names have to be strings, not ${kind(name)}`)
  const title = JSON.stringify(name)
  if (name === '__metadata__') throw refused(`no tensor can be called ${title}: give { metadata }`)
  if (/\p{Surrogate}/u.test(name)) throw refused(`the name ${title} has half a character`)
  if (!(value instanceof Tensor)) throw refused(`${title} is ${kind(value)}; only tensors can be saved`)
  const facts = nativeTensors.facts(value)
  const { layout, dtype, shape } = facts
  if (facts.uninitialized) throw refused(`${title} is not initialized yet`)
  if (layout !== 'strided') throw refused(`${title} has the layout ${layout}; toDense() makes it one that can be saved`)
  if (!canWrite(dtype)) throw refused(`${title} has the dtype ${dtype}, which the format has not`)
  if (facts.storage === undefined) throw refused(`${title} has no data: it is on the device ${facts.device}`)
  if (dtype === 'float4_e2m1fn_x2' && shape.length === 0) throw refused(`${title}, ${dtype}, needs a dimension`)
  const nbytes = shape.reduce((product, size) => product * size, dtypes.get(dtype)!.size)
  return { name, dtype, shape, nbytes, tensor: value, facts }
}

function checkMetadata(metadata: unknown): Record<string, string> | undefined {
  if (metadata === undefined || metadata === null) return undefined
  if (!isPlain(metadata)) throw refused(`metadata has to be an object of texts, not ${kind(metadata)}`)
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== 'string') throw refused(`metadata ${JSON.stringify(key)} is ${kind(text)}, not a text`)
    if (/\p{Surrogate}/u.test(key + text)) throw refused(`metadata ${JSON.stringify(key)} has half a character`)
  }
  return metadata as Record<string, string>
}

/** Tensors whose memory overlaps would be written twice, and be apart when they are read again. */
function refuseShared(sources: Source[]): void {
  const byStorage = new Map<bigint, { name: string; from: number; to: number }[]>()
  for (const { name, dtype, shape, nbytes, facts } of sources) {
    if (nbytes === 0) continue
    const { id, offset } = facts.storage!
    const size = dtypes.get(dtype)!.size
    const last = shape.reduce((sum, length, i) => sum + (length - 1) * facts.strides[i]!, 0)
    const area = { name, from: offset * size, to: (offset + last + 1) * size }
    const others = byStorage.get(id)
    if (others) others.push(area)
    else byStorage.set(id, [area])
  }
  const shared: string[] = []
  for (const areas of byStorage.values()) {
    areas.sort((a, b) => a.from - b.from)
    let group: string[] = []
    let end = 0
    const close = (): void => {
      if (group.length > 1) shared.push(`{${group.map((name) => JSON.stringify(name)).join(', ')}}`)
    }
    for (const { name, from, to } of areas) {
      if (from >= end) {
        close()
        group = []
      }
      group.push(name)
      end = Math.max(end, to)
    }
    close()
  }
  if (shared.length === 0) return
  const advice = 'leave out all but one of each group, or save copies (tensor.clone())'
  throw refused(`some tensors share memory, which the format cannot say: ${shared.join(', ')}; ${advice}`)
}

/** The file's parts one after the other. */
function* partsOf({ head, sources }: SafetensorsPlan): Generator<Part> {
  yield head
  for (const source of sources) {
    if (source.nbytes <= small) yield wholeOf(source)
    else {
      const dense = denseOf(source)
      const { storage, offset } = native().tensorStorage(dense)
      yield { storage, from: offset * dense.itemsize, nbytes: source.nbytes }
    }
  }
}

function bytesOf(plan: SafetensorsPlan): Iterable<Uint8Array> {
  const most = plan.sources.reduce((sum, { nbytes }) => sum + nbytes, plan.head.byteLength)
  return gathered(partsOf(plan), most)
}

function wholeOf({ name, tensor, nbytes }: Source): Uint8Array {
  const bytes = new Uint8Array(native().bytes(tensor))
  if (bytes.byteLength !== nbytes) throw changed(name)
  return bytes
}

/** The values in the CPU's memory one after the other: the tensor's own memory where they are. */
function denseOf({ name, tensor, nbytes, facts }: Source): Tensor {
  const ask = (operator: string, from: Tensor): Tensor => operatorFunction(`aten::${operator}`)(from) as Tensor
  let dense = ask('detach', tensor)
  if (facts.conj) dense = ask('resolve_conj', dense)
  if (facts.neg) dense = ask('resolve_neg', dense)
  if (facts.device !== 'cpu') dense = dense.to('cpu')
  dense = ask('contiguous', dense)
  if (dense.nbytes !== nbytes) throw changed(name)
  return dense
}

const changed = (name: string): ArgumentError => refused(`${JSON.stringify(name)} was changed while it was saved`)

/** Makes the file at `path`, which must not exist, and flushes it to the disk. The bytes are written off this thread. */
export async function writeSafetensors(path: string, plan: SafetensorsPlan): Promise<void> {
  await writePieces(path, bytesOf(plan))
}

/** {@link writeSafetensors}, on this thread. */
export function writeSafetensorsSync(path: string, plan: SafetensorsPlan): void {
  writePiecesSync(path, bytesOf(plan))
}
