import { forwardInTurn } from '../../nn/chain.js'
import { AdaptiveAvgPool2d, Conv2d, Module, ReLU, Sigmoid } from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type ActivationFactory, make } from './factory.js'

/** Arguments of {@link SqueezeExcitation} by name. */
export interface SqueezeExcitationOptions {
  /** (default {@link ReLU}) */
  activation?: ActivationFactory
  /** of the factors (default {@link Sigmoid}) */
  scaleActivation?: ActivationFactory
}

/**
 * Weighs the channels by factors that it computes from their means (arXiv 1709.01507, figure 1).
 * Shape: `(N, inputChannels, H, W)` → the same.
 */
export class SqueezeExcitation extends Module {
  avgpool: AdaptiveAvgPool2d
  fc1: Conv2d
  fc2: Conv2d
  activation: Module
  scale_activation: Module

  /**
   * @param inputChannels - > 0
   * @param squeezeChannels - channels between the two layers, > 0
   */
  constructor(inputChannels: number, squeezeChannels: number, options: SqueezeExcitationOptions = {}) {
    super()
    this.avgpool = new AdaptiveAvgPool2d(1)
    this.fc1 = new Conv2d(inputChannels, squeezeChannels, 1)
    this.fc2 = new Conv2d(squeezeChannels, inputChannels, 1)
    this.activation = make(options.activation ?? ReLU)
    this.scale_activation = make(options.scaleActivation ?? Sigmoid)
  }

  override forward(input: Tensor): Tensor {
    const { avgpool, fc1, activation, fc2, scale_activation } = this
    return forwardInTurn([avgpool, fc1, activation, fc2, scale_activation], input).mul(input)
  }
}
