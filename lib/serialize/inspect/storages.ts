/** The storages of a file: what is known of them without reading them. */
import { type Node, PyGlobal, PyStr, PyTuple, Substitute } from '../nodes.js'
import { readStorageId, type StorageRef } from '../storages.js'
import type { Where } from '../where.js'

/** A storage that a pickle refers to. */
export interface StorageFacts extends StorageRef {
  /** path of the first tensor in it */
  first?: string
  /** bytes that its tensors have; together more than its own where they overlap */
  used: number
  problem?: string
}

/** Collects storages while a pickle is read. */
export class StorageTable {
  readonly byKey = new Map<string, StorageFacts>()
  /** classes that come with their source code */
  readonly sources: string[] = []

  /** @param check - says what is wrong with a storage that is met for the first time */
  constructor(
    private readonly where: Where,
    private readonly check: (ref: StorageRef) => string | undefined = () => undefined,
  ) {}

  /** For the reader of the pickle. */
  readonly load = (id: Node, offset: number): StorageFacts | Substitute => {
    const where = { ...this.where, offset }
    const type = classWithSource(id)
    if (type) {
      this.sources.push(type.path)
      return new Substitute(type)
    }
    const { root, view } = withoutView(id)
    const ref = readStorageId(root, where)
    let facts = this.byKey.get(ref.key)
    if (facts === undefined) {
      const problem = this.check(ref)
      facts = { ...ref, used: 0, ...(problem !== undefined && { problem }) }
      this.byKey.set(ref.key, facts)
    } else if (facts.nbytes !== ref.nbytes) {
      facts.problem ??= `the storage is said to have ${facts.nbytes} bytes, and ${ref.nbytes}`
    }
    if (view === undefined) return facts
    // a part of a storage, which PyTorch has not written since 0.4: its tensors count from its own beginning
    return { ...facts, numel: view, nbytes: view * (ref.numel > 0 ? ref.nbytes / ref.numel : 0) }
  }
}

/** The class of `('module', class, file, source)`, as models were saved before 1.6. */
function classWithSource(id: Node): PyGlobal | undefined {
  const isClass = id instanceof PyTuple && id.items.length === 4
  const [word, type] = isClass ? id.items : []
  return word instanceof PyStr && word.text === 'module' && type instanceof PyGlobal ? type : undefined
}

/** The id of a storage without its sixth part, `(key, offset, elements)` in the files of old. */
function withoutView(id: Node): { root: Node; view?: number } {
  if (!(id instanceof PyTuple) || id.items.length !== 6 || !(id.items[0] instanceof PyStr)) return { root: id }
  const view = id.items[5]
  const length = view instanceof PyTuple ? view.items[2] : undefined
  const root = new PyTuple(id.items.slice(0, 5))
  return typeof length === 'number' && length >= 0 ? { root, view: length } : { root }
}
