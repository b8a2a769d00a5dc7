/**
 * Archives of TorchScript and of C++'s `torch::save`, as data: modules are objects of classes that the archive itself declares.
 * Sources: torch/csrc/api/src/serialize/output-archive.cpp, torch/csrc/jit/serialization/pickler.cpp, PyTorch 2.13 (cf30153c).
 */
import { CheckpointError } from '../../errors.js'
import { markFloats, orderedDict, setInOrder } from '../../tensor/python-values.js'
import { Tensor } from '../../tensor/tensor.js'
import { limits } from '../limits.js'
import { kindOf, type Node, PyCall, PyDict, PyFloatNode, PyGlobal, PyStr } from '../nodes.js'
import type { PyObject } from '../py-object.js'
import { Reviver } from '../revive.js'
import type { StateDict } from '../state-dict.js'
import { badFormat, unsafe, type Where } from '../where.js'
import type { Classes, ClassHead } from './classes.js'
import { plainNode } from './lists.js'
import { optimizerKind, optimizerState } from './optimizer-read.js'
import { knowState } from './states.js'

/** A module of an archive. */
export interface ArchiveModule {
  call: PyCall
  head: ClassHead
  /** in the archive's order */
  attributes: [name: string, value: Node][]
}

/** Lists have the name of their type around them, which says nothing that they do not say. */
export class ArchiveReviver extends Reviver {
  override value(node: Node): unknown {
    return super.value(plainNode(node))
  }
}

/** Modules in a state dict, each as often as it is there; models have up to some thousands. */
const mostPlaces = 100_000

/** Makes the value of an archive's data.pkl. */
export class Archive {
  private places = 0
  private readonly known = new Map<PyCall, ArchiveModule>()
  private readonly answers: Record<string, Map<PyCall, boolean | 'busy'>> = {}
  private readonly made = new Map<PyCall, object>()

  constructor(
    private readonly classes: Classes,
    readonly reviver: Reviver,
    private readonly where: Where,
  ) {}

  bad(message: string, call?: PyCall): Error {
    return badFormat({ ...this.where, ...(call && { offset: call.offset }) }, message)
  }

  private excess(message: string, { offset }: PyCall): Error {
    return unsafe({ ...this.where, offset }, message)
  }

  /** What C++ saved as it saved it; the module of a program as an object that can be looked at and not be run. */
  value(root: Node): unknown {
    const module = this.module(root)
    if (module === undefined) {
      throw this.bad(`this is a TorchScript or C++ archive, but its data is ${kindOf(root)} where a module is expected`)
    }
    if (!this.isPlain(module)) {
      const object = this.reviver.value(root) as PyObject
      knowState(object, this.eventually(module))
      return object
    }
    const list = this.list(module)
    if (list !== undefined) {
      const value = list.length === 1 ? list[0]! : list
      const state = this.state(module)
      knowState(value, () => state)
      return value
    }
    return this.plain(module)
  }

  /** Its state dict, or later the reason why there is none: what is data can be looked at all the same. */
  private eventually(module: ArchiveModule): () => StateDict {
    try {
      const state = this.state(module)
      return () => state
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error
      return () => {
        throw error
      }
    }
  }

  /** The node as a module; undefined when it is something else. */
  module(node: Node): ArchiveModule | undefined {
    if (!(node instanceof PyCall && node.kind === 'new' && node.callable instanceof PyGlobal)) return undefined
    const known = this.known.get(node)
    if (known) return known
    if (!/^__torch__(\.|$)/.test(node.callable.module)) return undefined
    // classes of C++, whose objects programs hold, are declared nowhere
    if (/^__torch__\.torch\.classes(\.|$)/.test(node.callable.module)) return undefined
    const head = this.classes.head(node.callable)
    if (!head.module) return undefined
    const module = { call: node, head, attributes: this.attributes(node) }
    this.known.set(node, module)
    return module
  }

  private attributes(call: PyCall): [string, Node][] {
    const { state } = call
    if (state === undefined) return []
    if (!(state instanceof PyDict)) return []
    return state.keys.map((key, i) => {
      if (!(key instanceof PyStr)) throw this.bad(`an attribute is named by ${kindOf(key)}, not by a string`, call)
      return [key.text, state.values[i]!]
    })
  }

  /** Whether C++ wrote it: nothing but declarations in its classes, which have the names that C++ gives them. */
  private isPlain(module: ArchiveModule): boolean {
    return this.all(module, 'plain', ({ call, head }) => {
      const { name, module: path } = call.callable as PyGlobal
      if (name !== 'Module' || !/^__torch__(\.___torch_mangle_\d+)?$/.test(path) || head.methods) return false
      return head.types.get('training') !== 'bool' && (call.state === undefined || call.state instanceof PyDict)
    })
  }

  /** Whether all that it holds are parameters and buffers. */
  private onlyTensors(module: ArchiveModule): boolean {
    return this.all(module, 'tensors', ({ head, attributes }) =>
      attributes.every(([name, node]) => {
        if (this.module(node)) return true
        if (!head.parameters.has(name) && !head.buffers.has(name)) return false
        const value = this.reviver.value(node)
        return value === null || value instanceof Tensor
      }),
    )
  }

  /** Whether something holds for a module and all inside of it; each is asked once, however often it is met. */
  private all(module: ArchiveModule, question: string, holds: (module: ArchiveModule) => boolean, depth = 0): boolean {
    const { call, attributes } = module
    const answers = (this.answers[question] ??= new Map())
    const known = answers.get(call)
    if (known === 'busy') throw this.bad('a module contains itself', call)
    if (known !== undefined) return known
    if (depth > limits.depth) throw this.excess(`more than ${limits.depth} modules inside of one another`, call)
    answers.set(call, 'busy')
    let answer = holds(module)
    for (const [, value] of attributes) {
      const child = this.module(value)
      if (child && !this.all(child, question, holds, depth + 1)) answer = false
    }
    answers.set(call, answer)
    return answer
  }

  /** The tensors of `torch::save(tensor)` or of a vector, named '0', '1' and so on. */
  private list({ head, attributes }: ArchiveModule): Tensor[] | undefined {
    const byName = new Map(attributes)
    const tensors: Tensor[] = []
    for (let i = 0; i < attributes.length; i++) {
      const node = byName.get(String(i))
      if (node === undefined || !head.parameters.has(String(i))) return undefined
      const tensor = this.reviver.value(node)
      if (!(tensor instanceof Tensor)) return undefined
      tensors.push(tensor)
    }
    return tensors.length === 0 ? undefined : tensors
  }

  /** An archive of C++: an optimizer's state, a state dict, or an object that holds such and other values. */
  private plain(module: ArchiveModule): unknown {
    const known = this.made.get(module.call)
    if (known !== undefined) return known
    const made = this.makePlain(module)
    this.made.set(module.call, made)
    return made
  }
  private makePlain(module: ArchiveModule): object {
    const optimizer = optimizerKind(this, module)
    if (optimizer !== undefined) return optimizerState(this, optimizer)
    if (this.onlyTensors(module)) return this.state(module)
    const out: Record<string, unknown> = Object.create(null)
    for (const [name, node] of module.attributes) {
      const child = this.module(node)
      setInOrder(out, name, child ? this.plain(child) : this.reviver.value(node))
      if (node instanceof PyFloatNode) markFloats(out, [name])
    }
    return out
  }

  /** What `torch.jit.load(file).state_dict()` has: of each module the parameters, the buffers, then the children. */
  private state(root: ArchiveModule): StateDict {
    const found: StateDict = Object.create(null)
    const metadata: Record<string, { version: number }> = Object.create(null)
    const above = new Set<PyCall>()
    const visit = (module: ArchiveModule, prefix: string): void => {
      const { head, attributes, call } = module
      if (above.has(call)) throw this.bad('a module contains itself', call)
      if (above.size > limits.depth) throw this.excess(`more than ${limits.depth} modules inside of one another`, call)
      // a file may have few modules that hold one another in many ways
      if (++this.places > mostPlaces) throw this.excess(`modules in more than ${mostPlaces} places`, call)
      if (call.state !== undefined && !(call.state instanceof PyDict)) {
        throw this.bad(
          `module '${prefix.slice(0, -1)}' (${call.path}) makes itself by a program, __setstate__, which is not run here; ` +
            'if you trust its source, open the file with torch.jit.load()',
          call,
        )
      }
      setInOrder(metadata, prefix.slice(0, -1), { version: 1 })
      const put = (name: string, value: unknown): void => {
        if (value instanceof Tensor) setInOrder(found, prefix + name, value.detach())
      }
      for (const [name, node] of attributes) if (head.parameters.has(name)) put(name, this.reviver.value(node))
      for (const [name, node] of attributes) {
        // as in Python, where it may be none it is no entry of the state dict
        if (head.buffers.has(name) && head.types.get(name) === 'Tensor') put(name, this.reviver.value(node))
      }
      above.add(call)
      for (const [name, node] of attributes) {
        const child = this.module(node)
        if (child !== undefined) visit(child, `${prefix}${name}.`)
      }
      above.delete(call)
    }
    visit(root, '')
    return orderedDict(found, orderedDict(metadata))
  }
}
