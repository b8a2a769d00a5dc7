/** Layers on the device against Python: results, gradients of inputs and parameters, buffers. */
import * as torch from 'libtorch-node'
import { device, type Scenario, type Seen, testBoth } from './harness.js'

const { nn } = torch

/** `['whole', below, …shape]` are whole numbers. */
type Shape = (number | string)[]
type Case = [layer: string, args: unknown[], kwargs: Record<string, unknown>, ...shapes: Shape[]]

/** Arguments have Python's names. */
const layers: Case[] = [
  ['Linear', [8, 5], {}, [4, 8]],
  ['Bilinear', [4, 3, 2], {}, [5, 4], [5, 3]],
  ['Conv1d', [3, 4, 3], {}, [2, 3, 16]],
  ['Conv2d', [3, 8, 3], { padding: 1, stride: 2 }, [2, 3, 16, 16]],
  ['Conv2d', [4, 8, 3], { groups: 2, dilation: 2, bias: false }, [2, 4, 16, 16]],
  ['Conv3d', [2, 4, 3], {}, [2, 2, 6, 6, 6]],
  ['ConvTranspose2d', [3, 8, 3], {}, [2, 3, 9, 9]],
  ['BatchNorm1d', [6], {}, [5, 6]],
  ['BatchNorm2d', [3], {}, [2, 3, 8, 8]],
  ['GroupNorm', [2, 4], {}, [2, 4, 5, 5]],
  ['LayerNorm', [6], {}, [3, 6]],
  ['RMSNorm', [6], {}, [3, 6]],
  ['InstanceNorm2d', [3], { affine: true }, [2, 3, 8, 8]],
  ['LocalResponseNorm', [2], {}, [2, 4, 5, 5]],
  ['Embedding', [20, 6], {}, ['whole', 20, 4, 3]],
  ['EmbeddingBag', [20, 6], { mode: 'sum' }, ['whole', 20, 4, 3]],
  ['RNN', [8, 16], { nonlinearity: 'relu' }, [7, 3, 8]],
  ['LSTM', [8, 16], { num_layers: 2, batch_first: true }, [3, 7, 8]],
  ['LSTM', [8, 16], { proj_size: 4, bidirectional: true }, [7, 3, 8]],
  ['LSTM', [8, 16], { num_layers: 2, dropout: 0.3 }, [7, 3, 8]],
  ['GRU', [8, 16], { bidirectional: true }, [7, 3, 8]],
  ['LSTMCell', [8, 16], {}, [3, 8]],
  ['MultiheadAttention', [16, 4], { batch_first: true }, [2, 5, 16], [2, 5, 16], [2, 5, 16]],
  ['TransformerEncoderLayer', [16, 4], { dim_feedforward: 32, dropout: 0, batch_first: true }, [2, 5, 16]],
  ['TransformerEncoderLayer', [16, 4], { dim_feedforward: 32, norm_first: true }, [5, 2, 16]],
  ['TransformerDecoderLayer', [16, 4], { dim_feedforward: 32, dropout: 0.2 }, [5, 2, 16], [6, 2, 16]],
  ['Transformer', [16, 4, 1, 1, 32], {}, [6, 2, 16], [5, 2, 16]],
  ['MaxPool2d', [2], {}, [2, 3, 8, 8]],
  ['AvgPool2d', [2], {}, [2, 3, 8, 8]],
  ['AdaptiveAvgPool2d', [3], {}, [2, 3, 9, 9]],
  ['AdaptiveAvgPool2d', [1], {}, [2, 3, 9, 9]],
  ['Softmax', [1], {}, [4, 7]],
  ['LogSoftmax', [1], {}, [4, 7]],
  ['GELU', [], {}, [4, 7]],
  ['SiLU', [], {}, [4, 7]],
  ['PReLU', [], {}, [4, 7]],
  ['Hardswish', [], {}, [4, 7]],
  ['Dropout', [0.4], {}, [40, 70]],
  ['Dropout2d', [0.4], {}, [4, 7, 3, 3]],
  ['AlphaDropout', [0.4], {}, [40, 7]],
  ['Upsample', [], { scale_factor: 2, mode: 'nearest' }, [2, 3, 4, 4]],
  ['PixelShuffle', [2], {}, [2, 8, 3, 3]],
  ['MSELoss', [], {}, [4, 7], [4, 7]],
  ['SmoothL1Loss', [], {}, [4, 7], [4, 7]],
  ['BCEWithLogitsLoss', [], {}, [4, 7], [4, 7]],
  ['KLDivLoss', [], { reduction: 'batchmean' }, [4, 7], [4, 7]],
  ['CrossEntropyLoss', [], { label_smoothing: 0.1 }, [4, 7], ['whole', 7, 4]],
  ['CosineEmbeddingLoss', [], { margin: 0.5 }, [4, 7], [4, 7], ['whole', 2, 4]],
  ['TripletMarginLoss', [], {}, [4, 7], [4, 7], [4, 7]],
]

function layer(o: Seen, [name, args, kwargs, ...shapes]: Case): void {
  torch.manualSeed(7)
  const options = Object.fromEntries(
    Object.entries(kwargs).map(([key, v]) => [key.replace(/_(.)/g, (_, c: string) => c.toUpperCase()), v]),
  )
  const Layer = (nn as unknown as Record<string, new (...args: unknown[]) => torch.nn.Module>)[name]!
  const module = new Layer(...args, options).to(device)
  const inputs = shapes.map(([first, ...rest]) =>
    (first === 'whole'
      ? torch.randint(0, rest[0] as number, rest.slice(1) as number[])
      : torch.randn([first, ...rest] as number[])
    ).to(device),
  )
  const leaves = inputs.filter((x) => x.isFloatingPoint()).map((x) => x.requiresGrad_())
  let out = module.forward(...inputs)
  while (Array.isArray(out)) out = out[0]
  out
    .mul(torch.linspace(-1, 1, out.numel()).to(device).view(out.shape))
    .sum()
    .backward()
  o.out = out
  o.gradients = [...leaves, ...module.parameters()].map((t) => t.grad).filter((grad) => grad !== null)
  o.buffers = module.buffers()
}

testBoth(
  'layers',
  layers.map((one): Scenario => {
    const [name, args, kwargs, ...shapes] = one
    return {
      title: JSON.stringify(one),
      python: `layer(o, *json.loads('${JSON.stringify([name, args, kwargs, shapes])}'))`,
      node: (o) => layer(o, one),
    }
  }),
)
