/** Transformers: copies, hooks, parts of one's own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { collectNow } from '../lifetime/gc.js'

const { nn } = torch

test('the layers of a stack are copies: the same numbers, tensors of their own', () => {
  const layer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8 })
  const encoder = new nn.TransformerEncoder(layer, 2)
  const [a, b] = [encoder.layers.at(0), encoder.layers.at(1)] as (typeof layer)[]
  assert.ok(torch.equal(a!.linear1.weight, layer.linear1.weight))
  torch.noGrad(() => a!.linear1.weight.zero_())
  assert.ok(torch.equal(b!.linear1.weight, layer.linear1.weight))
  assert.equal(encoder.parameters().length, 2 * layer.parameters().length)
})

test('hooks below a layer fire also where inference would take one operator', () => {
  const layer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8, batchFirst: true }).eval()
  const x = torch.randn(2, 3, 4)
  let calls = 0
  const handle = layer.linear1.registerForwardHook(() => {
    calls++
  })
  const hooked = torch.noGrad(() => layer.forward(x))
  assert.equal(calls, 1)
  handle.remove()
  const fast = torch.noGrad(() => layer.forward(x))
  assert.equal(calls, 1)
  assert.ok(torch.allclose(hooked, fast, { atol: 1e-6 })) // another order of additions in float32
})

test('a module in place of the encoder is called with its options', () => {
  class Double extends nn.Module {
    factor = 2
    override forward(src: torch.Tensor, options: { mask: torch.Tensor | null }): torch.Tensor {
      assert.equal(options.mask, null)
      return src.mul(this.factor)
    }
  }
  const model = new nn.Transformer(4, 2, { numDecoderLayers: 1, dimFeedforward: 8, customEncoder: new Double() })
  assert.deepEqual(model.forward(torch.randn(5, 3, 4), torch.randn(2, 3, 4)).shape, [2, 3, 4])
  const mask = nn.Transformer.generateSquareSubsequentMask(3, { dtype: 'float64' })
  assert.deepEqual(mask.tolist(), [
    [0, -Infinity, -Infinity],
    [0, 0, -Infinity],
    [0, 0, 0],
  ])
  assert.equal(mask.dtype, 'float64')
})

test('attention leaves no tensor behind but its results', () => {
  const attention = new nn.MultiheadAttention(16, 2)
  const x = torch.randn(5, 3, 16)
  for (const needWeights of [false, true]) {
    // what other tests left may be collected at any time
    collectNow()
    const before = torch.memoryStats().tensors
    const [output, weights] = attention.forward(x, x, x, { needWeights })
    // without a collection in between
    assert.equal(torch.memoryStats().tensors - before, needWeights ? 2 : 1)
    output.sum().backward()
    assert.equal(weights === null, !needWeights)
  }
})
