/**
 * What pruning methods have in common. The pruned tensor is computed from `<name>_orig`, the parameter now, and the buffer
 * `<name>_mask` before each `forward`. Rules and messages: torch/nn/utils/prune.py, PyTorch 2.13.
 */
import { ArgumentError, TorchIndexError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import type { IndexItem } from '../../tensor/indexing.js'
import { isOptions, unknownOption } from '../../tensor/operator.js'
import type { Parameter } from '../../tensor/parameter.js'
import { pythonText, sizeText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Module } from '../module.js'
import { typeName } from '../python-type.js'
import { addMethod, type ForwardMethod, methodsOf, removeMethod } from './forward-methods.js'
import { addMember, needModule, ownParameter, removeMember, setComputed, tensorOf } from './members.js'

/** Whether a method chooses elements (of one tensor, or of all together) or whole channels. */
export type PruningType = 'unstructured' | 'structured' | 'global'

/** A class of pruning methods, with the arguments of its constructor. */
export type MethodClass<A extends unknown[] = any[]> = new (...args: A) => BasePruningMethod

/** Base class of pruning methods: a subclass says in `computeMask` which elements stay (1) and which do not (0). */
export abstract class BasePruningMethod implements ForwardMethod {
  /** The tensor that it acts on, once it is applied. */
  _tensorName: string | undefined
  /** Python's class attribute of that name. */
  abstract readonly PRUNING_TYPE: PruningType

  /**
   * The mask for `t`, or for scores of its elements.
   * @param defaultMask - what was pruned before: the result prunes at least that
   */
  abstract computeMask(t: Tensor, defaultMask: Tensor): Tensor

  /** Computes the pruned tensor anew; done before each `forward`. */
  call(module: Module): void {
    setComputed(module, this.#name(module, ''), this.applyMask(module))
  }
  #name(module: Module, until: string): string {
    if (this._tensorName === undefined) throw new ArgumentError(`Module ${module} has to be pruned${until}`)
    return this._tensorName
  }

  /** The pruned tensor. */
  applyMask(module: Module): Tensor {
    const name = this.#name(module, '')
    const original = tensorOf(module, `${name}_orig`)
    return tensorOf(module, `${name}_mask`).to(original.dtype).mul(original)
  }

  /** Names of the constructor's arguments in order, for those who give them by name. */
  static readonly argumentNames: readonly string[] | undefined = undefined

  /**
   * Prunes a tensor of a module by a new method of this class, on top of what was pruned before.
   * @param args - of the constructor; then options: `importanceScores` of the tensor's shape, to choose by in place of it
   */
  static apply<C extends MethodClass>(
    this: C,
    module: Module,
    name: string,
    ...args: ConstructorParameters<C> | [...ConstructorParameters<C>, { importanceScores?: Tensor | null }]
  ): BasePruningMethod {
    const last: unknown = args[args.length - 1]
    const options = isOptions(last) ? last : undefined
    if (options) {
      for (const key of Object.keys(options)) {
        if (key !== 'importanceScores') throw unknownOption('apply', key, ['importanceScores'])
      }
    }
    const given = (options ? args.slice(0, -1) : args) as ConstructorParameters<C>
    return applyMethod(module, name, () => new this(...given), (options?.importanceScores as Tensor | null) ?? null)
  }

  /** `t` pruned, without any module. */
  prune(t: Tensor, options: { defaultMask?: Tensor | null; importanceScores?: Tensor | null } = {}): Tensor {
    const { importanceScores } = options
    if (importanceScores && String(importanceScores.shape) !== String(t.shape)) {
      throw new ArgumentError(
        `importance_scores should have the same shape as tensor t, got ${sizeText(importanceScores)} vs ${sizeText(t)}`,
      )
    }
    return t.mul(this.computeMask(importanceScores ?? t, options.defaultMask ?? functions.onesLike(t)))
  }

  /** Makes the pruned tensor the parameter again; the hook stays, see `prune.remove`. */
  remove(module: Module): void {
    const name = this.#name(module, ' before pruning can be removed')
    const weight = this.applyMask(module)
    const original = ownParameter(module, `${name}_orig`)!
    original.data = weight.detach()
    removeMember(module, `${name}_orig`)
    removeMember(module, `${name}_mask`)
    addMember(module, name, original)
  }
}

/** Several pruning methods of one tensor, each on top of those before it. */
export class PruningContainer extends BasePruningMethod implements Iterable<BasePruningMethod> {
  override readonly PRUNING_TYPE: PruningType = 'unstructured'
  #methods: BasePruningMethod[] = []

  constructor(...methods: BasePruningMethod[]) {
    super()
    if (methods.length === 1) this._tensorName = methods[0]!._tensorName
    for (const method of methods) this.addPruningMethod(method)
  }

  addPruningMethod(method: BasePruningMethod): void {
    if (!(method instanceof BasePruningMethod)) {
      throw new ArgumentError(`<class '${typeName(method)}'> is not a BasePruningMethod subclass`)
    }
    if (this._tensorName !== method._tensorName) {
      throw new ArgumentError(
        `Can only add pruning methods acting on the parameter named '${pythonText(this._tensorName)}' to PruningContainer. Found '${pythonText(method._tensorName)}'`,
      )
    }
    this.#methods.push(method)
  }
  get length(): number {
    return this.#methods.length
  }
  at(index: number): BasePruningMethod {
    const method = this.#methods.at(index)
    if (method === undefined) throw new TorchIndexError('tuple index out of range')
    return method
  }
  [Symbol.iterator](): IterableIterator<BasePruningMethod> {
    return this.#methods[Symbol.iterator]()
  }

  /** The last method's mask, on what the others have left, combined with theirs. */
  override computeMask(t: Tensor, defaultMask: Tensor): Tensor {
    const method = this.at(-1)
    const mask = defaultMask.to(t.dtype)
    const part = leftOver(method, t, defaultMask)
    const found = method.computeMask(t.index(...part), defaultMask.index(...part))
    mask.indexPut_(part, found.to(mask.dtype))
    return mask
  }
}

/** The part of `t` that is not pruned yet, as an index. */
function leftOver(method: BasePruningMethod, t: Tensor, mask: Tensor): IndexItem[] {
  const all: IndexItem[] = t.shape.map(() => ':')
  switch (method.PRUNING_TYPE) {
    case 'unstructured':
      return [mask.eq(1)]
    case 'global':
      return all
    case 'structured': {
      const { dim } = method as { dim?: number }
      if (dim === undefined) {
        throw new ArgumentError(
          'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.',
        )
      }
      const at = dim < 0 ? dim + t.ndim : dim
      if (at < 0) throw new TorchIndexError(`Index is out of bounds for tensor with dimensions ${t.ndim}`)
      const others = t.shape.map((_, i) => i).filter((i) => i !== at)
      all[at] = mask.sum(others).ne(0)
      return all
    }
    default:
      throw new ArgumentError(`Unrecognized PRUNING_TYPE ${pythonText(method.PRUNING_TYPE)}`)
  }
}

/** The new method, or a container of it and the one that was there, whose hook is gone. */
function composite(module: Module, name: string, make: () => BasePruningMethod): BasePruningMethod {
  const found = methodsOf(module, BasePruningMethod, name)
  for (const method of found) removeMethod(module, method)
  const method = make()
  method._tensorName = name
  const [before] = found
  if (before === undefined) return method
  const container = before instanceof PruningContainer ? before : new PruningContainer(before)
  container.addPruningMethod(method)
  return container
}

/** @internal */
export function applyMethod(
  module: Module,
  name: string,
  make: () => BasePruningMethod,
  importanceScores: Tensor | null,
): BasePruningMethod {
  const method = composite(needModule('prune', module), name, make)
  const first = !(method instanceof PruningContainer)
  const original = tensorOf(module, name)
  if (importanceScores && String(importanceScores.shape) !== String(original.shape)) {
    throw new ArgumentError(
      `importance_scores should have the same shape as parameter ${name} of ${module}, got ${sizeText(importanceScores)} vs ${sizeText(original)}`,
    )
  }
  let before: Tensor
  if (first) {
    module.registerParameter(`${name}_orig`, original as Parameter)
    removeMember(module, name)
    before = functions.onesLike(original)
  } else before = tensorOf(module, `${name}_mask`).detach().clone()
  try {
    module.registerBuffer(`${name}_mask`, method.computeMask(importanceScores ?? original, before))
    method.call(module)
    addMethod(module, method)
  } catch (error) {
    if (first) {
      removeMember(module, `${name}_orig`)
      addMember(module, name, original)
    }
    throw error
  }
  return method
}
