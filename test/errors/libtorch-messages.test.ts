/**
 * What LibTorch refuses, by class: real calls, so that a release that words a message anew fails here. Each error has its code,
 * LibTorch's words without the C++ stack, and that stack beside it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { linalg, nn } = torch
const { functional: F } = nn
const ones = (...sizes: number[]) => torch.ones(sizes)
const ints = (...values: number[]) => torch.tensor(values.map(BigInt))
const double = (...sizes: number[]) => torch.ones(sizes, { dtype: 'float64' })
const mask = (...sizes: number[]) => ones(...sizes).gt(0)
const meta = (...sizes: number[]) => torch.ones(sizes, { device: 'meta' })

const calls: Record<string, (() => unknown)[]> = {
  ERR_SHAPE: [
    () => ones(2, 3).add(ones(4, 5)),
    () => ones(2, 3).add_(ones(4, 2, 3)),
    () => ones(2, 3).matmul(ones(2, 3)),
    () => ones(3).mm(ones(3)),
    () => ones(2, 3).bmm(ones(2, 3)),
    () => ones(1, 2, 3).bmm(ones(1, 2, 3)),
    () => ones(3).dot(ones(2)),
    () => ones(2, 3).dot(ones(2)),
    () => ones(2, 3).view(5),
    () => ones(2, 3).t().view(6),
    () => ones(2, 3).reshape([4, -1]),
    () => ones(2, 3).reshape([-1, -1]),
    () => ones(2, 3).expand([4, 3]),
    () => ones(2, 3).permute([0]),
    () => ones(2, 3).splitWithSizes([5]),
    () => ones(2, 2).gather(0, ints(0)),
    () => torch.cat([ones(2, 3), ones(2, 4)]),
    () => torch.cat([ones(2, 3), ones(2)]),
    () => torch.stack([ones(2), ones(3)]),
    () => torch.einsum('ij,jk->ik', [ones(2, 3), ones(2, 3)]),
    () => torch.zeros(-1),
    () => ones(2).item(),
    () => linalg.inv(ones(2, 3)),
    () => new nn.Linear(3, 2).forward(ones(4, 5)),
    () => new nn.Conv2d(3, 2, 3).forward(ones(1, 1, 8, 8)),
    () => new nn.Conv2d(3, 2, 3).forward(ones(8, 8)),
    () => new nn.Conv2d(1, 2, 9).forward(ones(1, 1, 3, 3)),
    () => new nn.BatchNorm2d(3).forward(ones(1, 2, 4, 4)),
    () => new nn.BatchNorm2d(3).forward(ones(1, 3)),
    () => new nn.MaxPool2d(2).forward(ones(3)),
    () => new nn.MaxPool2d(4).forward(ones(1, 1, 2, 2)),
    () => F.crossEntropy(ones(2, 3), ints(0)),
  ],
  ERR_INDEX: [
    () => ones(2, 3).index(5),
    () => ones(2, 3).index(0, 0, 0),
    () => ones(2, 3).index(ints(7)),
    () => ones(2, 3).sum(4),
    () => ones(2, 3).select(1, 9),
    () => ones(2, 3).narrow(0, 1, 5),
    () => ones(2, 3).indexSelect(0, ints(9)),
    () => ones(2, 3).gather(0, ints(9, 9, 9).view(1, 3)),
    () => ones(2, 3).take(ints(77)),
    () => ones(2, 3).transpose(0, 5),
    () => ones(2).unsqueeze(5),
    () => ones(3).topk(7),
    () => ones(3).kthvalue(7),
    () => F.crossEntropy(ones(2, 3), ints(0, 7)),
  ],
  ERR_DTYPE: [
    () => ones(2, 2).matmul(double(2, 2)),
    () => ones(2).dot(double(2)),
    () => torch.lerp(ones(2), double(2), 0.5),
    () => torch.complex(ones(1), double(1)),
    () => new nn.Linear(2, 2).forward(double(2, 2)),
    () => new nn.Linear(2, 2).forward(ints(1, 2)),
    () => new nn.Conv2d(1, 1, 1).forward(double(1, 1, 2, 2)),
    () => ints(1, 2).mean(),
    () => ints(1, 2).add_(1.5),
    () => ints(1, 2).softmax(0),
    () => ints(1).requiresGrad_(),
    () => mask(2).sub(mask(2)),
    () => mask(2).neg(),
    () => ones(2, 2).bitwiseAnd(1),
    () => ones(2, 3).indexSelect(0, ones(1)),
    () => ones(2).maskedFill(ones(2), 1),
    () => torch.where(ones(2), ones(2), ones(2)),
    () => torch.randn(2, { dtype: 'int64' }),
    () => torch.fft.rfft(torch.ones(2, { dtype: 'complex64' })),
    () => torch.ones(2, { dtype: 'complex64' }).gt(ones(2)),
    () => linalg.inv(ints(1).view(1, 1)),
    () => F.crossEntropy(ones(2, 3), ones(2)),
  ],
  ERR_DEVICE: [
    () => torch.ones(2, { device: 'xpu' }),
    () => ones(2).to('mps'),
    () => ones(2).to('xpu:1'),
    () => ones(2).add(meta(2)),
    () => meta(2).add_(ones(2)) && ones(2).add_(meta(2)),
  ],
  ERR_ARGUMENT: [
    () => torch.stack([]),
    () => torch.arange(0, 10, -1),
    () => torch.arange(0, 10, 0),
    () => torch.randint(5, 2, [3]),
    () => torch.bernoulli(ones(2).mul(3)),
    () => torch.multinomial(ones(2).neg(), 1),
    () => ones(2).normal_(0, -1),
    () => ones(2, 3).permute([0, 0]),
    () => torch.einsum('ij,jk->iz', [ones(2, 3), ones(3, 3)]),
    () => new nn.Dropout(-1),
  ],
  ERR_OUT_OF_MEMORY: [
    () => torch.empty(2 ** 45),
    () =>
      ones(2 ** 20, 1)
        .expand([2 ** 20, 2 ** 20])
        .contiguous(),
    () => torch.empty([2 ** 40, 2 ** 40]),
  ],
  ERR_TORCH: [
    () => linalg.inv(torch.zeros(2, 2)),
    () => linalg.cholesky(torch.zeros(2, 2)),
    () => ones(2).backward(),
    () => meta(2).tolist(),
    () => torch.ops.aten!.nothing!(ones(1)),
    () => torch.ops.aten!.add!.Nothing!(ones(1)),
  ],
}

const classes: Record<string, abstract new (...args: never[]) => Error> = {
  ERR_SHAPE: torch.ShapeError,
  ERR_INDEX: torch.TorchIndexError,
  ERR_DTYPE: torch.DtypeError,
  ERR_DEVICE: torch.DeviceError,
  ERR_ARGUMENT: torch.ArgumentError,
  ERR_OUT_OF_MEMORY: torch.OutOfMemoryError,
  ERR_TORCH: torch.TorchError,
}

/** The error of a call that must throw. */
function thrown(call: () => unknown): torch.TorchError {
  try {
    call()
  } catch (error) {
    return error as torch.TorchError
  }
  assert.fail(`${call} threw nothing`)
}

const source = (call: () => unknown) => String(call).replace(/^\(\) => /, '')

for (const [code, list] of Object.entries(calls)) {
  for (const call of list) {
    test(`${code}: ${source(call)}`, () => {
      const error = thrown(call)
      assert.equal(error.code, code, error.stack)
      assert.ok(error instanceof classes[code]! && error instanceof torch.TorchError && error instanceof Error)
      assert.doesNotMatch(error.message, /Exception raised from|frame #0|CapturedTraceback/)
      assert.ok(error.message.length > 10 && error.message.length < 3000)
    })
  }
}

test('the C++ stack of an error from LibTorch is in cppStack, and not enumerable', () => {
  const error = thrown(() => ones(2, 3).matmul(ones(2, 3)))
  assert.match(error.cppStack!, /Exception raised from|frame #0/)
  assert.equal(Object.keys(error).includes('cppStack'), false)
  assert.match(error.stack!, /libtorch-messages\.test/)
  assert.equal(thrown(() => ones(2).index(9)).cppStack, undefined)
})

test('a device that is not there: the message tells what to use instead', () => {
  const error = thrown(() => ones(2).to('xpu'))
  assert.match(error.message, /xpu/)
  assert.match(error.message, /'cpu'.*mapLocation.*doctor/)
})

test('after an error everything works as before', () => {
  const x = torch.tensor([1, 2], { requiresGrad: true })
  thrown(() => x.matmul(ones(3)))
  x.mul(2).sum().backward()
  assert.deepEqual(x.grad!.tolist(), [2, 2])
})
