import type { LayerRow, LayerTensor, ModuleHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError, TorchError } from '../errors.js'
import { noGrad } from '../tensor/autograd.js'
import { camelCase } from '../tensor/names.js'
import { describe } from '../tensor/operator.js'
import { Buffer, emptyShell, Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import { isLazy } from '../tensor/uninitialized.js'
import { takeArguments } from './arguments.js'
import { Module } from './module.js'
import { isWatched, registered } from './registration-hooks.js'

interface Spec {
  row: LayerRow
  /** camelCase names of the constructor's arguments, and how many of them may come by position */
  names: string[]
  positional: number
}

let specs: Map<string, Spec> | undefined

function specOf(name: string): Spec {
  specs ??= new Map(
    native()
      .layers()
      .map((row) => {
        const names = row.arguments.map((argument) => camelCase(argument.name))
        return [row.name, { row, names, positional: row.arguments.filter((argument) => !argument.keywordOnly).length }]
      }),
  )
  const spec = specs.get(name)
  if (!spec) throw new TorchError(`the addon has no layer ${name}; build it anew`)
  return spec
}

type Own = Parameter | Buffer | null

/** Properties for the tensors of layers, one for each name, shared by all layers. */
const properties = new Map<string, PropertyDescriptor>()

/**
 * A layer whose arithmetic is native. Its parameters and buffers are its own properties, which write through; its options
 * (`conv.stride`, `drop.p`) are read and set on the native layer. The subclasses are generated from the rows of native/nn.
 */
export class Layer extends Module {
  readonly #spec: Spec
  readonly #tensors: Record<string, Own> = {}

  /** @internal */
  constructor(name: string | Layer, args: readonly unknown[] = []) {
    super()
    if (name instanceof Layer) {
      // A copy: it has its own tensors as soon as they are set.
      this.#spec = name.#spec
      native().copyLayer(this, handle(name))
      Object.assign(this.#tensors, name.#tensors)
      // All fields keep their places; a tensor that was taken out or replaced has no property, or another one.
      for (const key of Object.keys(name)) {
        const property = Object.getOwnPropertyDescriptor(name, key)!
        Object.defineProperty(this, key, property.get ? property : { ...property, value: undefined })
      }
      return
    }
    const spec = specOf(name)
    this.#spec = spec
    native().newLayer(this, name, takeArguments(name, spec.names, args, spec.positional))
    for (const tensor of spec.row.tensors) {
      const shell: Parameter | Buffer = tensor.kind === 'parameter' ? emptyShell(Parameter) : emptyShell(Buffer)
      this.#tensors[tensor.name] = native().layerTensor(shell, handle(this), tensor.name) as Own
      Object.defineProperty(this, tensor.name, Layer.#property(tensor))
      if (isWatched(tensor.kind)) this.#announce(tensor)
    }
  }

  /** Calls the hooks of registration; what they give for a tensor gets its first values, as in Python, where they are drawn later. */
  #announce({ name, kind }: LayerTensor): void {
    const first = this.#tensors[name]!
    ;(this as unknown as Record<string, Own>)[name] = first
    const taken = this.#tensors[name]!
    const isDrawn = kind === 'parameter' || name.startsWith('running_') || name.startsWith('num_')
    if (taken === first || first === null || taken === null || !isDrawn || isLazy(first) || isLazy(taken)) return
    if (String(first.shape) === String(taken.shape)) noGrad(() => taken.copy_(first))
  }

  static #property({ name, kind }: LayerTensor): PropertyDescriptor {
    const known = properties.get(`${kind} ${name}`)
    if (known) return known
    const adopt = kind === 'parameter' ? parameterFor : bufferFor
    const property: PropertyDescriptor = {
      configurable: true,
      enumerable: true,
      get(this: Layer): Own {
        return this.#tensors[name]!
      },
      set(this: Layer, value: unknown) {
        const tensor = registered(kind, this, name, adopt(name, value, this.#tensors[name]!))
        native().setLayerTensor(handle(this), name, tensor)
        this.#tensors[name] = tensor
      },
    }
    properties.set(`${kind} ${name}`, property)
    return property
  }

  /** @internal */
  override _likeness(): this {
    return Reflect.construct(Layer, [this], this.constructor as new () => unknown) as this
  }
  /** In a replica a tensor that was computed stands for a parameter. @internal */
  override _putReplica(name: string, tensor: Tensor): void {
    if (name in this.#tensors) {
      native().setLayerTensor(handle(this), name, tensor)
      this.#tensors[name] = tensor as Own
    } else super._putReplica(name, tensor)
  }

  /** One native call. The classes say in their types which tensors it takes. */
  override forward(input?: any, second?: any, third?: any, fourth?: any): any {
    return native().layerForward(new Tensor(), handle(this), input, second, third, fourth)
  }

  override get training(): boolean {
    return super.training
  }
  override set training(mode: boolean) {
    super.training = mode
    native().setLayerTraining(handle(this), mode)
  }

  override extraRepr(): string {
    return native().layerRepr(handle(this))
  }

  /** @internal */
  override get _version(): number {
    return this.#spec.row.version
  }
  /** @internal */
  override _mayLack(name: string, version: number | undefined): boolean {
    const tensor = this.#spec.row.tensors.find((candidate) => candidate.name === name)
    return tensor !== undefined && tensor.since > (version ?? 0)
  }
  /** Hands the native layer a tensor for its next calls; nothing else of this object changes. @internal */
  _place(name: string, tensor: Tensor | null): void {
    if (this.#spec.row.tensors.some((slot) => slot.name === name)) native().setLayerTensor(handle(this), name, tensor)
  }
  /** Makes one of the layer's own tensors a property again that was deleted; false where it is none of them. @internal */
  _restore(name: string, tensor: Tensor | null): boolean {
    const slot = this.#spec.row.tensors.find((candidate) => candidate.name === name)
    if (!slot) return false
    const kind = tensor === null ? slot.kind : tensor instanceof Parameter ? 'parameter' : 'buffer'
    Object.defineProperty(this, name, Layer.#property({ ...slot, kind }))
    ;(this as unknown as Record<string, Tensor | null>)[name] = tensor
    return true
  }
  /** Puts any tensor in the place of one of the layer's own, for a while; false where it is none of them. @internal */
  _swap(name: string, tensor: Tensor | null): boolean {
    if (!this.#spec.row.tensors.some((slot) => slot.name === name) || !Object.hasOwn(this, name)) return false
    native().setLayerTensor(handle(this), name, tensor)
    this.#tensors[name] = tensor as Own
    return true
  }
  /** True when it takes one tensor, so that it can be a link of a chain. @internal */
  get _takesOne(): boolean {
    return this.#spec.row.inputs.slice(1).every((input) => input.endsWith('?'))
  }
  /** An option by PyTorch's name. @internal */
  protected _option(name: string): any {
    return native().layerOption(handle(this), name)
  }
  /** @internal */
  protected _setOption(name: string, value: unknown): void {
    native().setLayerOption(handle(this), name, value)
  }
}

/** The layer's object itself holds the native layer. */
function handle(layer: Layer): ModuleHandle {
  return layer as unknown as ModuleHandle
}

function parameterFor(name: string, value: unknown): Own {
  if (value === null || value instanceof Parameter) return value
  throw new ArgumentError(
    `cannot assign '${describe(value)}' as parameter '${name}' (torch.nn.Parameter or None expected)`,
  )
}

// A plain tensor becomes the buffer itself, as in Python: no copy is made.
function bufferFor(name: string, value: unknown, before: Own): Own {
  if (value === null || value instanceof Buffer) return value
  if (!(value instanceof Tensor) || value instanceof Parameter) {
    throw new ArgumentError(
      `cannot assign '${describe(value)}' as buffer '${name}' (torch.nn.Buffer, torch.Tensor or None expected)`,
    )
  }
  const buffer = emptyShell(Buffer)
  native().alias(buffer, value)
  if (before instanceof Buffer) buffer.persistent = before.persistent
  return buffer
}
