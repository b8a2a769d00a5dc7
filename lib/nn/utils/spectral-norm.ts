/** The older form of spectral normalisation, with a hook. Rules and messages: torch/nn/utils/spectral_norm.py, PyTorch 2.13. */
import { ArgumentError, TorchError } from '../../errors.js'
import { linalg } from '../../generated/namespaces.js'
import { noGrad } from '../../tensor/autograd.js'
import { Parameter } from '../../tensor/parameter.js'
import type { Tensor } from '../../tensor/tensor.js'
import { takeArguments } from '../arguments.js'
import { type Call, numberOr } from '../call.js'
import type { Module } from '../module.js'
import { addMethod, type ForwardMethod, methodsOf, removeMethod } from './forward-methods.js'
import { outputDim } from './kinds.js'
import { addMember, needModule, needSize, ownParameter, removeMember, setComputed, tensorOf } from './members.js'
import { asMatrix, normalized } from './normalize.js'
import type { SpectralNormOptions } from './parametrizations.js'

type Metadata = Record<string, unknown>

class SpectralNorm implements ForwardMethod {
  /** Of the state dict: since version 1 it has `weight_v`, and no `weight`. */
  static readonly version = 1
  constructor(
    readonly _tensorName: string,
    readonly nPowerIterations: number,
    readonly dim: number,
    readonly eps: number,
  ) {
    if (nPowerIterations <= 0) {
      throw new ArgumentError(
        `Expected n_power_iterations to be positive, but got n_power_iterations=${nPowerIterations}`,
      )
    }
  }

  compute(module: Module, iterate: boolean): Tensor {
    const [weight, givenU, givenV] = ['_orig', '_u', '_v'].map((end) => tensorOf(module, this._tensorName + end))
    let [u, v] = [givenU!, givenV!]
    const matrix = asMatrix(weight!, this.dim)
    if (iterate) {
      noGrad(() => {
        // In place, as replicas share the vectors; then copies, as backward needs these and the next forward changes them.
        for (let i = 0; i < this.nPowerIterations; i++) {
          v.copy_(normalized(matrix.t().mv(u), this.eps))
          u.copy_(normalized(matrix.mv(v), this.eps))
        }
        u = u.clone()
        v = v.clone()
      })
    }
    return weight!.div(u.dot(matrix.mv(v)))
  }
  call(module: Module): void {
    setComputed(module, this._tensorName, this.compute(module, module.training))
  }

  saved(metadata: Metadata): void {
    const entry = (metadata.spectral_norm ??= Object.create(null)) as Metadata
    const key = `${this._tensorName}.version`
    if (key in entry) throw new TorchError(`Unexpected key in metadata['spectral_norm']: ${key}`)
    entry[key] = SpectralNorm.version
  }

  /** Makes `weight_v` for a state dict that is older. */
  load(dict: Record<string, Tensor>, prefix: string, metadata: Metadata, strict: boolean, missing: string[]): void {
    const version = (metadata.spectral_norm as Metadata | undefined)?.[`${this._tensorName}.version`] as
      | number
      | undefined
    if (version !== undefined && version >= 1) return
    const key = prefix + this._tensorName
    const has = (end: string): boolean => dict[key + end] !== undefined
    // Made by hand in the new form, only without metadata.
    if (version === undefined && ['_orig', '_u', '_v'].every(has) && !has('')) return
    const lacking = ['_orig', '', '_u'].filter((end) => !has(end))
    if (strict) missing.push(...lacking.map((end) => key + end))
    if (lacking.length > 0) return
    noGrad(() => {
      const original = dict[`${key}_orig`]!
      const sigma = original.div(dict[key]!).mean()
      delete dict[key]
      const matrix = asMatrix(original, this.dim)
      const u = dict[`${key}_u`]!
      const v = linalg.multiDot([matrix.t().mm(matrix).pinverse(), matrix.t(), u.unsqueeze(1)]).squeeze(1)
      dict[`${key}_v`] = v.mul_(sigma.div(u.dot(matrix.mv(v))))
    })
  }
}

/**
 * Divides a weight by its largest singular value: a hook computes it from `weight_orig`, `weight_u` and `weight_v` before each
 * `forward`. See `parametrizations.spectralNorm` for the newer form.
 */
export function spectralNorm<M extends Module>(
  module: M,
  ...args: Call<
    [name: string | undefined, nPowerIterations: number | undefined, eps: number | undefined, dim: number | null],
    SpectralNormOptions
  >
): M
export function spectralNorm(...args: unknown[]): Module {
  const what = 'spectralNorm'
  const names = ['module', 'name', 'nPowerIterations', 'eps', 'dim']
  const [target, given = 'weight', iterations, eps, dim] = takeArguments(what, names, args)
  const module = needModule(what, target)
  const name = given as string
  const side = numberOr(what, 'dim', dim ?? undefined, outputDim(module))
  if (methodsOf(module, SpectralNorm, name).length > 0) {
    throw new TorchError(`Cannot register two spectral_norm hooks on the same parameter ${name}`)
  }
  const times = numberOr(what, 'nPowerIterations', iterations, 1)
  const norm = new SpectralNorm(name, times, side, numberOr(what, 'eps', eps, 1e-12))
  const weight = ownParameter(module, name)
  if (weight === null) {
    throw new ArgumentError(`\`SpectralNorm\` cannot be applied as parameter \`${name}\` is None`)
  }
  needSize(weight, 'SpectralNorm', 'spectral')
  const [u, v] = noGrad(() => {
    const sizes = asMatrix(weight, side).shape
    return sizes.map((size) => normalized(weight.newEmpty([size]).normal_(0, 1), norm.eps))
  }) as [Tensor, Tensor]
  removeMember(module, name)
  module.registerParameter(`${name}_orig`, weight)
  setComputed(module, name, weight.detach())
  module.registerBuffer(`${name}_u`, u)
  module.registerBuffer(`${name}_v`, v)
  addMethod(module, norm)
  // A copy of the module has these hooks, too, and may be without the method later.
  const isOn = (target: Module): boolean => methodsOf(target, SpectralNorm, name).includes(norm)
  module.registerStateDictPostHook((target, _dict, _prefix, metadata) => {
    if (isOn(target)) norm.saved(metadata)
  })
  module.registerLoadStateDictPreHook((target, dict, prefix, metadata, strict, missing) => {
    if (isOn(target)) norm.load(dict, prefix, metadata, strict, missing)
  })
  return module
}

/** Makes the weight a parameter again, of its present value. */
export function removeSpectralNorm<M extends Module>(module: M, name = 'weight'): M {
  const [norm] = methodsOf(needModule('removeSpectralNorm', module), SpectralNorm, name)
  if (norm === undefined) throw new ArgumentError(`spectral_norm of '${name}' not found in ${module}`)
  const weight = noGrad(() => norm.compute(module, false))
  for (const end of ['_u', '_v', '_orig']) removeMember(module, name + end)
  addMember(module, name, new Parameter(weight.detach()))
  removeMethod(module, norm)
  return module
}
