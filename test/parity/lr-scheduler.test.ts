/** Schedulers against live Python: rates equal as bits, state dicts equal in kinds and order, resumed from each other's files. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { python, pythonJson, requirePython } from '../support/python.js'

const { lrScheduler } = torch.optim

interface Setting {
  /** rates of the groups */
  lrs: number[]
  stepSize: number
  gamma?: number
}

const settings: Record<string, Setting> = {
  'a rate of 0.1, every 30 epochs': { lrs: [0.1], stepSize: 30 },
  'every epoch': { lrs: [0.1], stepSize: 1, gamma: 0.97 },
  'two groups': { lrs: [0.3, 1e-3], stepSize: 7, gamma: 0.7 },
  'gamma above one': { lrs: [1e-4], stepSize: 3, gamma: 1.1 },
  'gamma of one': { lrs: [0.1], stepSize: 3, gamma: 1 },
  'a whole rate': { lrs: [1], stepSize: 40, gamma: 0.1 },
  'longer than the run': { lrs: [0.05], stepSize: 1000 },
  'an odd factor': { lrs: [0.2], stepSize: 9, gamma: 1 / 3 },
}
const epochs = 100
const resumeAt = [1, 30, 63]

const oracle = `
import json, sys, warnings
import torch
warnings.simplefilter('ignore')
settings, epochs, points, mode, folder = (*json.loads(sys.argv[1]), sys.argv[2], sys.argv[3])

def make(s):
    groups = [{'params': [torch.zeros(1, requires_grad=True)], 'lr': float(lr)} for lr in s['lrs']]
    optimizer = torch.optim.SGD(groups)
    options = {'gamma': float(s['gamma'])} if 'gamma' in s else {}
    return optimizer, torch.optim.lr_scheduler.StepLR(optimizer, s['stepSize'], **options)

def states(optimizer, scheduler):
    return {'optimizer': optimizer.state_dict(), 'scheduler': scheduler.state_dict()}

def rates(scheduler, n):
    out = []
    for _ in range(n):
        scheduler.step()
        out.append([float(lr).hex() for lr in scheduler.get_last_lr()])
    return out

result = {}
for i, (name, s) in enumerate(settings.items()):
    if mode == 'run':
        optimizer, scheduler = make(s)
        result[name], done = [], 0
        for point in points:
            result[name] += rates(scheduler, point - done)
            done = point
            torch.save(states(optimizer, scheduler), f'{folder}/python-{i}-{point}.pt')
        result[name] += rates(scheduler, epochs - done)
    else:
        for point in points:
            loaded = torch.load(f'{folder}/node-{i}-{point}.pt', weights_only=True)
            own = torch.load(f'{folder}/python-{i}-{point}.pt', weights_only=True)
            optimizer, scheduler = make(s)
            optimizer.load_state_dict(loaded['optimizer'])
            scheduler.load_state_dict(loaded['scheduler'])
            # repr tells ints from floats, and shows the order of keys
            result[f'{name} at {point}'] = [repr(own), repr(loaded), rates(scheduler, epochs - point)]
print(json.dumps(result))
`

function make({ lrs, stepSize, gamma }: Setting): [torch.optim.SGD, torch.optim.lrScheduler.StepLR] {
  const optimizer = new torch.optim.SGD(lrs.map((lr) => ({ params: [new torch.Parameter(torch.zeros(1))], lr })))
  return [optimizer, new lrScheduler.StepLR(optimizer, stepSize, gamma === undefined ? {} : { gamma })]
}

/** A number as Python's `float.hex()` has it. */
function hex(value: unknown): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, Number(value))
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn) - 1023
  const fraction = (bits & 0xfffffffffffffn).toString(16).padStart(13, '0')
  return `0x1.${fraction}p${exponent < 0 ? '' : '+'}${exponent}`
}

function rates(scheduler: torch.optim.lrScheduler.LRScheduler, count: number): string[][] {
  return Array.from({ length: count }, () => {
    scheduler.optimizer.step()
    scheduler.step()
    return scheduler.getLastLr().map(hex)
  })
}

test('StepLR: a hundred rates, resumed at three points in both directions', (t) => {
  if (!requirePython(t)) return
  const folder = tempDir(t)
  const input = JSON.stringify([settings, epochs, resumeAt])
  const expected = pythonJson<Record<string, string[][]>>(oracle, [input, 'run', folder])
  for (const [i, [name, setting]] of Object.entries(settings).entries()) {
    const [optimizer, scheduler] = make(setting)
    const found: string[][] = []
    let done = 0
    for (const point of resumeAt) {
      found.push(...rates(scheduler, point - done))
      done = point
      const states = { optimizer: optimizer.stateDict(), scheduler: scheduler.stateDict() }
      torch.saveSync(states, join(folder, `node-${i}-${point}.pt`))

      const loaded = torch.loadSync(join(folder, `python-${i}-${point}.pt`))
      const [second, resumed] = make(setting)
      second.loadStateDict(loaded.optimizer)
      resumed.loadStateDict(loaded.scheduler)
      assert.equal(resumed.lastEpoch, point)
      assert.deepEqual(rates(resumed, epochs - point), expected[name]!.slice(point), `${name}, from Python at ${point}`)
    }
    found.push(...rates(scheduler, epochs - done))
    assert.deepEqual(found, expected[name], name)
  }
  const continued = pythonJson<Record<string, [string, string, string[][]]>>(oracle, [input, 'continue', folder])
  assert.equal(Object.keys(continued).length, Object.keys(settings).length * resumeAt.length)
  for (const [name, [own, node, after]] of Object.entries(continued)) {
    assert.equal(node, own, `${name}: state dict`)
    const [setting, point] = name.split(' at ')
    assert.deepEqual(after, expected[setting!]!.slice(Number(point)), `${name}, from Node`)
  }
})

test('step(epoch) gives the closed form', (t) => {
  if (!requirePython(t)) return
  const jumps = [0, 29, 30, 31, 95, 3]
  const found = jumps.map((epoch) => {
    const [, scheduler] = make(settings['an odd factor']!)
    scheduler.optimizer.step()
    scheduler.step(epoch)
    return scheduler.getLastLr().map(hex)
  })
  const text = python(
    `
import json, sys, warnings, torch
warnings.simplefilter('ignore')
out = []
for epoch in json.loads(sys.argv[1]):
    s = torch.optim.lr_scheduler.StepLR(torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.2), 9, 1 / 3)
    s.step(epoch)
    out.append([lr.hex() for lr in s.get_last_lr()])
print(json.dumps(out))`,
    [JSON.stringify(jumps)],
  )
  assert.deepEqual(found, JSON.parse(text))
})
