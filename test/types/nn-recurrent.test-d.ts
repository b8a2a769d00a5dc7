/** Types of recurrent layers, attention and transformers; the compiler is the test. */
import * as torch from 'libtorch-node'

const { nn } = torch

class Net extends nn.Module {
  rnn = new nn.LSTM(2, 3, { numLayers: 4, bidirectional: true })
  attention = new nn.MultiheadAttention(2, 1)
  layer = new nn.TransformerEncoderLayer(2, 1)
  model = new nn.Transformer()
}

/** Never called: the types of these statements are what is tested. */
export function types(net: Net, x: torch.Tensor, packed: torch.nn.utils.rnn.PackedSequence): void {
  const state = net.stateDict()
  const keys: torch.Tensor[] = [
    state['rnn.weight_ih_l0'],
    state['attention.in_proj_weight'],
    state['attention.bias_k'],
    state['attention.out_proj.bias'],
    state['layer.self_attn.out_proj.weight'],
    state['layer.linear1.weight'],
  ]
  // the number of layers is not known to the compiler
  const perhaps: (torch.Tensor | undefined)[] = [state['rnn.weight_hr_l3_reverse'], state['rnn.bias_hh_l12']]
  // custom encoders may have any key
  keys.push(state['model.encoder.what.ever']!)
  // @ts-expect-error no such weight
  keys.push(state['rnn.weight_xx_l0'])
  // @ts-expect-error misspelt
  keys.push(state['layer.linear3.weight'])
  // @ts-expect-error no such parameter
  keys.push(state['attention.out_proj_weight'])

  const [output, [h, c]]: [torch.Tensor, [torch.Tensor, torch.Tensor]] = net.rnn.forward(x)
  const [again]: [torch.nn.utils.rnn.PackedSequence, unknown] = net.rnn.forward(packed, [h, c])
  const [, state1]: [torch.Tensor, torch.Tensor] = new nn.GRU(2, 3, 2, true, false, 0.5, true).forward(output, h)
  const [attended, weights]: [torch.Tensor, torch.Tensor | null] = net.attention.forward(x, x, x, null, false)
  keys.push(again.data, state1, attended)

  new nn.RNN(2, 3, 1, 'relu', true, { dropout: 0.5 })
  new nn.LSTM(2, 3, 1, true, false, 0, false, 2)
  new nn.LSTM({ inputSize: 2, hiddenSize: 3, projSize: 1 })
  new nn.TransformerEncoderLayer({ dModel: 2, nhead: 1, activation: (t) => t.relu() })
  new nn.TransformerEncoder(net.layer, 2, new nn.ReLU(), { maskCheck: false })
  net.rnn.weight_hh_l0 = new nn.Parameter(x)
  // @ts-expect-error a GRU has no projection
  new nn.GRU(2, 3, { projSize: 1 })
  // @ts-expect-error there is no such activation
  new nn.TransformerEncoderLayer(2, 1, { activation: 'tanh' })
  // @ts-expect-error two states are needed
  net.rnn.forward(x, h)
  // @ts-expect-error hiddenSize is missing
  new nn.LSTM({ inputSize: 2 })
  void [perhaps, weights]
}
