/** Batch normalisation put into the layer before it. Rules and order of the arithmetic: torch/nn/utils/fusion.py, PyTorch 2.13. */
import { ArgumentError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { Parameter } from '../../tensor/parameter.js'
import type { Tensor } from '../../tensor/tensor.js'
import { flag, takeArguments } from '../arguments.js'
import type { Layer } from '../layer.js'
import { needModule } from './members.js'

/** A layer with a weight and perhaps a bias. */
type Weighted = Layer & { weight: Tensor; bias: Tensor | null }
/** A BatchNorm layer. */
type Norm = Layer & {
  weight: Tensor | null
  bias: Tensor | null
  running_mean: Tensor | null
  running_var: Tensor | null
  eps: number
  numFeatures: number
}
type Given = Tensor | null

function fused<L extends Weighted>(layer: L, [weight, bias]: [Parameter, Parameter]): L {
  const copy = layer.clone()
  copy.weight = weight
  copy.bias = bias
  return copy
}

function checkEval(layer: Layer, bn: Norm): void {
  needModule('fuse', layer)
  needModule('fuse', bn)
  if (layer.training || bn.training) throw new ArgumentError('Fusion only for eval!')
}
function statistics(bn: Norm): [mean: Tensor, variance: Tensor] {
  const { running_mean: mean, running_var: variance } = bn
  if (mean === null || variance === null) {
    throw new ArgumentError('bn.running_mean and bn.running_var must not be None')
  }
  return [mean, variance]
}

/**
 * A convolution that computes what `conv` and the batch normalisation `bn` behind it do; both are in evaluation mode.
 * @param options - `transpose`: it is a transposed convolution (default `false`), also as third argument
 */
export function fuseConvBnEval<L extends Weighted>(
  conv: L,
  bn: Norm,
  options: { transpose?: boolean } | boolean = {},
): L {
  const transpose = typeof options === 'boolean' ? options : (options.transpose ?? false)
  checkEval(conv, bn)
  const [mean, variance] = statistics(bn)
  return fused(conv, fuseConvBnWeights(conv.weight, conv.bias, mean, variance, bn.eps, bn.weight, bn.bias, transpose))
}

/** The weight and bias of {@link fuseConvBnEval}; whether they require gradients is as of those of the convolution. */
export function fuseConvBnWeights(
  convW: Tensor,
  convB: Given,
  bnRm: Tensor,
  bnRv: Tensor,
  bnEps: number,
  bnW: Given,
  bnB: Given,
  transpose?: boolean | { transpose?: boolean },
): [Parameter, Parameter]
export function fuseConvBnWeights(...args: unknown[]): [Parameter, Parameter] {
  const names = ['convW', 'convB', 'bnRm', 'bnRv', 'bnEps', 'bnW', 'bnB', 'transpose']
  const values = takeArguments('fuseConvBnWeights', names, args)
  const [weight, given, mean, variance, eps, scale, shift] = values as [
    Tensor,
    Given,
    Tensor,
    Tensor,
    number,
    Given,
    Given,
  ]
  const bias = given ?? functions.zerosLike(mean)
  const gain = scale ?? functions.onesLike(mean)
  const offset = shift ?? functions.zerosLike(mean)
  const rsqrt = variance.add(eps).rsqrt()
  const rest = weight.shape.slice(2).map(() => 1)
  const shape = flag('fuseConvBnWeights', 'transpose', values[7], false) ? [1, -1, ...rest] : [-1, 1, ...rest]
  const fusedWeight = weight.mul(gain.mul(rsqrt).reshape(shape)).to(weight.dtype)
  const fusedBias = bias
    .sub(mean)
    .mul(rsqrt)
    .mul(gain)
    .add(offset)
    .to((given ?? weight).dtype)
  return parameters(fusedWeight, weight, fusedBias, bias)
}

/** A Linear layer that computes what `linear` and the batch normalisation `bn` behind it do; both are in evaluation mode. */
export function fuseLinearBnEval<L extends Weighted & { outFeatures: number }>(linear: L, bn: Norm): L {
  checkEval(linear, bn)
  if (linear.outFeatures !== bn.numFeatures && bn.numFeatures !== 1) {
    throw new ArgumentError(
      `To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got linear.out_features=${linear.outFeatures} and bn.num_features=${bn.numFeatures}`,
    )
  }
  const [mean, variance] = statistics(bn)
  if (bn.weight === null || bn.bias === null) throw new ArgumentError('fuseLinearBnEval(): bn has no weight or no bias')
  return fused(linear, fuseLinearBnWeights(linear.weight, linear.bias, mean, variance, bn.eps, bn.weight, bn.bias))
}

/** The weight and bias of {@link fuseLinearBnEval}; whether they require gradients is as of those of the Linear layer. */
export function fuseLinearBnWeights(
  linearW: Tensor,
  linearB: Given,
  bnRm: Tensor,
  bnRv: Tensor,
  bnEps: number,
  bnW: Tensor,
  bnB: Tensor,
): [Parameter, Parameter] {
  const bias = linearB ?? functions.zerosLike(bnRm)
  const scale = bnW.mul(bnRv.add(bnEps).rsqrt())
  const fusedWeight = linearW.mul(scale.unsqueeze(-1).to(linearW.dtype))
  const fusedBias = bias
    .sub(bnRm)
    .mul(scale)
    .add(bnB)
    .to((linearB ?? linearW).dtype)
  return parameters(fusedWeight, linearW, fusedBias, bias)
}

function parameters(weight: Tensor, likeWeight: Tensor, bias: Tensor, likeBias: Tensor): [Parameter, Parameter] {
  return [
    new Parameter(weight, { requiresGrad: likeWeight.requiresGrad }),
    new Parameter(bias, { requiresGrad: likeBias.requiresGrad }),
  ]
}
