/** The order in memory of the weights of convolutions. Rules: torch/nn/utils/memory_format.py, PyTorch 2.13. */
import type { MemoryFormat } from '../../tensor/dtype.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Module } from '../module.js'
import { isNamed } from './kinds.js'
import { needModule } from './members.js'

function convert(module: Module, memoryFormat: MemoryFormat, names: string[]): void {
  if (isNamed(module, names)) {
    const weight = (module as unknown as { weight: Tensor }).weight
    const data = weight.detach().clone({ memoryFormat })
    weight.data = data.resize_(data.shape, { memoryFormat })
  }
  for (const child of module.children()) convert(child, memoryFormat, names)
}

/** Puts the weights of all Conv2d and ConvTranspose2d in the module into an order, such as `'channels_last'`. */
export function convertConv2dWeightMemoryFormat<M extends Module>(module: M, memoryFormat: MemoryFormat): M {
  convert(needModule('convertConv2dWeightMemoryFormat', module), memoryFormat, ['Conv2d', 'ConvTranspose2d'])
  return module
}

/** Puts the weights of all Conv3d and ConvTranspose3d in the module into an order, such as `'channels_last_3d'`. */
export function convertConv3dWeightMemoryFormat<M extends Module>(module: M, memoryFormat: MemoryFormat): M {
  convert(needModule('convertConv3dWeightMemoryFormat', module), memoryFormat, ['Conv3d', 'ConvTranspose3d'])
  return module
}
