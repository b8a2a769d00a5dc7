/**
 * The hooks of PyTorch's older weight and spectral normalisation, which a pickled module has as objects. They are put on the module
 * anew, by their options. Sources: torch/nn/utils/weight_norm.py and spectral_norm.py, PyTorch 2.13 (cf30153c).
 */
import * as nn from '../nn/index.js'
import { normalizeWeight } from '../nn/utils/weight-norm.js'
import { classOf, isPlain } from '../serialize/pickled-module.js'
import { PyObject } from '../serialize/py-object.js'
import { getRngState, setRngState } from '../tensor/generator.js'
import { Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'

export interface NormHook {
  kind: 'weight' | 'spectral'
  /** of the tensor that is normalised */
  name: string
  dim: number
  iterations: number
  eps: number
}

const spectral = 'torch.nn.utils.spectral_norm.SpectralNorm'

/** The normalisation that a pre-hook does, if it is one. */
export function normHookOf(hook: unknown): NormHook | undefined {
  if (!(hook instanceof PyObject) || !isPlain(hook.state)) return undefined
  const { name, dim, n_power_iterations: iterations = 1, eps = 1e-12 } = hook.state
  if (typeof name !== 'string' || !Number.isSafeInteger(dim)) return undefined
  const { path } = classOf(hook)
  if (path === 'torch.nn.utils.weight_norm.WeightNorm') {
    return { kind: 'weight', name, dim: dim as number, iterations: 1, eps: 0 }
  }
  if (path !== spectral || !Number.isSafeInteger(iterations) || typeof eps !== 'number') return undefined
  return { kind: 'spectral', name, dim: dim as number, iterations: iterations as number, eps }
}

/** Whether a hook of state dicts belongs to such a normalisation, which brings its own. */
export function isOfNorm(hook: unknown): boolean {
  if (!(hook instanceof PyObject)) return false
  const { path } = classOf(hook)
  if (path === `${spectral}StateDictHook` || path === `${spectral}LoadStateDictPreHook`) return true
  return path === 'torch.nn.modules.module._WrappedHook' && isPlain(hook.state) && isOfNorm(hook.state.hook)
}

/**
 * Puts a tensor in the place of the one that is computed, so that the module can be made.
 * @returns false where the parts of the normalised tensor are missing
 */
export function restore(
  hook: NormHook,
  state: Record<string, unknown>,
  parameters: Map<string, unknown>,
  buffers: Map<string, unknown>,
): boolean {
  const { name } = hook
  const parts = hook.kind === 'weight' ? ['_g', '_v'] : ['_orig']
  if (!parts.every((part) => parameters.get(name + part) instanceof Parameter) || parameters.has(name)) return false
  const before = [...parameters]
  const whole = hook.kind === 'spectral' ? parameters.get(`${name}_orig`) : state[name]
  if (!(whole instanceof Tensor)) return false
  if (hook.kind === 'spectral') {
    const vectors = ['_u', '_v'].map((part) => name + part)
    if (!vectors.every((vector) => buffers.get(vector) instanceof Tensor)) return false
    for (const vector of vectors) buffers.delete(vector)
  }
  parameters.clear()
  parameters.set(name, whole instanceof Parameter ? whole : new Parameter(whole.detach()))
  for (const [key, value] of before) if (!parts.some((part) => key === name + part)) parameters.set(key, value)
  return true
}

/** Puts the hook on a module that was made, with the tensors of the file. */
export function apply(
  hook: NormHook,
  made: nn.Module,
  parameters: ReadonlyMap<string, unknown>,
  buffers: ReadonlyMap<string, unknown>,
): void {
  const { name, dim, iterations, eps } = hook
  if (hook.kind === 'weight') {
    normalizeWeight(made, name, dim)
    for (const part of ['_g', '_v']) made._put(name + part, parameters.get(name + part))
    return
  }
  // its first vectors are drawn, and replaced
  const random = getRngState()
  nn.utils.spectralNorm(made, { name, nPowerIterations: iterations, eps, dim })
  setRngState(random)
  for (const part of ['_u', '_v']) made._put(name + part, buffers.get(name + part))
}
