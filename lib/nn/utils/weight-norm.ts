/** The older form of weight normalisation, with a hook. Rules: torch/nn/utils/weight_norm.py, PyTorch 2.13. */
import { ArgumentError, TorchError } from '../../errors.js'
import { normExceptDim } from '../../generated/functions.js'
import { operatorFunction } from '../../tensor/operator.js'
import { Parameter } from '../../tensor/parameter.js'
import type { Tensor } from '../../tensor/tensor.js'
import { takeArguments } from '../arguments.js'
import { type Call, numberOr } from '../call.js'
import type { Module } from '../module.js'
import { addMethod, type ForwardMethod, methodsOf, removeMethod } from './forward-methods.js'
import { addMember, needModule, needSize, ownParameter, removeMember, setComputed, tensorOf } from './members.js'
import type { WeightNormOptions } from './parametrizations.js'

const weightOf = operatorFunction('aten::_weight_norm')

class WeightNorm implements ForwardMethod {
  constructor(
    readonly _tensorName: string,
    readonly dim: number,
  ) {}
  compute(module: Module): Tensor {
    return weightOf(tensorOf(module, `${this._tensorName}_v`), tensorOf(module, `${this._tensorName}_g`), this.dim)
  }
  call(module: Module): void {
    setComputed(module, this._tensorName, this.compute(module))
  }
}

/**
 * Splits a weight into its length (`weight_g`) and its direction (`weight_v`); a hook computes it before each `forward`.
 * @deprecated use `parametrizations.weightNorm`
 */
export function weightNorm<M extends Module>(
  module: M,
  ...args: Call<[name: string | undefined, dim: number | null | undefined], WeightNormOptions>
): M
export function weightNorm(...args: unknown[]): Module {
  const [target, given = 'weight', dim] = takeArguments('weightNorm', ['module', 'name', 'dim'], args)
  const module = needModule('weightNorm', target)
  const name = given as string
  process.emitWarning(
    '`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`.',
    'FutureWarning',
  )
  if (methodsOf(module, WeightNorm, name).length > 0) {
    throw new TorchError(`Cannot register two weight_norm hooks on the same parameter ${name}`)
  }
  return normalizeWeight(module, name, dim === null ? -1 : numberOr('weightNorm', 'dim', dim, 0))
}

/** {@link weightNorm} without its warning. @internal */
export function normalizeWeight(module: Module, name: string, dim: number): Module {
  const norm = new WeightNorm(name, dim)
  const weight = tensorOf(module, name)
  needSize(weight, 'WeightNorm', 'weight')
  ownParameter(module, name)
  removeMember(module, name)
  module.registerParameter(`${name}_g`, new Parameter(normExceptDim(weight, 2, norm.dim).detach()))
  module.registerParameter(`${name}_v`, new Parameter(weight.detach()))
  norm.call(module)
  addMethod(module, norm)
  return module
}

/** Makes the weight a parameter again, of its present value. */
export function removeWeightNorm<M extends Module>(module: M, name = 'weight'): M {
  const [norm] = methodsOf(needModule('removeWeightNorm', module), WeightNorm, name)
  if (norm === undefined) throw new ArgumentError(`weight_norm of '${name}' not found in ${module}`)
  const weight = norm.compute(module)
  removeMember(module, `${name}_g`)
  removeMember(module, `${name}_v`)
  addMember(module, name, new Parameter(weight.detach()))
  removeMethod(module, norm)
  return module
}
