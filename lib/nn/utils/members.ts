/**
 * Parameters that make room for a computed tensor. Python deletes the entry and sets a plain attribute of the same name; here the
 * plain one is a property that is not enumerable, so that the module no longer counts it among its members, and a native layer
 * is handed what it is to compute with.
 */
import { ArgumentError } from '../../errors.js'
import { describe } from '../../tensor/operator.js'
import { Parameter } from '../../tensor/parameter.js'
import { Tensor } from '../../tensor/tensor.js'
import { Layer } from '../layer.js'
import { Module } from '../module.js'

/** The module that a function needs, or an error that says what came. */
export function needModule<M extends Module = Module>(what: string, value: unknown): M {
  if (value instanceof Module) return value as M
  throw new ArgumentError(`${what}(): expected a Module, received ${describe(value)}`)
}

/** Refuses the parameter of a lazy layer that has had no input yet; by name, as lazy layers are built on top of this room. */
export function needSize(weight: Tensor, what: string, doing: string): void {
  if (weight.constructor.name !== 'UninitializedParameter') return
  throw new ArgumentError(
    `The module passed to \`${what}\` can't have uninitialized parameters. Make sure to run the dummy forward before applying ${doing} normalization`,
  )
}

/** A module as a bag of attributes. */
export function attributes(module: Module): Record<string, unknown> {
  return module as unknown as Record<string, unknown>
}

/** `getattr(module, name)` */
export function attribute(module: Module, name: string): unknown {
  const value = attributes(module)[name]
  if (value === undefined) throw new ArgumentError(`'${module._getName()}' object has no attribute '${name}'`)
  return value
}

/** `getattr(module, name)` where it must be a tensor. */
export function tensorOf(module: Module, name: string): Tensor {
  const value = attribute(module, name)
  if (value instanceof Tensor) return value
  throw new ArgumentError(`attribute '${name}' of ${module._getName()} is no Tensor`)
}

/** `module._parameters[name]`, which must be there. */
export function ownParameter(module: Module, name: string): Parameter | null {
  const own = Object.hasOwn(module, name) ? attributes(module)[name] : undefined
  if (own === null || own instanceof Parameter) return own
  throw new ArgumentError(`'${name}'`)
}

/** Takes a member out; a native layer keeps computing with it until it is handed another. */
export function removeMember(module: Module, name: string): void {
  if (!Reflect.deleteProperty(module, name)) throw new ArgumentError(`${module._getName()}.${name} cannot be removed`)
}

/** Makes `tensor` a member again, behind those that are there: a parameter, or a buffer. */
export function addMember(module: Module, name: string, tensor: Tensor): void {
  removeMember(module, name)
  if (module instanceof Layer && module._restore(name, tensor)) return
  // A place to fill, also in front of the property of a parametrized class.
  Object.defineProperty(module, name, { value: null, configurable: true, enumerable: true, writable: true })
  if (tensor instanceof Parameter) module.registerParameter(name, tensor)
  else module.registerBuffer(name, tensor)
}

/** Sets an attribute that is no member: what a hook computes before each `forward`. */
export function setComputed(module: Module, name: string, tensor: Tensor): void {
  if (module instanceof Layer) module._place(name, tensor)
  Object.defineProperty(module, name, {
    configurable: true,
    enumerable: false,
    get: () => tensor,
    set(this: Module, value: Tensor) {
      if (value instanceof Parameter) addMember(this, name, value)
      else setComputed(this, name, value)
    },
  })
}
