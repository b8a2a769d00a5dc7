/** Copies of a module on several devices. Rules: torch/nn/parallel/replicate.py, PyTorch 2.13. */
import type { Device } from '../../tensor/dtype.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Module } from '../module.js'

/**
 * One copy of the module for each device. Their tensors are computed from the module's own, so that gradients reach these; with
 * `detach` they are not. A copy has no parameters of its own, and what it changes in a buffer is lost; only the first, where it is
 * on the module's own device, shares the module's buffers.
 */
export function replicate<M extends Module>(network: M, devices: readonly Device[], detach = false): M[] {
  const modules = network.modules()
  return devices.map((device, i) => {
    const tensors = new Map<Tensor, Tensor>()
    const moved = (tensor: Tensor, isBuffer: boolean): Tensor => {
      let copy = tensors.get(tensor)
      if (copy === undefined) {
        const source = detach || (isBuffer && !tensor.requiresGrad) ? tensor.detach() : tensor
        // Another tensor also where memory is shared: a Parameter would be a parameter of the copy.
        if (tensor.device !== device) copy = source.to(device)
        else copy = i === 0 ? source.viewAs(source) : source.clone()
        tensors.set(tensor, copy!)
      }
      return copy!
    }
    const copies = new Map(modules.map((module) => [module, module._shallowCopy()]))
    for (const [module, copy] of copies) {
      for (const [name, child] of module._children()) copy._put(name, copies.get(child)!)
      for (const [name, parameter] of module._parameters()) copy._putReplica(name, moved(parameter, false))
      for (const [name, buffer] of module._buffers()) copy._putReplica(name, moved(buffer, true))
    }
    return copies.get(network) as M
  })
}
