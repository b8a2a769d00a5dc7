/** What is done to all tensors of a module. Rules: Module._apply of torch/nn/modules/module.py, PyTorch 2.13. */
import { native } from '../binding.js'
import { ArgumentError, TorchError } from '../errors.js'
import { noGrad } from '../tensor/autograd.js'
import type { Dtype } from '../tensor/dtype.js'
import { operatorFunction, unknownOption } from '../tensor/operator.js'
import { Buffer, emptyShell, Parameter } from '../tensor/parameter.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Module } from './module.js'
import { quietly } from './registration-hooks.js'
import { toTarget } from './to.js'

const emptyLike = operatorFunction('aten::empty_like')

type Change = (tensor: Tensor) => Tensor

/** Gives every tensor the values, dtype and device of `change(tensor)`; the objects stay, so that optimizers stay valid. */
export function applyToTensors(module: Module, change: Change, recurse: boolean): void {
  if (recurse) for (const child of module.children()) child._apply(change)
  for (const [name, tensor] of [...module._parameters(), ...module._buffers()]) {
    const { grad } = tensor
    const changed = noGrad(() => change(tensor))
    const changedGrad = grad && noGrad(() => change(grad))
    if (fits(tensor, changed)) {
      native().setData(tensor, changed)
      if (grad && changedGrad) native().setData(grad, changedGrad)
    } else {
      // To or from 'meta' a tensor cannot change: as in Python another one takes its place.
      const other = replacement(tensor, changed)
      if (changedGrad) other.grad = changedGrad.requiresGrad_(grad.requiresGrad)
      quietly(() => module._put(name, other))
    }
  }
}

function fits(before: Tensor, after: Tensor): boolean {
  return before.isMeta === after.isMeta && before.layout === after.layout
}

function replacement(tensor: Tensor, data: Tensor): Tensor {
  const { requiresGrad } = tensor
  if (tensor instanceof Parameter) return new Parameter(data, { requiresGrad })
  const buffer = emptyShell(Buffer)
  native().alias(buffer, data)
  if (tensor instanceof Buffer) buffer.persistent = tensor.persistent
  return buffer
}

/** `Module.to` */
export function moveTensors(module: Module, args: unknown[]): void {
  const target = toTarget(args)
  module._apply((tensor) => {
    const cast = target.dtype && (tensor.isFloatingPoint() || tensor.isComplex()) ? { dtype: target.dtype } : {}
    const move = target.device ? { device: target.device } : {}
    try {
      return tensor.to({ ...cast, ...move, nonBlocking: target.nonBlocking ?? false })
    } catch (error) {
      if (!(error instanceof TorchError) || error.message !== 'Cannot copy out of meta tensor; no data!') throw error
      throw new TorchError(
        `${error.message} Please use torch.nn.Module.to_empty() instead of torch.nn.Module.to() when moving module from meta to a different device.`,
        { code: error.code, cause: error },
      )
    }
  })
}

/** `Module.toEmpty` */
export function emptyTensors(module: Module, options: { device: string | null; recurse?: boolean }): void {
  const known = ['device', 'recurse']
  if (typeof options !== 'object' || options === null || !('device' in options))
    throw new ArgumentError('toEmpty({device, recurse}): device is required')
  for (const key of Object.keys(options)) if (!known.includes(key)) throw unknownOption('toEmpty', key, known)
  const { device, recurse = true } = options
  const change: Change = (tensor) => emptyLike(tensor, device === null ? {} : { device })
  if (recurse) module._apply(change)
  else applyToTensors(module, change, false)
}

/** Casts the floating point tensors. */
export function castFloats(module: Module, dtype: Dtype): void {
  module._apply((tensor) => (tensor.isFloatingPoint() ? tensor.to(dtype) : tensor))
}

/** `Module.zeroGrad` */
export function zeroGradients(module: Module, setToNone: boolean): void {
  for (const parameter of module.parameters()) {
    const { grad } = parameter
    if (grad === null) continue
    if (setToNone) parameter.grad = null
    else if (grad.gradFn === null) noGrad(() => grad.requiresGrad_(false).zero_())
    else parameter.grad = noGrad(() => grad.detach().zero_())
  }
}
