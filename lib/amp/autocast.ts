/** Rules: torch/amp/autocast_mode.py, PyTorch 2.13 (cf30153c). */
import { native } from '../binding.js'
import { ArgumentError, TorchError } from '../errors.js'
import { isAvailable } from '../tensor/cuda.js'
import type { Dtype } from '../tensor/dtype.js'
import { describe, isOptions, unknownOption } from '../tensor/operator.js'
import { isPromise } from '../tensor/scope.js'

/** Options of {@link autocast}. */
export interface AutocastOptions {
  /** What operators compute in where that is safe: 'bfloat16' or 'float16' (default: {@link getAutocastDtype}). */
  dtype?: Dtype | null
  /** With `false` the region computes in the dtypes of its tensors (default `true`). */
  enabled?: boolean
  /** Keeps the casts of weights up to the end of the outermost region (default: as it is, at first `true`). */
  cacheEnabled?: boolean | null
}
const names = ['dtype', 'enabled', 'cacheEnabled']

/**
 * Runs a synchronous function in mixed precision and returns its result: matrix products and convolutions in a lower dtype,
 * what would lose too much in float32. Only for forward passes and losses; call `backward()` outside.
 * @param deviceType - 'cpu', 'cuda'; tensors elsewhere are not affected
 * @example
 * const loss = torch.autocast('cpu', { dtype: 'bfloat16' }, () => F.crossEntropy(model.forward(x), y))
 * loss.backward()
 * @throws {@link TorchError} for a type of device without autocasting
 * @see https://docs.pytorch.org/docs/2.13/amp.html#torch.autocast
 */
export function autocast<T>(deviceType: string, fn: () => T): T
export function autocast<T>(deviceType: string, options: AutocastOptions, fn: () => T): T
export function autocast<T>(deviceType: string, ...rest: [AutocastOptions | (() => T), (() => T)?]): T {
  if (typeof deviceType !== 'string')
    throw new ArgumentError(`Expected \`device_type\` of type \`str\`, got: \`${describe(deviceType)}\``)
  const fn = rest.length > 1 ? rest[1] : rest[0]
  const options = rest.length > 1 ? rest[0] : {}
  if (typeof fn !== 'function') throw new ArgumentError(`autocast(deviceType, options, fn): fn is ${describe(fn)}`)
  if (!isOptions(options)) throw new ArgumentError(`autocast(): expected options, received ${describe(options)}`)
  for (const key of Object.keys(options)) if (!names.includes(key)) throw unknownOption('autocast', key, names)
  if (!isAutocastAvailable(deviceType))
    throw new TorchError(`User specified an unsupported autocast device_type '${deviceType}'`)
  const { dtype, enabled = true, cacheEnabled } = options as AutocastOptions
  const fast = dtype ?? getAutocastDtype(deviceType)
  const cached = cacheEnabled ?? isAutocastCacheEnabled()
  const result = native().autocast(deviceType, fast, enabled && canCast(deviceType, fast), cached, fn)
  if (isPromise(result)) {
    throw new TypeError('autocast(fn): fn returned a Promise, but the mode ends when fn returns; await outside')
  }
  return result
}

/** Warns as Python does where autocasting is turned off. */
function canCast(deviceType: string, dtype: Dtype): boolean {
  if (deviceType === 'cuda') {
    if (isAvailable()) return true
    process.emitWarning('CUDA is not available or torch_xla is imported. Disabling autocast.', 'UserWarning')
    return false
  }
  if (dtype === 'bfloat16' || dtype === 'float16') return true
  const name = deviceType.toUpperCase()
  process.emitWarning(
    `In ${name} autocast, but the target dtype is not supported. Disabling autocast.\n` +
      `${name} Autocast only supports dtypes of torch.bfloat16, torch.float16 currently.`,
    'UserWarning',
  )
  return false
}

/** Whether LibTorch has autocasting for a type of device. */
export function isAutocastAvailable(deviceType: string): boolean {
  return native().isAutocastAvailable(deviceType)
}
/** Whether this is inside a region of {@link autocast} for a type of device. */
export function isAutocastEnabled(deviceType = 'cuda'): boolean {
  return native().isAutocastEnabled(deviceType)
}
/** The dtype of {@link autocast} where none is given, and inside a region that of the region. */
export function getAutocastDtype(deviceType: string): Dtype {
  return native().autocastDtype(deviceType) as Dtype
}
/** Whether {@link autocast} keeps casts of weights. */
export function isAutocastCacheEnabled(): boolean {
  return native().isAutocastCacheEnabled()
}

/**
 * Turns autocasting of a type of device on or off for what this thread runs from here on. Rather call {@link autocast}, which
 * ends by itself.
 */
export function setAutocastEnabled(deviceType: string, enabled: boolean): void {
  native().setAutocastEnabled(deviceType, enabled)
}
/** Sets the dtype of {@link autocast} where none is given. */
export function setAutocastDtype(deviceType: string, dtype: Dtype): void {
  native().setAutocastDtype(deviceType, dtype)
}
/** Whether casts of weights are kept up to the end of the outermost region. */
export function setAutocastCacheEnabled(enabled: boolean): void {
  native().setAutocastCacheEnabled(enabled)
}
/** Forgets the casts of weights: after {@link setAutocastEnabled}, which no region ends. */
export function clearAutocastCache(): void {
  native().clearAutocastCache()
}
