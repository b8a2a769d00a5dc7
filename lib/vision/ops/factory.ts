import type { Module } from '../../nn/index.js'
import { Module as BaseModule } from '../../nn/module.js'

/** What makes a layer where Python takes a callable: a class of layers, or a function that gives one. */
export type LayerFactory<A extends readonly unknown[]> = (new (...args: A) => Module) | ((...args: A) => Module)
/** Makes a layer that normalises so many channels, as `nn.BatchNorm2d` does. */
export type NormFactory = LayerFactory<[numFeatures: number]>
/** Makes a layer without parameters, as `nn.ReLU` does; gets `{ inplace }` where the layer may write into its input. */
export type ActivationFactory = LayerFactory<[options?: { inplace?: boolean }]> | (new () => Module)

/** Calls a factory, or makes an object of it where it is a class of layers. */
export function make<A extends readonly unknown[]>(factory: LayerFactory<A>, ...args: A): Module {
  if (factory.prototype instanceof BaseModule) return new (factory as new (...args: A) => Module)(...args)
  return (factory as (...args: A) => Module)(...args)
}
