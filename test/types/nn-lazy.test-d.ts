/** Lazy layers and transposed convolutions in types: arguments, keys, and what a lazy layer is. */
import { nn, type Tensor } from 'libtorch-node'

declare const x: Tensor

class Net extends nn.Module {
  conv = new nn.LazyConv2d(4, 3, { padding: 'same', groups: 2 })
  norm = new nn.LazyBatchNorm2d({ bias: false })
  up = new nn.LazyConvTranspose2d(4, [3, 2], 2, 1, [1, 0], { dilation: 2 })
  out = new nn.LazyLinear({ outFeatures: 2 })
}
const state = new Net().stateDict()
export const keys: Tensor[] = [state['conv.weight'], state['norm.num_batches_tracked'], state['out.bias']]
// @ts-expect-error no such key
export const misspelt = state['conv.wieght']

export const become: nn.Conv2d = new nn.LazyConv2d(4, 3)
export const uninitialized: boolean = new nn.LazyLinear(3, false, 'cpu', 'float64').hasUninitializedParams()
export const norm: nn.InstanceNorm1d = new nn.LazyInstanceNorm1d(1e-5, null, true)
export const parameter: nn.Parameter = new nn.UninitializedParameter(true, 'meta')
export const sized: Tensor = new nn.ConvTranspose1d(1, 1, 3, 2).forward(x, [12])

// @ts-expect-error the kernel is missing
new nn.LazyConv2d(4)
// @ts-expect-error the first input says how many channels there are
new nn.LazyConv2d(4, 3, { inChannels: 3 })
// @ts-expect-error a kernel of two sizes in one dimension
new nn.LazyConv1d(4, [3, 3])
// @ts-expect-error 'same' is for convolutions alone
new nn.LazyConvTranspose1d(4, 3, 1, 'same')
// @ts-expect-error a size is a list
new nn.ConvTranspose1d(1, 1, 3).forward(x, 12)
// @ts-expect-error a process group does not exist here
new nn.SyncBatchNorm(3, { processGroup: {} })
