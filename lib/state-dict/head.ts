/** New last layers. */
import { ArgumentError } from '../errors.js'
import { Conv2d, Linear } from '../generated/nn.js'
import type { Module } from '../nn/module.js'
import { describe } from '../tensor/operator.js'
import type { Parameter } from '../tensor/parameter.js'
import { listed } from './glob.js'
import { checkModel } from './match.js'

type Head = Linear | Conv2d

const isHead = (module: unknown): module is Head => module instanceof Linear || module instanceof Conv2d

/**
 * Puts a new layer for another number of classes in the place of a model's last one: a {@link Linear}, or a {@link Conv2d} as
 * SqueezeNet has it, with the same other sizes, dtype, device and mode, and weights that are drawn anew.
 * @param name - dotted name of the layer: `'fc'`, `'classifier.6'`
 * @param classes - outputs of the new one, > 0
 * @returns the new parameters with their names, for an optimizer; one that was made before does not have them
 * @throws {@link ArgumentError} where the name is no such layer, with those that are
 * @example
 * const head = torch.replaceHead(model, 'fc', 10)
 * const optimizer = new torch.optim.SGD(head, { lr: 0.01 })
 */
export function replaceHead(model: Module, name: string, classes: number): [string, Parameter][] {
  const owner = 'replaceHead'
  checkModel(owner, model)
  if (!Number.isSafeInteger(classes) || classes <= 0)
    throw new ArgumentError(`${owner}: classes should be a positive integer, but is ${describe(classes)}`)
  const modules = new Map(model.namedModules())
  const old = typeof name === 'string' && name !== '' ? modules.get(name) : undefined
  if (!isHead(old)) throw noHead(owner, model, name, old)
  const head = like(old, classes)
  head.train(old.training)
  model.setSubmodule(name, head, { strict: true })
  return head.namedParameters({ prefix: name })
}

function like(old: Head, classes: number): Head {
  const { weight } = old
  const rest = { bias: old.bias !== null, device: weight.device, dtype: weight.dtype }
  if (old instanceof Linear) return new Linear(old.inFeatures, classes, rest)
  const { kernelSize, stride, padding, dilation, groups, paddingMode } = old
  return new Conv2d(old.inChannels, classes, kernelSize, { stride, padding, dilation, groups, paddingMode, ...rest })
}

function noHead(owner: string, model: Module, name: unknown, found: Module | undefined): ArgumentError {
  const heads = model.namedModules().filter(([path, module]) => path !== '' && isHead(module))
  const last = heads
    .map(([path]) => path)
    .slice(-3)
    .reverse()
  const known = last.length > 0 ? `its last such layers are ${listed(last)}` : 'it has no such layer'
  const what = found ? `is a ${found._getName()}` : `is no module of ${model._getName()}`
  return new ArgumentError(
    `${owner}: ${typeof name === 'string' ? `'${name}'` : describe(name)} ${what}; a head is a Linear or Conv2d, and ${known}`,
  )
}
