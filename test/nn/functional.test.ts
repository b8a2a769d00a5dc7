/** How functions of nn.functional take their arguments. What they compute: test/parity/nn-functional.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { F } = torch
const x = torch.tensor([[[1, -2, 3, 4]]])
const code = (expected: torch.ErrorCode, message: RegExp) => (error: Error) => {
  assert.ok(error instanceof torch.TorchError)
  assert.equal(error.code, expected)
  assert.match(error.message, message)
  return true
}

test('arguments come in order, by name, or first in order and then by name', () => {
  const wanted = F.maxPool1d(x, 2, 1, 0, 1, true).tolist()
  assert.deepEqual(F.maxPool1d(x, 2, { stride: 1, ceilMode: true }).tolist(), wanted)
  assert.deepEqual(F.maxPool1d(x, 2, 1, { ceilMode: true }).tolist(), wanted)
  assert.deepEqual(F.maxPool1d({ input: x, kernelSize: 2, stride: 1 }).tolist(), wanted)
  assert.deepEqual(F.maxPool1d(x, 2, undefined, undefined, undefined, undefined, true)[1].tolist(), [[[0, 3]]])
})

test('wrong arguments are named', () => {
  const call = F as unknown as Record<string, (...args: unknown[]) => unknown>
  const wrong = (name: string, args: unknown[], message: RegExp) =>
    assert.throws(() => call[name]!(...args), code('ERR_ARGUMENT', message))
  wrong('relu', [], /^relu\(\) missing 1 required positional argument: 'input'$/)
  wrong('fold', [], /missing 3 required positional arguments: 'input', 'outputSize', and 'kernelSize'$/)
  wrong('relu', [3], /^relu\(\): argument 'input' \(position 1\) must be Tensor, not int$/)
  wrong('relu', [x, 'yes'], /argument 'inplace' \(position 2\) must be bool, not str$/)
  wrong('relu', [x, true, 1], /takes at most 2 arguments by position, received 3/)
  wrong('hardtanh', [x, { minval: 0 }], /unknown option 'minval'.*'minVal'/)
  wrong('hardtanh', [x, 0, { minVal: 0 }], /'minVal' is given twice/)
  wrong('avgPool2d', [x, 'two'], /argument 'kernelSize' \(position 2\) must be int or list of ints, not str$/)
  wrong('softmax', [x, 1, 3, 'float32'], /takes at most 2 arguments by position/)
})

test('a window whose size no int holds is an error, not an overflow', () => {
  for (const size of [2 ** 40, 2n ** 63n - 1n, [2 ** 31]])
    assert.throws(() => F.maxPool1d(x, size as number), code('ERR_ARGUMENT', /without overflow/))
})

test('a target that the losses do not fit is told with both sizes', () => {
  assert.throws(
    () => F.binaryCrossEntropy(x.sigmoid(), torch.ones(4)),
    code('ERR_SHAPE', /target size \(torch\.Size\(\[4\]\)\).*input size \(torch\.Size\(\[1, 1, 4\]\)\)/),
  )
})
