/** What of a state dict fits a model, and loading that. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch

class Net extends nn.Module {
  conv1: torch.nn.Conv2d
  bn1 = new nn.BatchNorm2d(4)
  layer = new nn.Sequential(new nn.Linear(4, 4), new nn.ReLU(), new nn.Linear(4, 4))
  fc: torch.nn.Linear
  constructor(channels = 3, classes = 10) {
    super()
    this.conv1 = new nn.Conv2d(channels, 4, 3)
    this.fc = new nn.Linear(4, classes)
  }
}

const bytes = (model: torch.nn.Module) =>
  JSON.stringify(Object.entries(model.stateDict()).map(([k, t]) => [k, t.tolist()]))

async function warningsOf(body: () => void): Promise<string[]> {
  const seen: string[] = []
  const listen = (warning: Error) => seen.push(warning.message)
  process.on('warning', listen)
  body()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', listen)
  return seen
}

test('the report says all', () => {
  const { 'fc.bias': _, ...stateDict } = new Net(1, 5).stateDict()
  const report = torch.matchStateDict({ ...stateDict, extra: torch.ones(1) }, new Net())
  assert.deepEqual(report.missing, ['fc.bias'])
  assert.deepEqual(report.unexpected, ['extra'])
  assert.deepEqual(report.mismatched, [
    { key: 'conv1.weight', expected: [4, 3, 3, 3], found: [4, 1, 3, 3] },
    { key: 'fc.weight', expected: [10, 4], found: [5, 4] },
  ])
  assert.equal(report.matched.length, 10)
  assert.equal(report.coverage, 10 / 13)
  const names = torch.matchStateDict(stateDict, new Net(), { shapes: false })
  assert.deepEqual([names.mismatched, names.matched.length], [[], 12])
})

test('what fits is loaded, a head is kept, and a first convolution is adapted', () => {
  const pretrained = new Net(3, 1000)
  const model = new Net(1, 10)
  const head = model.fc.weight.clone()
  const report = torch.loadMatching(model, pretrained.stateDict(), {
    skip: ['fc.*'],
    adapt: { 'conv1.weight': 'inputChannels' },
  })
  assert.deepEqual(report.skipped, ['fc.weight', 'fc.bias'])
  assert.deepEqual(report.adapted, ['conv1.weight'])
  assert.deepEqual(report.missing, ['fc.weight', 'fc.bias'])
  assert.ok(torch.equal(model.fc.weight, head))
  assert.ok(torch.equal(model.conv1.weight, pretrained.conv1.weight.sum(1, { keepdim: true })))
  assert.ok(torch.equal(model.getParameter('layer.0.weight'), pretrained.getParameter('layer.0.weight')))
})

test('all or nothing, with the next step in the message', () => {
  const model = new Net()
  const before = bytes(model)
  const wrong = (code: string, message: RegExp) => ({ code, message })
  const { stateDict } = { stateDict: new Net(3, 5).stateDict() }
  assert.throws(
    () => torch.loadMatching(model, stateDict),
    wrong('ERR_STATE_DICT', /'fc\.weight': \[5, 4\] in the state dict, \[10, 4\] in the model.*skip: \['fc\.\*'\]/s),
  )
  assert.throws(
    () => torch.loadMatching(model, new Net(1).stateDict()),
    wrong('ERR_STATE_DICT', /adapt: \{'conv1\.weight': 'inputChannels'\}/),
  )
  assert.throws(
    () => torch.loadMatching(model, torch.addPrefix(stateDict, 'module.')),
    wrong('ERR_STATE_DICT', /Take the prefix off: stripPrefix\(stateDict, 'module\.'\)/),
  )
  assert.throws(
    () => torch.loadMatching(new nn.DataParallel(model), stateDict),
    wrong('ERR_STATE_DICT', /Put the prefix before: addPrefix\(stateDict, 'module\.'\)/),
  )
  assert.throws(
    () => torch.loadMatching(model, { 'conv.weight': torch.ones(4, 3, 3, 3) }),
    wrong('ERR_STATE_DICT', /Rename the keys: renameKeys\(stateDict, \[\['conv\.', 'conv1\.'\]\]\)/),
  )
  assert.throws(
    () => torch.loadMatching(model, { model: { a: 1 } } as never),
    wrong('ERR_STATE_DICT', /toStateDict\(loaded\) gives the state dict/),
  )
  assert.throws(
    () => torch.loadMatching(model, { 'fc.bias': torch.ones(10) }, { minMatched: 0.5 }),
    wrong('ERR_STATE_DICT', /1 of 13 keys.*minMatched: 0\.5/),
  )
  assert.throws(
    () => torch.loadMatching(model, stateDict, { skip: ['head.*'] as never }),
    wrong('ERR_ARGUMENT', /no key of Net.*'head\.\*'/),
  )
  assert.throws(() => torch.loadMatching(model, stateDict, { skipp: [] } as never), wrong('ERR_ARGUMENT', /'skip'/))
  assert.throws(
    () => torch.loadMatching(model, stateDict, { skip: ['fc.*'], adapt: { 'conv1.weight': () => torch.ones(1) } }),
    wrong('ERR_STATE_DICT', /made \[1\], but the model has \[4, 3, 3, 3\]/),
  )
  assert.equal(bytes(model), before)
})

test('a head that kept the old shape is told', async () => {
  const warnings = await warningsOf(() => torch.loadMatching(new Net(), new Net().stateDict(), { skip: ['fc.*'] }))
  assert.match(warnings[0]!, /'fc\.weight', 'fc\.bias' are skipped, but would fit.*replaceHead/s)
})

test('first convolutions follow the rule of timm', () => {
  const weight = torch.randn(2, 3, 3, 3)
  assert.ok(torch.equal(torch.adaptInputConv(weight, 1), weight.sum(1, { keepdim: true })))
  const five = weight
    .repeat(1, 2, 1, 1)
    .narrow(1, 0, 5)
    .mul(3 / 5)
  assert.ok(torch.equal(torch.adaptInputConv(weight, 5), five))
  assert.equal(torch.adaptInputConv(weight, 3), weight)
  assert.equal(torch.adaptInputConv(weight.half(), 1).dtype, 'float16')
  assert.throws(() => torch.adaptInputConv(torch.ones(2, 7, 3, 3), 4), {
    code: 'ERR_SHAPE',
    message: /over 7 channels/,
  })
  assert.throws(() => torch.adaptInputConv(torch.ones(2), 4), { code: 'ERR_SHAPE' })
  assert.throws(() => torch.adaptInputConv(weight, 0), { code: 'ERR_ARGUMENT' })
})

test('a new head has the rest of the old one', () => {
  class Small extends nn.Module {
    classifier = new nn.Sequential(new nn.Dropout(), new nn.Linear(8, 1000, { bias: false, dtype: 'float64' }))
    last = new nn.Conv2d(8, 1000, 1, { stride: 2 })
  }
  const model = new Small()
  model.eval()
  const parameters = torch.replaceHead(model, 'classifier.1', 7)
  assert.deepEqual(
    parameters.map(([name, p]) => [name, p.shape, p.dtype, p.requiresGrad]),
    [['classifier.1.weight', [7, 8], 'float64', true]],
  )
  assert.equal(model.getParameter('classifier.1.weight'), parameters[0]![1])
  assert.equal(model.classifier[1].training, false)
  torch.replaceHead(model, 'last', 4)
  assert.match(String(model.last), /Conv2d\(8, 4, kernel_size=\(1, 1\), stride=\(2, 2\)\)/)
  assert.throws(() => torch.replaceHead(model, 'classifier', 3), {
    code: 'ERR_ARGUMENT',
    message: /'classifier' is a Sequential; .*'last', 'classifier\.1'/,
  })
  assert.throws(() => torch.replaceHead(model, 'fc', 3), { message: /'fc' is no module of Small/ })
  assert.throws(() => torch.replaceHead(model, 'last', 0), { message: /positive integer/ })
})
