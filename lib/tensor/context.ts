/** Settings of the process: determinism, precision, warnings, and `torch.backends`. */
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'

/**
 * Makes operators choose deterministic algorithms, and those that have none throw. New memory is filled (floats with NaN).
 * @param options - `warnOnly`: warn where there is no deterministic algorithm (default `false`)
 */
export function useDeterministicAlgorithms(mode: boolean, { warnOnly = false }: { warnOnly?: boolean } = {}): void {
  native().setSwitch('deterministic', mode)
  native().setSwitch('deterministic_warn_only', warnOnly)
}
export function areDeterministicAlgorithmsEnabled(): boolean {
  return native().getSwitch('deterministic')
}
export function isDeterministicAlgorithmsWarnOnlyEnabled(): boolean {
  return native().getSwitch('deterministic_warn_only')
}

const debugModes = ['default', 'warn', 'error']

/** {@link useDeterministicAlgorithms} by one word: `'default'` or 0, `'warn'` or 1, `'error'` or 2. */
export function setDeterministicDebugMode(mode: 'default' | 'warn' | 'error' | 0 | 1 | 2): void {
  const level = typeof mode === 'string' ? debugModes.indexOf(mode) : mode
  if (!(level in debugModes)) {
    throw new ArgumentError(
      `invalid value of debug_mode, expected 'default', 'warn' or 'error' (0, 1 or 2), but got ${mode}`,
    )
  }
  useDeterministicAlgorithms(level > 0, { warnOnly: level === 1 })
}
export function getDeterministicDebugMode(): 0 | 1 | 2 {
  if (!areDeterministicAlgorithmsEnabled()) return 0
  return isDeterministicAlgorithmsWarnOnlyEnabled() ? 1 : 2
}

/** How exact float32 matrix products are: `'highest'` (default), or faster with fewer bits where the hardware can. */
export function setFloat32MatmulPrecision(precision: 'highest' | 'high' | 'medium'): void {
  if (!['highest', 'high', 'medium'].includes(precision)) {
    throw new ArgumentError(`the precision is 'highest', 'high' or 'medium', received '${precision}'`)
  }
  native().setFloat32MatmulPrecision(precision)
}
export function getFloat32MatmulPrecision(): string {
  return native().getFloat32MatmulPrecision()
}

/** Treats denormal numbers as zero on the CPU; returns false where the processor cannot. */
export function setFlushDenormal(mode: boolean): boolean {
  return native().setFlushDenormal(mode)
}

/** Threads for work between operators, such as several graphs at once. */
export function getNumInteropThreads(): number {
  return native().getNumInteropThreads()
}
/** Once, and before the first work of that kind. */
export function setNumInteropThreads(n: number): void {
  native().setNumInteropThreads(n)
}

/** Whether warnings that LibTorch gives once are given each time. */
export function setWarnAlways(on: boolean): void {
  native().setSwitch('warn_always', on)
}
export function isWarnAlwaysEnabled(): boolean {
  return native().getSwitch('warn_always')
}

/** Makes a backward pass that computes NaN throw and name the function that did (`torch.autograd.set_detect_anomaly`). */
export function setAnomalyEnabled(mode: boolean, checkNan = true): void {
  native().setSwitch('anomaly', mode)
  native().setSwitch('anomaly_check_nan', checkNan)
}
export function isAnomalyEnabled(): boolean {
  return native().getSwitch('anomaly')
}
export function isAnomalyCheckNanEnabled(): boolean {
  return native().getSwitch('anomaly_check_nan')
}

/** An object whose properties are settings. */
function switches<T extends string, F extends object>(names: Record<T, string>, functions: F): Record<T, boolean> & F {
  for (const [property, name] of Object.entries<string>(names)) {
    Object.defineProperty(functions, property, {
      get: () => native().getSwitch(name),
      set: (on: boolean) => native().setSwitch(name, on),
      enumerable: true,
    })
  }
  return functions as Record<T, boolean> & F
}
const has = (name: string) => () => native().getSwitch(name)
const enable = (name: string) => (on: boolean) => native().setSwitch(name, on)

/** `torch.backends`: settings of the libraries below, as properties (`torch.backends.cudnn.benchmark = true`). */
export const backends = {
  cudnn: switches(
    {
      enabled: 'cudnn_enabled',
      benchmark: 'cudnn_benchmark',
      deterministic: 'cudnn_deterministic',
      allowTf32: 'cudnn_allow_tf32',
    },
    { isAvailable: has('has_cudnn') },
  ),
  mkldnn: switches(
    { enabled: 'mkldnn_enabled', deterministic: 'mkldnn_deterministic' },
    { isAvailable: has('has_mkldnn') },
  ),
  mkl: { isAvailable: has('has_mkl') },
  openmp: { isAvailable: has('has_openmp') },
  cuda: {
    matmul: switches({ allowTf32: 'cuda_matmul_allow_tf32' }, {}),
    flashSdpEnabled: has('flash_sdp'),
    enableFlashSdp: enable('flash_sdp'),
    memEfficientSdpEnabled: has('mem_efficient_sdp'),
    enableMemEfficientSdp: enable('mem_efficient_sdp'),
    mathSdpEnabled: has('math_sdp'),
    enableMathSdp: enable('math_sdp'),
    cudnnSdpEnabled: has('cudnn_sdp'),
    enableCudnnSdp: enable('cudnn_sdp'),
  },
}
