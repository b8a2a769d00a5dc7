/** A pickle as a tree of {@link Outline}s. Every container and tensor is told once; what comes again refers to its first place. */
import { pythonRepr } from '../../tensor/python-text.js'
import { limits } from '../limits.js'
import { kindOf, type Node, PyCall, PyDict, PyGlobal, PyList, PyPersistent, PySet, PyStr, PyTuple } from '../nodes.js'
import { unsafe, type Where } from '../where.js'
import { plainOutline } from './plain.js'
import type { StorageFacts } from './storages.js'
import { tensorOutline } from './tensors.js'
import type { ContainerOutline, Entry, ObjectOutline, Outline, TensorOutline } from './types.js'

/** Plain values of one container that are kept; tensors and containers all are. */
const mostPlain = 1000

/** Attributes of every `torch.nn.Module` that are told as its contents, or say nothing where they are empty. */
const contents = ['_parameters', '_buffers', '_modules']
const bookkeeping = /^_(non_persistent_buffers_set|is_full_backward_hook|.*_hooks(_with_kwargs|_always_called)?)$/

/** Classes of dicts and of lists whose constructor takes no more than their contents. */
const dicts = new Set(['collections.OrderedDict', 'collections.defaultdict', 'collections.Counter'])
const sets = new Set(['builtins.set', 'builtins.frozenset'])

export class Outliner {
  /** all tensors, also the parts of sparse ones; their bytes are in `storages` */
  readonly tensors: TensorOutline[] = []
  private readonly seen = new Map<Node, { class: string; path: string }>()
  private readonly steps: string[] = []

  constructor(
    private readonly where: Where,
    private readonly storages: ReadonlyMap<string, StorageFacts>,
  ) {}

  /** Begins the paths of what follows. */
  within<T>(step: string, body: () => T): T {
    if (this.steps.length >= limits.depth) {
      throw unsafe(this.where, `more than ${limits.depth} levels of objects inside of one another`)
    }
    this.steps.push(step)
    const result = body()
    this.steps.pop()
    return result
  }

  private get path(): string {
    return this.steps.join('')
  }

  outline(node: Node): Outline {
    const line = plainOutline(node)
    if (line) return line
    const before = this.seen.get(node)
    if (before) return { type: 'again', ...before }
    const known = { class: className(node), path: this.path }
    this.seen.set(node, known)
    const out = this.made(node)
    if ('class' in out) known.class = out.class
    return out
  }

  private made(node: Node): Outline {
    if (node instanceof PyPersistent) return this.storage(node)
    if (node instanceof PyDict) return this.dict('dict', node.keys, node.values)
    if (node instanceof PyList) return this.list('list', node.items)
    if (node instanceof PyTuple) return this.list('tuple', node.items)
    if (node instanceof PySet) return this.list(node.frozen ? 'frozenset' : 'set', node.items)
    if (node instanceof PyGlobal) return { type: 'object', class: node.path, global: true, entries: [] }
    return this.call(node as PyCall)
  }

  private storage(node: PyPersistent): Outline {
    const { key, dtype, untyped, location, nbytes, problem } = node.target as StorageFacts
    const name = untyped ? 'torch.UntypedStorage' : 'torch.TypedStorage'
    this.use(this.storages.get(key)!, nbytes)
    return {
      type: 'storage',
      class: name,
      path: this.path,
      dtype,
      device: location,
      bytes: nbytes,
      storage: key,
      ...(problem !== undefined && { problem }),
    }
  }

  private use(storage: StorageFacts, bytes: number): string | undefined {
    const { first } = storage
    storage.first ??= this.path
    storage.used += bytes
    return first
  }

  private dict(name: string, keys: Node[], values: Node[]): ContainerOutline {
    const out: ContainerOutline = { type: 'container', class: name, length: keys.length, entries: [] }
    const omitted = this.fill(out.entries, values, (i) => {
      const key = keys[i]!
      if (key instanceof PyStr) return [key.text, `[${JSON.stringify(key.text)}]`]
      const tensor = key instanceof PyCall ? tensorOutline(key, this) : undefined
      const text = plainOutline(key)?.text ?? tensor?.class ?? kindOf(key)
      return [text, `[${text}]`]
    })
    return omitted > 0 ? { ...out, omitted } : out
  }

  private list(name: string, items: Node[]): ContainerOutline {
    const out: ContainerOutline = { type: 'container', class: name, length: items.length, entries: [] }
    const omitted = this.fill(out.entries, items, (i) => [String(i), `[${i}]`])
    return omitted > 0 ? { ...out, omitted } : out
  }

  /** Outlines the values of a container; returns how many were left out. */
  private fill(entries: Entry[], values: Node[], name: (i: number) => [key: string, step: string]): number {
    let lines = 0
    let omitted = 0
    for (let i = 0; i < values.length; i++) {
      const line = plainOutline(values[i]!)
      if (line !== undefined && ++lines > mostPlain) {
        omitted++
        continue
      }
      const [key, step] = name(i)
      entries.push({ key, step, value: line ?? this.within(step, () => this.outline(values[i]!)) })
    }
    return omitted
  }

  /** The entries of a dict of attributes. */
  attributes(state: PyDict): Entry[] {
    const entries: Entry[] = []
    this.fill(entries, state.values, (i) => {
      const key = state.keys[i]
      const text = key instanceof PyStr ? key.text : pythonRepr(kindOf(key))
      return [text, `.${text}`]
    })
    return entries
  }

  private call(call: PyCall): Outline {
    const tensor = tensorOutline(call, this)
    if (tensor) return this.placed(tensor)
    const { path } = call
    if (dicts.has(path)) return this.typedDict(call)
    if (sets.has(path)) return this.list(path.slice('builtins.'.length), setItems(call))
    if (path === 'collections.deque' && call.args.items.length === 0) return this.list('deque', call.items ?? [])
    // TorchScript says the types of lists and dicts by such calls
    if (/^torch\.jit\._pickle\.(build_\w+|restore_type_tag)$/.test(path) && call.args.items.length > 0) {
      return this.outline(call.args.items[0]!)
    }
    return this.object(call)
  }

  private placed(tensor: TensorOutline): TensorOutline {
    tensor.path = this.path
    const shared = this.note(tensor)
    if (shared !== undefined) tensor.sharedWith = shared
    this.tensors.push(tensor)
    return tensor
  }

  /** Counts the bytes of a tensor for its storage; returns the path of the tensor that has it, too. */
  note(tensor: TensorOutline): string | undefined {
    const storage = tensor.storage === undefined ? undefined : this.storages.get(tensor.storage)
    return storage && this.use(storage, tensor.bytes)
  }

  private typedDict(call: PyCall): ContainerOutline {
    const [, name] = call.path.split('.')
    const [counts] = call.args.items
    const inner = name === 'Counter' && counts instanceof PyDict ? counts : undefined
    const out = this.dict(name!, inner?.keys ?? call.keys ?? [], inner?.values ?? call.values ?? [])
    if (!(call.state instanceof PyDict)) return out
    const attributes = this.attributes(call.state).filter(({ key }) => key !== '_metadata')
    return attributes.length > 0 ? { ...out, attributes } : out
  }

  private object(call: PyCall): ObjectOutline {
    const old = oldClass(call)
    const out: ObjectOutline = { type: 'object', class: old ?? className(call), entries: [] }
    if (call.args.items.length > 0 && old === undefined)
      out.args = call.args.items.map((item, i) => this.within(`.args[${i}]`, () => this.outline(item)))
    if (call.state instanceof PyDict) {
      const { state } = call
      if (isModule(state)) {
        out.module = true
        for (const name of contents) this.members(out.entries, attributeOf(state, name))
      }
      const rest = new PyDict()
      for (const [i, key] of state.keys.entries()) {
        const name = key instanceof PyStr ? key.text : ''
        if (out.module && (contents.includes(name) || (bookkeeping.test(name) && isEmpty(state.values[i]!)))) continue
        rest.keys.push(key)
        rest.values.push(state.values[i]!)
      }
      append(out.entries, this.attributes(rest))
    } else if (call.state !== undefined) {
      out.entries.push({ key: 'state', step: '.state', value: this.within('.state', () => this.outline(call.state!)) })
    }
    if (call.items) append(out.entries, this.list('list', call.items).entries)
    if (call.keys) append(out.entries, this.dict('dict', call.keys, call.values!).entries)
    if (call.kwargs instanceof PyDict) append(out.entries, this.attributes(call.kwargs))
    return out
  }

  /** Parameters, buffers or children of a module. */
  private members(entries: Entry[], dict: Node | undefined): void {
    const source = dict instanceof PyDict || dict instanceof PyCall ? dict : undefined
    if (source?.keys === undefined) return
    const held = new PyDict()
    for (const [i, key] of source.keys.entries()) {
      // a layer without bias says so by None
      if (source.values![i] === null) continue
      held.keys.push(key)
      held.values.push(source.values![i]!)
    }
    append(entries, this.attributes(held))
  }
}

/** `push(...more)`, which the machine's stack would limit. */
function append(entries: Entry[], more: Entry[]): void {
  for (const entry of more) entries.push(entry)
}

function className(node: Node): string {
  if (!(node instanceof PyCall)) return kindOf(node)
  if (node.path !== '') return node.path
  return `${kindOf(node.callable)}(…)`
}

/** The class of an object that protocols 0 and 1 make by a function, as they have no opcode for it. */
function oldClass({ path, args: { items } }: PyCall): string | undefined {
  const [type] = items
  const isPlain =
    path === 'copyreg._reconstructor' ? items.length === 3 : path === 'copyreg.__newobj__' && items.length === 1
  return isPlain && type instanceof PyGlobal ? type.path : undefined
}

function setItems(call: PyCall): Node[] {
  const [items] = call.args.items
  return items instanceof PyList || items instanceof PyTuple ? items.items : (call.items ?? [])
}

function attributeOf(dict: PyDict, name: string): Node | undefined {
  const at = dict.keys.findIndex((key) => key instanceof PyStr && key.text === name)
  return at < 0 ? undefined : dict.values[at]
}

function isModule(state: PyDict): boolean {
  return contents.every((name) => attributeOf(state, name) !== undefined)
}

function isEmpty(node: Node): boolean {
  if (node === null || node === false) return true
  if (node instanceof PyDict) return node.keys.length === 0
  if (node instanceof PySet) return node.items.length === 0
  if (!(node instanceof PyCall)) return false
  return (node.keys ?? []).length === 0 && (sets.has(node.path) ? setItems(node).length === 0 : dicts.has(node.path))
}
