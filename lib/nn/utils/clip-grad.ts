/** Gradients kept within bounds. Rules and order of the arithmetic: torch/nn/utils/clip_grad.py, PyTorch 2.13. */
import { ArgumentError, TorchError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { linalg } from '../../generated/namespaces.js'
import { noGrad } from '../../tensor/autograd.js'
import { tensor as tensorFrom } from '../../tensor/creation.js'
import { describe } from '../../tensor/operator.js'
import { ops } from '../../tensor/ops.js'
import { floatText } from '../../tensor/python-text.js'
import { Tensor } from '../../tensor/tensor.js'
import { takeArguments } from '../arguments.js'
import { type Call, needTensor } from '../call.js'

/** One tensor, or several. */
export type TensorOrTensors = Tensor | Iterable<Tensor>
type Foreach = boolean | null | undefined

export interface ForeachOptions {
  /** whether all tensors are treated in one call (default: where the device has it) */
  foreach?: boolean | null
}
export interface TotalNormOptions extends ForeachOptions {
  /** order of the norm, also `Infinity` or `'inf'` (default `2`) */
  normType?: number | string
  /** throws when the norm is not finite (default `false`) */
  errorIfNonfinite?: boolean
}

function listOf(what: string, name: string, tensors: unknown): Tensor[] {
  if (tensors instanceof Tensor) return [tensors]
  if (typeof tensors !== 'object' || tensors === null || !(Symbol.iterator in tensors)) {
    throw new ArgumentError(`${what}(): expected ${name} to be a Tensor or several, received ${describe(tensors)}`)
  }
  return [...(tensors as Iterable<unknown>)].map((tensor) => needTensor(what, name, tensor))
}

/** `float(value)` */
function float(what: string, name: string, value: unknown): number {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value)
  const text = typeof value === 'string' ? value.trim().toLowerCase() : ''
  const infinite = /^([+-]?)inf(?:inity)?$/.exec(text)
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (text === 'nan') return Number.NaN
  if (text !== '' && !Number.isNaN(Number(text))) return Number(text)
  if (typeof value === 'string') throw new ArgumentError(`could not convert string to float: '${value}'`)
  throw new ArgumentError(`${what}(): expected ${name} to be a number, received ${describe(value)}`)
}

/**
 * Tensors of one device and dtype together, in the order in which Python's table of them is walked: a new group goes in front
 * of all others, or in front of the one that shares its bucket. It matters, as norms are summed in that order.
 */
function groups(tensors: Tensor[]): Tensor[][] {
  const found: { key: string; bucket: string; tensors: Tensor[] }[] = []
  for (const tensor of tensors) {
    const { device, dtype } = tensor
    const known = found.find((group) => group.key === `${device} ${dtype}`)
    if (known) {
      known.tensors.push(tensor)
      continue
    }
    const bucket = `${device} ${dtype === 'bfloat16' ? 'float32' : dtype}`
    const before = found.findIndex((group) => group.bucket === bucket)
    found.splice(Math.max(before, 0), 0, { key: `${device} ${dtype}`, bucket, tensors: [tensor] })
  }
  return found.map((group) => group.tensors)
}

/** Whether a group is treated in one call; an error where that was asked for and cannot be. */
function together(foreach: Foreach, [first]: Tensor[]): boolean {
  const device = first!.device.replace(/:.*/, '')
  const can = device === 'cpu' || device === 'cuda'
  if (foreach && !can) {
    throw new TorchError(`foreach=True was passed, but can't use the foreach API on ${device} tensors`)
  }
  return can && (foreach ?? true)
}

function totalNorm(tensors: Tensor[], normType: number, errorIfNonfinite: boolean, foreach: Foreach): Tensor {
  if (tensors.length === 0) return tensorFrom(0)
  const { device } = tensors[0]!
  const norms = groups(tensors).flatMap((group): Tensor[] =>
    together(foreach, group)
      ? ops.aten!._foreach_norm!.Scalar!(group, normType, null)
      : group.map((tensor) => linalg.vectorNorm(tensor, normType)),
  )
  const total = linalg.vectorNorm(functions.stack(norms.map((norm) => norm.to(device))), normType)
  if (errorIfNonfinite && total.isnan().logicalOr(total.isinf()).item() === true) {
    throw new TorchError(
      `The total norm of order ${floatText(normType)} for gradients from \`parameters\` is non-finite, so it cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, set \`error_if_nonfinite=False\``,
    )
  }
  return total
}

function scale(gradients: Tensor[], maxNorm: number, total: Tensor, foreach: Foreach): void {
  if (gradients.length === 0) return
  // As Python divides a number by a tensor. Multiplying by 1 costs less than asking the device whether it is 1.
  const factor = total.add(1e-6).reciprocal().mul(maxNorm).clamp({ max: 1 })
  for (const group of groups(gradients)) {
    const here = factor.to(group[0]!.device)
    if (together(foreach, group)) ops.aten!._foreach_mul_!.Tensor!(group, here)
    else for (const gradient of group) gradient.mul_(here)
  }
}

function gradientsOf(parameters: Tensor[]): Tensor[] {
  return parameters.map((parameter) => parameter.grad).filter((grad): grad is Tensor => grad !== null)
}

/** The norm of all tensors, as if they were one vector: a 0-dimensional tensor; 0 where there are none. */
export function getTotalNorm(
  tensors: TensorOrTensors,
  ...args: Call<
    [normType: number | string | undefined, errorIfNonfinite: boolean | undefined, foreach: Foreach],
    TotalNormOptions
  >
): Tensor
export function getTotalNorm(...args: unknown[]): Tensor {
  const what = 'getTotalNorm'
  const [tensors, normType = 2, error = false, foreach] = takeArguments(
    what,
    ['tensors', 'normType', 'errorIfNonfinite', 'foreach'],
    args,
  )
  const list = listOf(what, 'tensors', tensors)
  return noGrad(() => totalNorm(list, float(what, 'normType', normType), Boolean(error), foreach as Foreach))
}

/** Scales the gradients of the parameters by `maxNorm / totalNorm` where that is below 1; `totalNorm` is {@link getTotalNorm}'s. */
export function clipGradsWithNorm_(
  parameters: TensorOrTensors,
  maxNorm: number,
  totalNorm: Tensor,
  ...args: Call<[foreach: Foreach], ForeachOptions>
): void
export function clipGradsWithNorm_(
  parameters: TensorOrTensors,
  options: { maxNorm: number; totalNorm: Tensor } & ForeachOptions,
): void
export function clipGradsWithNorm_(...args: unknown[]): void {
  const what = 'clipGradsWithNorm_'
  const [parameters, maxNorm, total, foreach] = takeArguments(
    what,
    ['parameters', 'maxNorm', 'totalNorm', 'foreach'],
    args,
  )
  const gradients = gradientsOf(listOf(what, 'parameters', parameters))
  const most = float(what, 'maxNorm', maxNorm)
  noGrad(() => scale(gradients, most, needTensor(what, 'totalNorm', total), foreach as Foreach))
}

/**
 * Scales the gradients of the parameters so that their norm, all together, is at most `maxNorm`. Returns the norm before that.
 * @example
 * loss.backward()
 * nn.utils.clipGradNorm_(model.parameters(), 1.0)
 * optimizer.step()
 */
export function clipGradNorm_(
  parameters: TensorOrTensors,
  maxNorm: number,
  ...args: Call<
    [normType: number | string | undefined, errorIfNonfinite: boolean | undefined, foreach: Foreach],
    TotalNormOptions
  >
): Tensor
export function clipGradNorm_(parameters: TensorOrTensors, options: { maxNorm: number } & TotalNormOptions): Tensor
export function clipGradNorm_(...args: unknown[]): Tensor {
  const what = 'clipGradNorm_'
  const [parameters, maxNorm, normType = 2, error = false, foreach] = takeArguments(
    what,
    ['parameters', 'maxNorm', 'normType', 'errorIfNonfinite', 'foreach'],
    args,
  )
  const list = listOf(what, 'parameters', parameters)
  // A list may be empty on purpose; a generator that is may have been used up.
  if (list.length === 0 && String(parameters) === '[object Generator]') {
    process.emitWarning('`parameters` is an empty generator, no gradient clipping will occur.', 'UserWarning')
  }
  const gradients = gradientsOf(list)
  return noGrad(() => {
    const total = totalNorm(gradients, float(what, 'normType', normType), Boolean(error), foreach as Foreach)
    scale(gradients, float(what, 'maxNorm', maxNorm), total, foreach as Foreach)
    return total
  })
}

/** @deprecated use {@link clipGradNorm_} */
export const clipGradNorm = ((...args: unknown[]) => {
  process.emitWarning(
    '`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.',
    'FutureWarning',
  )
  return (clipGradNorm_ as (...args: unknown[]) => Tensor)(...args)
}) as typeof clipGradNorm_

/** Cuts the gradients of the parameters off at ±`clipValue`. */
export function clipGradValue_(
  parameters: TensorOrTensors,
  clipValue: number,
  ...args: Call<[foreach: Foreach], ForeachOptions>
): void
export function clipGradValue_(parameters: TensorOrTensors, options: { clipValue: number } & ForeachOptions): void
export function clipGradValue_(...args: unknown[]): void {
  const what = 'clipGradValue_'
  const [parameters, clipValue, foreach] = takeArguments(what, ['parameters', 'clipValue', 'foreach'], args)
  const gradients = gradientsOf(listOf(what, 'parameters', parameters))
  const most = float(what, 'clipValue', clipValue)
  noGrad(() => {
    for (const group of groups(gradients)) {
      if (together(foreach as Foreach, group)) {
        ops.aten!._foreach_clamp_min_!.Scalar!(group, -most)
        ops.aten!._foreach_clamp_max_!.Scalar!(group, most)
      } else for (const gradient of group) gradient.clamp_({ min: -most, max: most })
    }
  })
}
