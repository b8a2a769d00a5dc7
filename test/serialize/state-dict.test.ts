import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const weights = (): Record<string, torch.Tensor> => ({ 'fc.weight': torch.ones([2, 2]), 'fc.bias': torch.ones(2) })
const none = (message: RegExp) => ({ code: 'ERR_CHECKPOINT_FORMAT', message })

test('a state dict is itself', () => {
  const sd = weights()
  assert.equal(torch.toStateDict(sd), sd)
})

test('a checkpoint: by key, by the usual name, or the only one', () => {
  const sd = weights()
  assert.equal(torch.toStateDict({ epoch: 1, model_state_dict: sd, ema: weights() }), sd)
  assert.equal(torch.toStateDict({ epoch: 1, anything: sd }), sd)
  assert.equal(torch.toStateDict({ a: weights(), b: sd }, { key: 'b' }), sd)
  assert.equal(torch.toStateDict(new Map<string, unknown>([['net', sd]])), sd)
})

test('where none or several are found, the error lists what there is', () => {
  assert.throws(() => torch.toStateDict({ a: weights(), b: weights() }), none(/several.*'a', 'b'.*\{ key \}/))
  assert.throws(() => torch.toStateDict({ epoch: 1, x: [] }), none(/holds 'epoch', 'x'/))
  assert.throws(() => torch.toStateDict({ epoch: 1 }, { key: 'model' }), none(/no key 'model'/))
  assert.throws(() => torch.toStateDict({ epoch: 1 }, { key: 'epoch' }), none(/'epoch' is no state dict/))
  assert.throws(() => torch.toStateDict(7), none(/no state dict/))
  assert.throws(() => torch.toStateDict({}, { keys: 'a' } as any), { code: 'ERR_ARGUMENT' })
})
