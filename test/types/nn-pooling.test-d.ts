/** Arguments of pooling, padding and resizing layers as types; the compiler is the test. */
import * as torch from 'libtorch-node'

const { nn } = torch

/** Never called: the types of these statements are what is tested. */
export function types(x: torch.Tensor): void {
  const [output, indices] = new nn.MaxPool2d(2, { returnIndices: true }).forward(x)
  const unpool = new nn.MaxUnpool2d(2, { stride: [1, 2] })
  unpool.forward(output!, indices!)
  unpool.forward(output!, indices!, x.shape)
  unpool.forward(output!, indices!, null)
  unpool.forward(output!, indices!, { outputSize: [4, 4] })
  // @ts-expect-error indices are required
  unpool.forward(x)
  // @ts-expect-error a size is no string
  unpool.forward(x, x, 'same')
  // @ts-expect-error no such option
  unpool.forward(x, x, { outputSise: [4, 4] })

  new nn.AdaptiveAvgPool2d([null, 7])
  new nn.AdaptiveMaxPool3d([null, 7, null], { returnIndices: true })
  // @ts-expect-error one dimension has no null
  new nn.AdaptiveAvgPool1d([null])
  // @ts-expect-error two dimensions
  new nn.AdaptiveAvgPool2d([1, 2, 3])
  new nn.AvgPool2d(2, { divisorOverride: 3 })
  // @ts-expect-error AvgPool1d has no divisor
  new nn.AvgPool1d(2, { divisorOverride: 3 })
  // @ts-expect-error a kernel is required
  new nn.LPPool2d(2)

  new nn.ConstantPad2d([1, 2, 3, 4], 0.5)
  // @ts-expect-error the value is required
  new nn.ConstantPad2d(1)
  new nn.Upsample({ scaleFactor: [2, 1.5], mode: 'nearest-exact' })
  // @ts-expect-error no such mode
  new nn.Upsample({ size: 2, mode: 'cubic' })
  // @ts-expect-error its mode is fixed
  new nn.UpsamplingNearest2d({ size: 2, mode: 'bilinear' })

  const stride: [number] = new nn.AvgPool1d(2).stride!
  const samples: torch.Tensor | null = new nn.FractionalMaxPool2d(2, 3)._random_samples
  void [stride, samples]
}
