/**
 * The main promise, on real data: a run that Python began and Node continues ends with the bits of Python's uninterrupted run, and
 * the other way round. Programs run in processes of their own, since the instruction set is chosen before LibTorch is loaded.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { root, tempDir } from '../support/paths.js'
import { python, pythonFile, pythonJson, requirePython } from '../support/python.js'

const example = 'examples/resume/resume.js'
const folder = join(root, 'examples', 'resume')
const trainPy = join(folder, 'train.py')
const recorded = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
  sha256: string
  history: { epoch: number }[]
}

/** Runs the example; it must succeed. Returns what it printed. */
function resume(...args: string[]): string {
  const run = child(example, args)
  assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`)
  return run.stdout
}

/** The digest that a run printed. */
const digestIn = (output: string) => /\b[0-9a-f]{64}\b/.exec(output)![0]

test('the example ends with the recorded digest, and says so', (t) => {
  const out = join(tempDir(t), 'new.pth')
  const output = resume('--out', out)
  assert.equal(digestIn(output), recorded.sha256)
  assert.match(output, /byte-identical to those of the uninterrupted run in Python/)
  assert.match(output, /argparse\.Namespace +epochs: 12, batch_size: 64/)
  for (const { epoch } of recorded.history.slice(5))
    assert.match(output, new RegExp(`^epoch ${epoch} +lr .* accuracy 0\\.9`, 'm'))
})

test('the example ends with a picture: every epoch of Python and of Node', (t) => {
  const dir = tempDir(t)
  const output = resume('--out', join(dir, 'new.pth'))
  const picture = join(dir, 'new.svg')
  assert.equal(/^drawn (.*)$/m.exec(output)![1], relative('', picture))
  const svg = readFileSync(picture, 'utf8')
  for (const name of ['loss in Python', 'loss in Node', 'accuracy in Python', 'accuracy in Node', 'epoch']) {
    assert.match(svg, new RegExp(`<text[^>]*>${name}</text>`))
  }
  const [lossInPython, lossInNode, accuracyInPython, accuracyInNode] = [
    ...svg.matchAll(/<path class="curve [^"]*" d="(M[^h]*?)"\/>/g),
  ].map(([, d]) => d!.split(/[ML]/).slice(1))
  for (const [python, node] of [
    [lossInPython, lossInNode],
    [accuracyInPython, accuracyInNode],
  ]) {
    assert.deepEqual([python!.length, node!.length], [5, 7])
    assert.ok(Number.parseFloat(python!.at(-1)!) < Number.parseFloat(node![0]!), 'one begins where the other ends')
  }
})

test('the example fails when the parameters are not Python’s', (t) => {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'expected.json'), JSON.stringify({ ...recorded, sha256: '0'.repeat(64) }))
  const run = child(example, ['--expected', join(dir, 'expected.json'), '--out', join(dir, 'new.pth')])
  assert.equal(run.status, 1, run.stderr)
  assert.match(run.stdout, /DIFFER/)
})

test('what Node saved resumes in Node', (t) => {
  const dir = tempDir(t)
  resume('--epochs', '8', '--out', join(dir, 'eight.pth'))
  const output = resume('--checkpoint', join(dir, 'eight.pth'), '--out', join(dir, 'end.pth'))
  assert.equal(digestIn(output), recorded.sha256)
})

test('Python opens with weights_only=True what Node saved, and finds its own layout in it', (t) => {
  if (!requirePython(t)) return
  const out = join(tempDir(t), 'new.pth')
  resume('--epochs', '7', '--out', out)
  const layout = `
import json, sys, torch
def layout(value):
    if isinstance(value, torch.Tensor): return [str(value.dtype), list(value.shape), list(value.stride()), type(value).__name__]
    if isinstance(value, dict): return [type(value).__name__, [[key, layout(value[key])] for key in value]]
    if isinstance(value, (list, tuple)): return [type(value).__name__, [layout(item) for item in value]]
    return type(value).__name__
checkpoint = torch.load(sys.argv[1], weights_only=sys.argv[2] == 'safe')
keys = 'model_state_dict', 'optimizer_state_dict', 'lr_schedule', 'rng_state'
print(json.dumps([checkpoint['epoch'], [layout(checkpoint[key]) for key in keys], checkpoint['model_state_dict']._metadata]))`
  const [epoch, ...node] = pythonJson<unknown[]>(layout, [out, 'safe'])
  const [, ...own] = pythonJson<unknown[]>(layout, [join(folder, 'checkpoint.pth'), 'all'])
  assert.equal(epoch, 7)
  assert.deepEqual(node, own)
})

test('Python continues from what Node saved, to the recorded digest', (t) => {
  if (!requirePython(t)) return
  const out = join(tempDir(t), 'eight.pth')
  resume('--epochs', '8', '--out', out)
  assert.equal(digestIn(pythonFile(trainPy, ['--resume', out])), recorded.sha256)
})

test('a run that Python makes now, with another seed and other settings, resumes in Node to the same bits', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const [checkpoint, expected] = [join(dir, 'checkpoint.pth'), join(dir, 'expected.json')]
  const settings = [
    '--epochs',
    '4',
    '--save_after',
    '2',
    '--seed',
    '77',
    '--batch_size',
    '100',
    '--step_size',
    '1',
    '--dropout',
    '0.5',
  ]
  const output = pythonFile(trainPy, [...settings, '--checkpoint', checkpoint, '--expected', expected])
  const node = resume('--checkpoint', checkpoint, '--expected', expected, '--out', join(dir, 'new.pth'))
  assert.equal(digestIn(node), digestIn(output))
  assert.notEqual(digestIn(node), recorded.sha256)
})

test('the recorded digest is what Python computes here', (t) => {
  if (!requirePython(t)) return
  const output = pythonFile(trainPy, ['--resume', join(folder, 'checkpoint.pth')])
  assert.equal(digestIn(output), recorded.sha256)
})

test('the checkpoint of the repository is small, and holds no path of the machine that made it', (t) => {
  if (!requirePython(t)) return
  const checkpoint = readFileSync(join(folder, 'checkpoint.pth'))
  assert.ok(checkpoint.length < 1_000_000)
  const args = python('import sys, torch; print(vars(torch.load(sys.argv[1], weights_only=False)["args"]))', [
    join(folder, 'checkpoint.pth'),
  ])
  assert.doesNotMatch(args, /\//)
})
