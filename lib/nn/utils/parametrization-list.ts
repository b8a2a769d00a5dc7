/** What stands behind a parametrized tensor. Rules and messages: torch/nn/utils/parametrize.py, PyTorch 2.13. */
import { ArgumentError, TorchError } from '../../errors.js'
import { noGrad } from '../../tensor/autograd.js'
import { Parameter } from '../../tensor/parameter.js'
import { sizeText } from '../../tensor/python-text.js'
import { Tensor } from '../../tensor/tensor.js'
import type { Module } from '../module.js'
import { ModuleList } from '../module-list.js'
import { typeName } from '../python-type.js'

/** Thrown by a `rightInverse` that cannot say what gives a value: the value itself then stands in for it at registration. */
export class NotImplementedError extends TorchError {}

type Inverse = Module & { rightInverse(value: unknown): unknown }

/** Whether a parametrization can tell what gives a value. */
export function isInvertible(module: Module): module is Inverse {
  return typeof (module as { rightInverse?: unknown }).rightInverse === 'function'
}

function register(list: Module, name: string, tensor: Tensor): void {
  if (tensor instanceof Parameter) list.registerParameter(name, tensor)
  else list.registerBuffer(name, tensor)
}

/** A tensor that keeps its identity, so that an optimizer that has it stays valid, takes the storage of another. */
export function adopt(target: Tensor, source: Tensor): void {
  noGrad(() => target.set_(source))
}

/** The checks that a parametrization keeps dtype and shape, in Python's words. */
function checkKept(before: { dtype: string; size: string }, after: unknown): void {
  if (!(after instanceof Tensor)) {
    throw new ArgumentError(`A parametrization must return a tensor. Got ${typeName(after)}.`)
  }
  if (after.dtype !== before.dtype) {
    throw new ArgumentError(
      `Registering a parametrization may not change the dtype of the tensor, unless \`unsafe\` flag is enabled.\nunparametrized dtype: torch.${before.dtype}\nparametrized dtype: torch.${after.dtype}`,
    )
  }
  if (sizeText(after) !== before.size) {
    throw new ArgumentError(
      `Registering a parametrization may not change the shape of the tensor, unless \`unsafe\` flag is enabled.\nunparametrized shape: ${before.size}\nparametrized shape: ${sizeText(after)}`,
    )
  }
}

/**
 * The parametrizations of one tensor, which are its children, and what they compute it from: `original`, or `original0`,
 * `original1`, … where the first one takes several tensors. Made by {@link registerParametrization}.
 */
export class ParametrizationList extends ModuleList {
  declare original: Tensor
  /** Whether dtype and shape may change. */
  unsafe: boolean
  /** Whether there is one `original`. */
  isTensor: boolean
  /** How many originals there are. */
  ntensors: number

  constructor(modules: readonly Module[], original: Tensor, options: { unsafe?: boolean } | boolean = {}) {
    if (modules.length === 0) throw new ArgumentError('ParametrizationList requires one or more modules.')
    super(modules)
    this.unsafe = typeof options === 'boolean' ? options : (options.unsafe ?? false)
    const before = { dtype: original.dtype, size: sizeText(original) }
    const made = noGrad(() => this._invert(original))
    this.isTensor = made instanceof Tensor
    if (made instanceof Tensor) {
      this.ntensors = 1
      checkInverse(original, made)
      adopt(original, made)
      register(this, 'original', original)
    } else if (Array.isArray(made)) {
      this.ntensors = made.length
      for (const [i, value] of made.entries()) register(this, `original${i}`, originalOf(value, i, original))
    } else {
      throw new ArgumentError(
        `'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got ${typeName(made)}`,
      )
    }
    if (!this.unsafe) checkKept(before, this.forward())
  }

  /** @internal */
  private _invert(value: unknown): unknown {
    for (const module of [...this].reverse()) {
      if (!isInvertible(module)) continue
      try {
        value = module.rightInverse(value)
      } catch (error) {
        if (!(error instanceof NotImplementedError)) throw error
      }
    }
    return value
  }

  /** The originals in order. */
  originals(): Tensor[] {
    const fields = this as unknown as Record<string, Tensor>
    if (this.isTensor) return [fields.original!]
    return Array.from({ length: this.ntensors }, (_, i) => fields[`original${i}`]!)
  }

  /** Sets the originals to what gives `value`. */
  rightInverse(value: unknown): void {
    noGrad(() => {
      for (const module of [...this].reverse()) {
        if (!isInvertible(module)) {
          throw new TorchError(`parametrization ${module._getName()} does not implement right_inverse.`)
        }
        value = module.rightInverse(value)
      }
      if (this.isTensor) this._setOriginal(value)
      else this._setOriginals(value)
    })
  }
  /** @internal */
  private _setOriginal(value: unknown): void {
    const { original } = this
    if (!(value instanceof Tensor)) {
      throw new ArgumentError(`\`right_inverse\` should return a tensor. Got ${typeName(value)}`)
    }
    if (value.dtype !== original.dtype) {
      throw new ArgumentError(
        `The tensor returned by \`right_inverse\` has dtype torch.${value.dtype} while \`original\` has dtype torch.${original.dtype}`,
      )
    }
    adopt(original, value)
  }
  /** @internal */
  private _setOriginals(values: unknown): void {
    if (!Array.isArray(values)) {
      throw new ArgumentError(`'right_inverse' must return a sequence of tensors. Got ${typeName(values)}.`)
    }
    if (values.length !== this.ntensors) {
      throw new ArgumentError(
        `'right_inverse' must return a sequence of tensors of length ${this.ntensors}. Got a sequence of length ${values.length}.`,
      )
    }
    for (const [i, original] of this.originals().entries()) {
      const value: unknown = values[i]
      if (!(value instanceof Tensor)) {
        throw new ArgumentError(
          `'right_inverse' must return a sequence of tensors or reference-type opaques. Got element ${i} of type ${typeName(value)}.`,
        )
      }
      if (value.dtype !== original.dtype) {
        throw new ArgumentError(
          `Tensor ${i} returned by \`right_inverse\` has dtype torch.${value.dtype} while \`original${i}\` has dtype torch.${original.dtype}`,
        )
      }
      adopt(original, value)
    }
  }

  /** Computes the tensor. */
  override forward(): any {
    const [first, ...others] = this
    let value: unknown = first!.forward(...this.originals())
    for (const module of others) value = module.forward(value)
    return value
  }
}

function checkInverse(original: Tensor, made: Tensor): void {
  for (const fact of ['dtype', 'device'] as const) {
    if (original[fact] === made[fact]) continue
    const before = fact === 'dtype' ? `torch.${original.dtype}` : original.device
    const after = fact === 'dtype' ? `torch.${made.dtype}` : made.device
    throw new ArgumentError(
      `When \`right_inverse\` outputs one tensor, it may not change the ${fact}.\noriginal.${fact}: ${before}\nright_inverse(original).${fact}: ${after}`,
    )
  }
}

function originalOf(value: unknown, i: number, original: Tensor): Tensor {
  if (!(value instanceof Tensor)) {
    throw new ArgumentError(
      `'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got element ${i} of the sequence with type ${typeName(value)}.`,
    )
  }
  const { requiresGrad } = original
  return original instanceof Parameter ? new Parameter(value, { requiresGrad }) : value.requiresGrad_(requiresGrad)
}
