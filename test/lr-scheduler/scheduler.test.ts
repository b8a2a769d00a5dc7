import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import * as torch from 'libtorch-node'

const { optim } = torch
const { lrScheduler } = optim

function sgd(lr: number | torch.Tensor = 1): torch.optim.SGD {
  return new optim.SGD([new torch.Parameter(torch.ones(1))], { lr })
}

const warnings: string[] = []
process.on('warning', (warning) => warnings.push(warning.message))
/** Warnings are events of the next turn of the loop. */
const warned = () => new Promise<string[]>((done) => setImmediate(() => done(warnings)))
beforeEach(async () => {
  await warned()
  warnings.length = 0
})

test('rates are written to the groups, and the first step is that of the constructor', () => {
  const optimizer = sgd()
  const scheduler = new lrScheduler.StepLR(optimizer, 2, { gamma: 0.5 })
  assert.deepEqual([scheduler.lastEpoch, scheduler._stepCount, optimizer.paramGroups[0]!.initialLr], [0, 1, 1])
  const rates = Array.from({ length: 5 }, () => {
    optimizer.step()
    scheduler.step()
    return optimizer.paramGroups[0]!.lr
  })
  assert.deepEqual(rates, [1, 0.5, 0.5, 0.25, 0.25])
  assert.deepEqual(scheduler.getLastLr(), [0.25])
})

test('arguments by position and by name', () => {
  for (const scheduler of [
    new lrScheduler.StepLR(sgd(), 7, 0.3),
    new lrScheduler.StepLR(sgd(), 7, { gamma: 0.3 }),
    new lrScheduler.StepLR(sgd(), { stepSize: 7, gamma: 0.3 }),
  ]) {
    assert.deepEqual([scheduler.stepSize, scheduler.gamma], [7, 0.3])
  }
  const attempts: [() => unknown, RegExp][] = [
    [() => new (lrScheduler.StepLR as any)(sgd()), /stepSize is missing/],
    [() => new lrScheduler.StepLR(sgd(), 3, { gama: 1 } as any), /did you mean 'gamma'/],
    [() => new lrScheduler.StepLR({} as any, 3), /is not an Optimizer/],
    [() => new lrScheduler.StepLR(sgd(), 'x' as any).step(), /step_size must be a number/],
    [() => new lrScheduler.StepLR(sgd(), 0).step(), /interval of 0 epochs/],
    [() => new lrScheduler.StepLR(sgd(), 3, { lastEpoch: 4 }), /'initial_lr' is not specified in param_groups\[0\]/],
  ]
  for (const [attempt, message] of attempts) assert.throws(attempt, { code: 'ERR_ARGUMENT', message })
})

test('a schedule goes on from the epoch that is set, as tutorials do', () => {
  const optimizer = sgd()
  const scheduler = new lrScheduler.StepLR(optimizer, 10, 0.1)
  scheduler.lastEpoch = 9 - 1
  scheduler._stepCount = 9
  scheduler.step()
  assert.equal(optimizer.paramGroups[0]!.lr, 1)
  scheduler.step()
  assert.equal(optimizer.paramGroups[0]!.lr, 0.1)

  const resumed = sgd(0.1)
  resumed.paramGroups[0]!.initialLr = 1
  const second = new lrScheduler.StepLR(resumed, 10, { gamma: 0.5, lastEpoch: 18 })
  assert.deepEqual([second.lastEpoch, resumed.paramGroups[0]!.lr, second.baseLrs], [19, 0.1, [1]])
  second.step()
  assert.equal(resumed.paramGroups[0]!.lr, 0.05)
})

test('a second scheduler keeps the initial rate of the first', () => {
  const optimizer = sgd()
  new lrScheduler.StepLR(optimizer, 1)
  optimizer.paramGroups[0]!.lr = 0.5
  assert.deepEqual(new lrScheduler.StepLR(optimizer, 1).baseLrs, [1])
})

test('options are live', () => {
  const optimizer = sgd()
  const scheduler = new lrScheduler.StepLR(optimizer, 1, 0.5)
  scheduler.gamma = 0.25
  scheduler.step()
  assert.equal(optimizer.paramGroups[0]!.lr, 0.25)
})

test('a step before that of the optimizer is warned of, once', async () => {
  const optimizer = sgd()
  const scheduler = new lrScheduler.StepLR(optimizer, 5)
  scheduler.step()
  scheduler.step()
  const texts = await warned()
  assert.equal(texts.length, 1)
  assert.match(texts[0]!, /Detected call of `lr_scheduler\.step\(\)` before `optimizer\.step\(\)`/)
})

test('the right order, and a loaded scheduler, are not warned of', async () => {
  const optimizer = sgd()
  const scheduler = new lrScheduler.StepLR(optimizer, 5)
  optimizer.step()
  scheduler.step()
  const other = new lrScheduler.StepLR(sgd(), 5)
  other.loadStateDict(scheduler.stateDict())
  other.step()
  assert.deepEqual(await warned(), [])
})

test('an optimizer whose step was replaced is warned of', async () => {
  const optimizer = sgd()
  const scheduler = new lrScheduler.StepLR(optimizer, 5)
  optimizer.step = (() => undefined) as any
  optimizer.step()
  scheduler.step()
  assert.match((await warned()).join(), /has been overridden after learning rate scheduler initialization/)
})

test('getLr() outside of a step is warned of', async () => {
  const scheduler = new lrScheduler.StepLR(sgd(), 5)
  scheduler.getLr()
  assert.match((await warned()).join(), /please use `get_last_lr\(\)`/)
})

test('the state dict has the keys of Python in its order', () => {
  const scheduler = new lrScheduler.StepLR(sgd(), 5)
  assert.deepEqual(Object.keys(scheduler.stateDict()), [
    'step_size',
    'gamma',
    'base_lrs',
    'last_epoch',
    '_step_count',
    '_is_initial',
    '_get_lr_called_within_step',
    '_last_lr',
  ])
  scheduler.loadStateDict({ ...scheduler.stateDict(), verbose: false, last_epoch: 3 })
  assert.equal(scheduler.stateDict().verbose, false)
  assert.equal(Object.keys(scheduler.stateDict()).at(-1), 'verbose')
  assert.equal(scheduler.lastEpoch, 3)
  const dict = scheduler.stateDict()
  scheduler.step()
  assert.equal(dict.last_epoch, 3)
})

test('a tensor as rate is written in place', () => {
  const lr = torch.tensor(1)
  const optimizer = sgd(lr)
  const scheduler = new lrScheduler.StepLR(optimizer, 1, 0.5)
  scheduler.step()
  assert.equal(optimizer.paramGroups[0]!.lr, lr)
  assert.equal(lr.item(), 0.5)
  assert.notEqual(scheduler.getLastLr()[0], lr)
})

test("a schedule of one's own", () => {
  class Linear extends lrScheduler.LRScheduler {
    declare epochs: number
    constructor(optimizer: torch.optim.Optimizer<any>) {
      super(optimizer)
    }
    protected override prepare(): void {
      this.epochs = 4
    }
    override getLr(): number[] {
      return this.baseLrs.map((lr) => Number(lr) * (1 - this.lastEpoch / this.epochs))
    }
  }
  const optimizer = sgd()
  const scheduler = new Linear(optimizer)
  scheduler.step()
  assert.equal(optimizer.paramGroups[0]!.lr, 0.75)
})
