/** Prefixes and renames: order, sharing and `_metadata` are kept, and mistakes are told. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { python, requirePython } from '../support/python.js'

const { nn } = torch

class Net extends nn.Module {
  conv = new nn.Conv2d(1, 2, 3)
  bn = new nn.BatchNorm2d(2)
  fc = new nn.Linear(2, 3)
}

const wrong = (message: RegExp) => ({ code: 'ERR_ARGUMENT', message })

test('a prefix is taken off until none is left, and put before again', () => {
  const stateDict = new Net().stateDict()
  const wrapped = torch.addPrefix(torch.addPrefix(stateDict, 'module.'), '_orig_mod.')
  assert.equal(Object.keys(wrapped)[0], '_orig_mod.module.conv.weight')
  const plain = torch.stripPrefix(wrapped, ['module.', '_orig_mod.'])
  assert.deepEqual(Object.keys(plain), Object.keys(stateDict))
  assert.equal(plain['conv.weight'], stateDict['conv.weight'], 'the same tensor')
  assert.deepEqual(Object.keys(torch.stripPrefix({ 'module.module.a': torch.ones(1) }, 'module.')), ['a'])
  // keys without it stay, and what was given did not change
  assert.deepEqual(Object.keys(torch.stripPrefix(stateDict, 'other.')), Object.keys(stateDict))
  assert.ok('_orig_mod.module.conv.weight' in wrapped)
})

test('mistakes', () => {
  const a = torch.ones(1)
  assert.throws(
    () => torch.stripPrefix({ 'module.a': a, a }, 'module.'),
    wrong(/'module\.a' and 'a' would both be 'a'/),
  )
  assert.throws(() => torch.stripPrefix({ a }, ''), wrong(/a prefix cannot be empty/))
  assert.throws(() => torch.stripPrefix({ a }, 3 as never), wrong(/a prefix should be a text/))
  assert.throws(() => torch.stripPrefix(new Net() as never, 'module.'), wrong(/pass its stateDict\(\)/))
  assert.throws(() => torch.renameKeys({ a }, [['b', 'c']]), wrong(/the rule 'b' → 'c' changes no key.*'a'/s))
  assert.throws(() => torch.renameKeys({ a, b: a }, () => 'x'), wrong(/would both be 'x'/))
  assert.throws(() => torch.renameKeys({ a }, (() => 3) as never), wrong(/gave 3 for 'a'/))
  assert.throws(() => torch.renameKeys({ a }, 'a' as never), wrong(/rules should be pairs/))
})

test('rules apply one after the other', () => {
  const a = torch.ones(1)
  const renamed = torch.renameKeys({ 'features.0.weight': a, 'classifier.1.bias': a }, [
    ['features.', 'backbone.'],
    [/^classifier\.(\d+)\./, 'head.$1.'],
    ['head.1', 'head.one'],
  ])
  assert.deepEqual(Object.keys(renamed), ['backbone.0.weight', 'head.one.bias'])
  const numbers = torch.renameKeys(
    new Map([
      ['b.1', a],
      ['a.0', a],
    ]),
    (key) => key.slice(2),
  )
  assert.deepEqual([...numbers.keys()], ['1', '0'], 'a Map keeps the order of keys that are numbers')
})

test('_metadata and keys are those of DataParallel in Python, both ways', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const program = `
import torch, torch.nn as nn, sys, json
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3); self.bn = nn.BatchNorm2d(2); self.fc = nn.Linear(2, 3)
net = Net()
wrapped = nn.DataParallel(net)
if sys.argv[1] == 'write':
    torch.save(wrapped.state_dict(), sys.argv[2])
else:
    out = []
    for file, model in ((sys.argv[2], net), (sys.argv[3], wrapped)):
        sd = torch.load(file, weights_only=True)
        model.load_state_dict(sd)
        out.append([list(sd) == list(model.state_dict()), dict(sd._metadata) == dict(model.state_dict()._metadata)])
    print(json.dumps(out))
`
  const [file, plain, again] = ['dp.pt', 'plain.pt', 'again.pt'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  python(program, ['write', file])
  const loaded = torch.loadSync(file) as Record<string, torch.Tensor>
  const stripped = torch.stripPrefix(loaded, 'module.')
  torch.saveSync(stripped, plain)
  // DataParallel's own entry of _metadata is the one without a name
  const wrapped = new nn.DataParallel(new Net())
  wrapped.loadStateDict(torch.addPrefix(stripped, 'module.'))
  torch.saveSync(wrapped.stateDict(), again)
  assert.deepEqual(JSON.parse(python(program, ['read', plain, again])), [
    [true, true],
    [true, true],
  ])
})

test('a clone has memory of its own, and shares within itself what was shared', () => {
  class Tied extends nn.Module {
    a = new nn.Linear(3, 3)
    b = new nn.Linear(3, 3)
    constructor() {
      super()
      this.b.weight = this.a.weight
    }
  }
  const model = new Tied()
  const live = model.stateDict()
  const best = torch.cloneStateDict(live)
  torch.noGrad(() => model.a.weight.zero_())
  assert.equal(live['a.weight'].abs().sum().item(), 0, 'stateDict() follows the model')
  assert.notEqual(best['a.weight'].abs().sum().item(), 0)
  assert.equal(best['a.weight'].dataPtr(), best['b.weight'].dataPtr())
  assert.deepEqual(Object.keys(best), Object.keys(live))
  const whole = torch.arange(1000)
  const { part } = torch.cloneStateDict({ part: whole.index('10:20') })
  assert.deepEqual(part.tolist(), whole.index('10:20').tolist())
  const copy = torch.cloneStateDict({ left: whole.index('0:6'), right: whole.index('4:8') })
  copy.left.zero_()
  assert.deepEqual(copy.right.tolist(), [0n, 0n, 6n, 7n].map(Number))
})
