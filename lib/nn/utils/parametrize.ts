/**
 * `torch.nn.utils.parametrize`: a parameter of a module becomes the result of other modules. As in Python the object changes its
 * class to one of its own, derived from the class it had, on which the tensor is a property that computes; its `forward` hands
 * a native layer what the properties give. Rules and messages: torch/nn/utils/parametrize.py, PyTorch 2.13.
 */
import { ArgumentError } from '../../errors.js'
import { noGrad } from '../../tensor/autograd.js'
import { Parameter } from '../../tensor/parameter.js'
import { sizeText } from '../../tensor/python-text.js'
import { Tensor } from '../../tensor/tensor.js'
import { noteClass } from '../global-hooks.js'
import { Layer } from '../layer.js'
import type { Module } from '../module.js'
import { ModuleDict as Named } from '../module-dict.js'
import { typeName } from '../python-type.js'
import { putMember } from '../registration-hooks.js'
import { addMember, attributes, needModule, removeMember } from './members.js'
import { adopt, isInvertible, NotImplementedError, ParametrizationList } from './parametrization-list.js'

export { NotImplementedError, ParametrizationList }

/** The lists by the names of the tensors, which are properties, too: `module.parametrizations.weight`. */
class ModuleDict extends Named<Record<string, ParametrizationList>> {
  /** @internal */
  override _put(name: string, value: unknown): void {
    super._put(name, value)
    Object.defineProperty(this, name, {
      configurable: true,
      enumerable: false,
      get(this: ModuleDict) {
        return this._items.get(name)
      },
    })
  }
  override delete(name: string): boolean {
    Reflect.deleteProperty(this, name)
    return super.delete(name)
  }
}

export type { ModuleDict as ParametrizationDict }

function listsOf(module: Module): ModuleDict | undefined {
  const lists = attributes(module).parametrizations
  return lists instanceof ModuleDict ? lists : undefined
}

function listOf(module: Module, name: string): ParametrizationList | undefined {
  const lists = listsOf(module)
  return lists?.has(name) ? lists.get(name) : undefined
}

let cacheDepth = 0
let cache = new Map<ParametrizationList, unknown>()

/**
 * Runs `fn`, in which each parametrized tensor is computed once, when it is first needed.
 * @example
 * const output = nn.utils.parametrize.cached(() => model.forward(input))
 */
export function cached<T>(fn: () => T): T {
  cacheDepth++
  try {
    const result = fn()
    if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
      throw new TypeError('cached(fn): fn returned a Promise, but what is cached is forgotten when fn returns')
    }
    return result
  } finally {
    cacheDepth--
    if (cacheDepth === 0) cache = new Map()
  }
}

function compute(list: ParametrizationList): unknown {
  if (cacheDepth === 0) return list.forward()
  if (!cache.has(list)) cache.set(list, list.forward())
  return cache.get(list)
}

type Class = abstract new (...args: any[]) => Module

/** The class of a parametrized module; objects get it as their prototype, nobody constructs it. */
function parametrizedClass(type: Class): Class {
  const name = `Parametrized${type.name}`
  const made = { [name]: class extends (type as new (...args: any[]) => Module) {} }[name]!
  Object.defineProperty(made.prototype, 'forward', {
    configurable: true,
    writable: true,
    value: function (this: unknown, ...args: unknown[]): unknown {
      const run = (): unknown => Reflect.apply(type.prototype.forward, this, args)
      return this instanceof Layer ? runNative(this, run) : run()
    },
  })
  noteClass(made.prototype)
  return made as unknown as Class
}

/** Hands a native layer what its parametrized tensors are now; afterwards it keeps their values, without their history. */
function runNative<T>(layer: Layer, run: () => T): T {
  const names = [...(listsOf(layer)?.keys() ?? [])]
  const placed = names.map((name): [string, Tensor] => [name, attributes(layer)[name] as Tensor])
  for (const [name, tensor] of placed) layer._place(name, tensor)
  try {
    return run()
  } finally {
    for (const [name, tensor] of placed) layer._place(name, tensor.detach())
  }
}

function classOf(module: Module): Class {
  return module.constructor as unknown as Class
}

/** Whether a module has parametrizations, at all or of the tensor of that name. */
export function isParametrized(module: Module, tensorName: string | null = null): boolean {
  const lists = listsOf(needModule('isParametrized', module))
  if (lists === undefined) return false
  return tensorName === null ? lists.length > 0 : lists.has(tensorName)
}

/** The class that a module had before it was parametrized, or has. */
export function typeBeforeParametrizations(module: Module): Class {
  return isParametrized(module) ? (Object.getPrototypeOf(classOf(module)) as Class) : classOf(module)
}

/**
 * Makes a parameter or buffer of a module the result of `parametrization.forward(original)`; the original is the parameter now,
 * under `module.parametrizations.<name>.original`. A second one is applied to the result of the first. A `rightInverse(value)`
 * of the parametrization says what gives `value`: it makes the original, and assigning to the tensor works. It may return an
 * array of tensors, which `forward` then takes (`original0`, `original1`, …).
 * @param options - `unsafe`: dtype and shape may change, and nothing is checked (default `false`)
 * @example
 * class Symmetric extends nn.Module {
 *   forward(x: torch.Tensor) { return x.triu().add(x.triu(1).mT) }
 * }
 * nn.utils.parametrize.registerParametrization(layer, 'weight', new Symmetric())
 */
export function registerParametrization<M extends Module>(
  module: M,
  tensorName: string,
  parametrization: Module,
  options: { unsafe?: boolean } = {},
): M {
  const unsafe = options.unsafe ?? false
  needModule('registerParametrization', module)
  needModule('registerParametrization', parametrization)
  parametrization.train(module.training)
  const lists = listsOf(module)
  if (lists?.has(tensorName)) {
    if (!unsafe) checkAdded(module, tensorName, parametrization)
    const list = lists.get(tensorName)!
    list.append(parametrization)
    list.unsafe ||= unsafe
    return module
  }
  const original = Object.hasOwn(module, tensorName) ? attributes(module)[tensorName] : undefined
  const isMember = original instanceof Parameter || module._isBuffer(tensorName, original)
  if (!isMember) {
    if (original === null) throw new ArgumentError("'NoneType' object has no attribute 'shape'")
    throw new ArgumentError(
      `Module '${module}' does not have a parameter, a buffer, or a parametrized element with name '${tensorName}'`,
    )
  }
  // Made early, as it may throw.
  const list = new ParametrizationList([parametrization], original as Tensor, { unsafe })
  removeMember(module, tensorName)
  if (lists === undefined || lists.length === 0) {
    Object.setPrototypeOf(module, parametrizedClass(classOf(module)).prototype)
    putMember(module, 'module', 'parametrizations', new ModuleDict())
  }
  Object.defineProperty(Object.getPrototypeOf(module), tensorName, {
    configurable: true,
    enumerable: false,
    get(this: Module) {
      return compute(listsOf(this)!.get(tensorName)!)
    },
    set(this: Module, value: unknown) {
      listsOf(this)!.get(tensorName)!.rightInverse(value)
    },
  })
  listsOf(module)!.addModule(tensorName, list)
  return module
}

/** That a further parametrization keeps dtype and shape, and its inverse, too. */
function checkAdded(module: Module, name: string, parametrization: Module): void {
  const before = attributes(module)[name] as Tensor
  const after: unknown = parametrization.forward(before)
  if (!(after instanceof Tensor)) {
    throw new ArgumentError(`A parametrization must return a tensor. Got ${typeName(after)}.`)
  }
  const kept = (fact: string, was: string, is: string): void => {
    if (was === is) return
    throw new ArgumentError(
      `Registering a parametrization may not change the ${fact} of the tensor, unless the \`unsafe\` flag is enabled.\nmodule.${name}.${fact}: ${was}\nparametrization(module.${name}).${fact}: ${is}`,
    )
  }
  kept('dtype', `torch.${before.dtype}`, `torch.${after.dtype}`)
  kept('shape', sizeText(before), sizeText(after))
  if (!isInvertible(parametrization)) return
  let inverse: unknown
  try {
    inverse = parametrization.rightInverse(after)
  } catch (error) {
    if (error instanceof NotImplementedError) return
    throw error
  }
  if (!(inverse instanceof Tensor)) {
    throw new ArgumentError(`parametrization.right_inverse must return a tensor. Got: ${typeName(inverse)}`)
  }
  const given = (fact: string, was: string, is: string): void => {
    if (was === is) return
    throw new ArgumentError(
      `The tensor returned by parametrization.right_inverse must have the same ${fact} as module.${name}, unless the \`unsafe\` flag is enabled.\nmodule.${name}.${fact}: ${was}\nreturned ${fact}: ${is}`,
    )
  }
  given('dtype', `torch.${before.dtype}`, `torch.${inverse.dtype}`)
  given('shape', sizeText(before), sizeText(inverse))
}

/**
 * Takes the parametrizations of a tensor away again.
 * @param options - `leaveParametrized` (default `true`): the parameter keeps the value that was computed, else the original one;
 * also as third argument
 */
export function removeParametrizations<M extends Module>(
  module: M,
  tensorName: string,
  options: { leaveParametrized?: boolean } | boolean = {},
): M {
  const leave = typeof options === 'boolean' ? options : (options.leaveParametrized ?? true)
  const list = listOf(needModule('removeParametrizations', module), tensorName)
  if (list === undefined) {
    throw new ArgumentError(`Module ${module} does not have a parametrization on ${tensorName}`)
  }
  let { original } = list
  if (list.isTensor) {
    if (leave)
      adopt(
        original,
        noGrad(() => attributes(module)[tensorName] as Tensor),
      )
  } else if (leave) {
    const value = attributes(module)[tensorName] as Tensor
    original = value.requiresGrad ? new Parameter(value) : value
  } else {
    throw new ArgumentError(
      'Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a sequence of tensors.',
    )
  }
  // The class keeps its property, which copies of the module may still need; the member stands before it.
  listsOf(module)!.delete(tensorName)
  addMember(module, tensorName, original)
  if (listsOf(module)!.length === 0) {
    removeMember(module, 'parametrizations')
    Object.setPrototypeOf(module, Object.getPrototypeOf(Object.getPrototypeOf(module)))
  }
  return module
}

/**
 * Gives `toModule` the parametrizations of `fromModule`, with the tensors that they compute from, which both then share.
 * @param tensorName - of one tensor alone (default: of all)
 */
export function transferParametrizationsAndParams<M extends Module>(
  fromModule: Module,
  toModule: M,
  tensorName: string | null = null,
): M {
  needModule('transferParametrizationsAndParams', toModule)
  const lists = listsOf(needModule('transferParametrizationsAndParams', fromModule))
  if (lists === undefined || lists.length === 0) return toModule
  for (const name of tensorName === null ? lists.keys() : [tensorName]) {
    if (attributes(toModule)[name] === undefined) {
      toModule.registerParameter(name, new Parameter(attributes(fromModule)[name] as Tensor))
    }
    const from = listOf(fromModule, name)
    if (from === undefined) throw new ArgumentError(`'${name}'`)
    for (const parametrization of from) registerParametrization(toModule, name, parametrization)
    const to = attributes(listsOf(toModule)!.get(name)!)
    const names = from.isTensor ? ['original'] : from.originals().map((_, i) => `original${i}`)
    for (const key of names) to[key] = attributes(from)[key]
  }
  return toModule
}
