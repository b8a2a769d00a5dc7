/**
 * Parameters and buffers whose sizes are not known yet. Source: torch/nn/parameter.py, UninitializedTensorMixin, PyTorch 2.13
 * (cf30153c). They become ordinary ones without becoming another object, so that optimizers keep theirs.
 */
import { inspect } from 'node:util'
import { native } from '../binding.js'
import { ArgumentError, TorchError } from '../errors.js'
import type { Device, Dtype } from './dtype.js'
import { describe, isOptions, operatorFunction, unknownOption } from './operator.js'
import { Buffer, Parameter } from './parameter.js'
import { Size } from './python-values.js'
import { Tensor } from './tensor.js'

const empty = operatorFunction('aten::empty')
const detach = operatorFunction('aten::detach')

/** What the constructors of {@link UninitializedParameter} and {@link UninitializedBuffer} take by name. */
export interface UninitializedOptions {
  requiresGrad?: boolean
  /** Where the tensor will be (default: the CPU). */
  device?: Device | null
  /** Of what dtype it will be (default: the default dtype). */
  dtype?: Dtype | null
}

function read(what: string, names: string[], args: unknown[]): Record<string, unknown> {
  const last = args[args.length - 1]
  const given: Record<string, unknown> = isOptions(last) ? { ...last } : {}
  for (const key of Object.keys(given)) if (!names.includes(key)) throw unknownOption(what, key, names)
  const positional = isOptions(last) ? args.slice(0, -1) : args
  if (positional.length > names.length)
    throw new ArgumentError(`${what}() takes at most ${names.length} arguments, received ${positional.length}`)
  for (const [i, value] of positional.entries()) if (value !== undefined) given[names[i]!] = value
  for (const name of ['requiresGrad', 'persistent']) {
    const value = given[name]
    if (value !== undefined && typeof value !== 'boolean')
      throw new ArgumentError(`${what}: expected ${name} to be a boolean, received ${describe(value)}`)
  }
  return given
}

function nothing({ device, dtype }: Record<string, unknown>): Tensor {
  defineRefusals()
  return empty([0], { ...(device ? { device } : {}), ...(dtype ? { dtype } : {}) })
}

/** A parameter of a size that is not known yet; what lazy layers have before their first `forward`. */
export class UninitializedParameter extends Parameter {
  /** @param requiresGrad - whether it will require gradients (default `true`) */
  constructor(requiresGrad?: boolean, device?: Device | null, dtype?: Dtype | null)
  constructor(options: UninitializedOptions)
  constructor(...args: any[]) {
    const given = read('UninitializedParameter', ['requiresGrad', 'device', 'dtype'], args)
    super(nothing(given), { requiresGrad: (given.requiresGrad as boolean | undefined) ?? true })
  }

  /** Makes it a {@link Parameter} of these sizes, without values yet; `device` and `dtype` are its own unless given. */
  materialize(shape: readonly number[], device?: Device | null, dtype?: Dtype | null): void {
    fillUninitialized(this, emptyLike(this, shape, device, dtype))
  }
}

/** A buffer of a size that is not known yet. */
export class UninitializedBuffer extends Buffer {
  /** @param requiresGrad - whether it will require gradients (default `false`) */
  constructor(requiresGrad?: boolean, device?: Device | null, dtype?: Dtype | null, persistent?: boolean)
  constructor(options: UninitializedOptions & { persistent?: boolean })
  constructor(...args: any[]) {
    const given = read('UninitializedBuffer', ['requiresGrad', 'device', 'dtype', 'persistent'], args)
    super(nothing(given), { persistent: (given.persistent as boolean | undefined) ?? true })
    if (given.requiresGrad) native().setRequiresGrad(this, true)
  }

  /** Makes it a {@link Buffer} of these sizes, without values yet; `device` and `dtype` are its own unless given. */
  materialize(shape: readonly number[], device?: Device | null, dtype?: Dtype | null): void {
    fillUninitialized(this, emptyLike(this, shape, device, dtype))
  }
}

/** Something that {@link isLazy} tells. */
export type Uninitialized = UninitializedParameter | UninitializedBuffer

/** Whether this is a parameter or buffer whose size is not known yet. */
export function isLazy(value: unknown): value is Uninitialized {
  return value instanceof UninitializedParameter || value instanceof UninitializedBuffer
}

/** Makes it an ordinary one with this data. @internal */
export function fillUninitialized(tensor: Uninitialized, data: Tensor): void {
  native().setData(tensor, detach(data))
  Object.setPrototypeOf(tensor, tensor instanceof Parameter ? Parameter.prototype : Buffer.prototype)
}

function emptyLike(tensor: Tensor, shape: readonly number[], device?: Device | null, dtype?: Dtype | null): Tensor {
  return empty([...shape], { device: device ?? tensor.device, dtype: dtype ?? tensor.dtype })
}

// What tells nothing of sizes and values, or casts, moves and copies, works; Python's list is `_allowed_methods`.
const allowed = new Set(
  ['constructor', 'dispose', 'isFloatingPoint', 'isComplex', 'copy_', 'getDevice', 'to', 'cpu', 'cuda'].concat([
    'half',
    'float',
    'double',
    'char',
    'short',
    'int',
    'long',
  ]),
)
let defined = false

/** Thousands of methods that programs without lazy layers need not wait for: made for the first object. */
function defineRefusals(): void {
  if (defined) return
  defined = true
  for (const type of [UninitializedParameter, UninitializedBuffer]) {
    const members: PropertyDescriptorMap = {}
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(Tensor.prototype))) {
      if (typeof value !== 'function' || allowed.has(name)) continue
      members[name] = {
        configurable: true,
        value: () => {
          throw new ArgumentError(
            `Attempted to use an uninitialized parameter in Tensor.${name}. This error happens when you are using a \`LazyModule\` or explicitly manipulating \`torch.nn.parameter.${type.name}\` objects. When using LazyModules Call \`forward\` with a dummy batch to initialize the parameters before calling torch functions`,
          )
        },
      }
    }
    const text = { configurable: true, value: () => `<${type.name}>` }
    Object.defineProperties(type.prototype, {
      ...members,
      shape: {
        configurable: true,
        get() {
          throw new TorchError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the parameters before accessing their attributes.",
          )
        },
      },
      size: {
        configurable: true,
        value(this: Tensor, dim?: number) {
          const size = Size.from(native().shape(this)) as Size
          return dim === undefined ? size : size[dim < 0 ? dim + size.length : dim]
        },
      },
      data: {
        configurable: true,
        get(this: Tensor) {
          return detach(this)
        },
        set(this: Tensor, value: Tensor) {
          native().setData(this, value)
        },
      },
      toString: text,
      [inspect.custom]: text,
    })
  }
}
