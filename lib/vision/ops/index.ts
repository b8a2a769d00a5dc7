/** `torchvision.ops`: the building blocks of the models. */
export {
  Conv2dNormActivation,
  type Conv2dNormActivationOptions,
} from './conv-norm-activation.js'
export type { ActivationFactory, LayerFactory, NormFactory } from './factory.js'
export { MLP, type MLPOptions } from './mlp.js'
export { Permute } from './permute.js'
export { SqueezeExcitation, type SqueezeExcitationOptions } from './squeeze-excitation.js'
export { StochasticDepth, type StochasticDepthMode, stochasticDepth } from './stochastic-depth.js'
