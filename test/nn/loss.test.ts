/** Losses as objects: options and weights of a live loss, wrong arguments, and what has to hold beside Python's bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch
const close = (a: unknown, b: number): void => assert.ok(Math.abs(Number(a) - b) < 1e-6, `${a} is not ${b}`)

test('options of a live loss take effect, and the old pair is read once', () => {
  const x = torch.tensor([1, 2, 3])
  const y = torch.tensor([1, 1, 1])
  const mse = new nn.MSELoss(false)
  assert.equal(mse.reduction, 'sum')
  close(mse.forward(x, y).item(), 5)
  mse.reduction = 'mean'
  close(mse.forward(x, y).item(), 5 / 3)
  assert.equal(new nn.L1Loss({ reduce: false, reduction: 'mean' }).reduction, 'none')
  assert.equal(new nn.L1Loss({ sizeAverage: null, reduction: 'sum' }).reduction, 'sum')

  const huber = new nn.HuberLoss({ delta: 1 })
  close(huber.forward(x, y).item(), (0.5 + 1.5) / 3)
  huber.delta = 0.5
  close(huber.forward(x, y).item(), (0.375 + 0.875) / 3)

  const margin = new nn.MultiMarginLoss()
  margin.p = 3
  assert.throws(() => margin.forward(torch.zeros(2, 3), torch.zeros(2).long()), {
    code: 'ERR_ARGUMENT',
    message: 'only p == 1 and p == 2 supported',
  })
  const triplet = new nn.TripletMarginLoss()
  triplet.margin = -1
  assert.throws(() => triplet.forward(x, y, y), { message: 'margin must be greater than 0, got -1' })
})

test('class weights are buffers: replaced, cast and in the state dict', () => {
  const scores = torch.tensor([
    [1, 2],
    [3, 1],
  ])
  const target = torch.tensor([0, 1], { dtype: 'int64' })
  const loss = new nn.CrossEntropyLoss({ weight: torch.tensor([1, 3]), reduction: 'none' })
  assert.deepEqual(Object.keys(loss.stateDict()), ['weight'])
  const before = loss.forward(scores, target).tolist() as number[]
  loss.weight = torch.tensor([2, 3]) as never
  const after = loss.forward(scores, target).tolist() as number[]
  close(after[0]! / before[0]!, 2)
  close(after[1]! / before[1]!, 1)
  assert.equal(loss.double().weight!.dtype, 'float64')
  assert.equal(loss.forward(scores.double(), target).dtype, 'float64')
  loss.loadStateDict({ weight: torch.tensor([5, 5]) })
  assert.deepEqual((loss.stateDict() as Record<string, torch.Tensor>).weight!.tolist(), [5, 5])
  loss.weight = null
  close((loss.forward(scores, target).tolist() as number[])[0]! / before[0]!, 1)

  const logits = new nn.BCEWithLogitsLoss({ posWeight: torch.tensor([2, 1]) })
  assert.deepEqual(Object.keys(logits.stateDict()), ['pos_weight'])
  assert.equal(logits.weight, null)
})

test('a distance may be a function or a module, and may throw', () => {
  const a = torch.zeros(2, 3)
  const calls: number[] = []
  const loss = new nn.TripletMarginWithDistanceLoss({
    distanceFunction: (x, y) => {
      calls.push(x.shape[0]!)
      return x.sub(y).abs().sum(1)
    },
    swap: true,
  })
  close(loss.forward(a, a, a.add(1)).item(), 0)
  assert.deepEqual(calls, [2, 2, 2])
  assert.equal(String(loss), 'TripletMarginWithDistanceLoss()')
  loss.distanceFunction = () => {
    throw new RangeError('mine')
  }
  assert.throws(() => loss.forward(a, a, a), RangeError)

  const learned = new nn.TripletMarginWithDistanceLoss({ distanceFunction: new nn.Linear(3, 1) })
  assert.deepEqual(Object.keys(learned.stateDict()), ['distance_function.weight', 'distance_function.bias'])
  assert.equal(learned.parameters().length, 2)
  assert.throws(() => new nn.TripletMarginWithDistanceLoss({ distanceFunction: 'l2' as never }), {
    code: 'ERR_ARGUMENT',
  })
})

test('wrong arguments of losses are typed errors', () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => new nn.HuberLoss({ delta: '1' as never }), /^HuberLoss: expected delta to be a number/],
    [() => new nn.GaussianNLLLoss(true as never), /takes at most 0 arguments by position/],
    [() => new nn.CTCLoss().forward(torch.zeros(8, 1, 5), torch.ones(1, 1).long(), [1.5], [1]), /integers, received/],
    [() => new nn.CTCLoss().forward(torch.zeros(8, 1, 5), torch.ones(1, 1).long(), 8 as never, [1]), /inputLengths/],
    [() => new nn.CrossEntropyLoss([1, 2] as never), /^CrossEntropyLoss: expected weight to be a Tensor or null/],
    [() => new nn.NLLLoss({ ignoreIndex: 0.5 }), /^NLLLoss: expected ignoreIndex to be an integer/],
    [() => new nn.AdaptiveLogSoftmaxWithLoss(8, 9, 'x' as never), /expected cutoffs to be an array of integers/],
    [() => new nn.AdaptiveLogSoftmaxWithLoss(8 as never), /nClasses is required/],
    [
      () => new nn.LinearCrossEntropyLoss(4, 7, { options: {} as never }),
      /expected options to be LinearCrossEntropyOptions/,
    ],
    [() => new nn.LinearCrossEntropyLoss(4, 7, { label: 1 } as never), /unknown option 'label'/],
    [() => new nn.LinearCrossEntropyOptions({ chunkSize: 3 } as never), /unknown option 'chunkSize'/],
  ]
  for (const [run, message] of wrong) assert.throws(run, { code: 'ERR_ARGUMENT', message })
})

test('chunks give what the whole batch gives, and can be used once', () => {
  torch.manualSeed(1)
  const x = torch.randn([40, 6], { dtype: 'float64' })
  const y = torch.randint(0, 11, [40])
  const whole = new nn.LinearCrossEntropyLoss(6, 11, { bias: true, dtype: 'float64' })
  for (const allowRetainGraph of [false, true]) {
    const options = new nn.LinearCrossEntropyOptions({ batchChunkSize: 7, allowRetainGraph })
    const parts = new nn.LinearCrossEntropyLoss(6, 11, { bias: true, dtype: 'float64', options })
    parts.loadStateDict(whole.stateDict())
    whole.zeroGrad()
    whole.forward(x, y).backward()
    const loss = parts.forward(x, y)
    loss.backward({ retainGraph: true })
    assert.ok(parts.linear.weight.grad!.allclose(whole.linear.weight.grad!))
    assert.ok(parts.linear.bias!.grad!.allclose(whole.linear.bias!.grad!))
    if (allowRetainGraph) loss.backward()
    else assert.throws(() => loss.backward(), { message: /^linear_cross_entropy chunked backward called twice/ })
  }
  const options = new nn.LinearCrossEntropyOptions({ accPolicy: 'compact' })
  assert.throws(() => {
    ;(options as { accPolicy: string }).accPolicy = 'auto'
  }, TypeError)
  assert.equal(
    `${options}`,
    "LinearCrossEntropyOptions(allow_retain_graph=False, batch_chunk_size=None, chunking_method='auto', acc_policy='compact', acc_dtype=None)",
  )
})

test('derivatives that are zero everywhere have bytes', () => {
  const x = torch.randn([3]).requiresGrad_()
  const [first] = torch.autograd.grad(new nn.L1Loss().forward(x, torch.zeros(3)), x, { createGraph: true })
  const [second] = torch.autograd.grad(first!.sum(), x)
  assert.deepEqual([...second!.typedArray()], [0, 0, 0])
  assert.deepEqual(second!.tolist(), [0, 0, 0])
})
