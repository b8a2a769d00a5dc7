// Promise: `curves` draws what a log holds: each measure in its panel, several runs beside each other; it never harms the log.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { packageCopy } from '../support/package-copy.js'
import { root, tempDir } from '../support/paths.js'
import { cli, output } from './cli.js'

const { measureOf } = (await import(join(root, 'dist', 'cli', 'log-curves.js'))) as { measureOf(name: string): string }

/** Four epochs of three steps; the loss of the last epoch is lost. */
function writeLog(file: string, factor = 1): void {
  const log = new torch.utils.JsonlLogger(file)
  for (let step = 1; step <= 12; step++) {
    const epoch = Math.ceil(step / 3)
    log.log({ step, epoch, train_loss: step > 9 ? Number.NaN : factor / step, note: 'text' })
    if (step % 3 === 0) log.log({ epoch, val_loss: factor / epoch, metrics: { accuracy: 1 - 1 / epoch } })
  }
  log.close()
}

/** Points of each curve without the samples of the legend. */
const counts = (svg: string) =>
  [...svg.matchAll(/<path class="curve [^"]*"[^>]* d="([^"]*)"/g)]
    .filter(([, d]) => !/h22$/.test(d!))
    .map(([, d]) => [...d!.matchAll(/,/g)].length)
const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)/g)].map(([, text]) => text)

test('a log becomes a picture beside it', (t) => {
  const dir = tempDir(t)
  writeLog(join(dir, 'run.jsonl'))
  const text = output(['curves', 'run.jsonl'], { cwd: dir })
  assert.equal(text, 'run.svg: 3 curves in 2 panels, 20 values\n')
  const svg = readFileSync(join(dir, 'run.svg'), 'utf8')
  assert.deepEqual(counts(svg), [9, 4, 4])
  for (const name of ['run', 'loss', 'train_loss', 'val_loss', 'metrics.accuracy', 'step'])
    assert.ok(texts(svg).includes(name), name)
  // values of an epoch lie at the last step that came before them
  const records = torch.utils.readJsonl(join(dir, 'run.jsonl'))
  const of = (name: string) => records.flatMap((record) => (name in record ? [Number(record[name])] : []))
  const expected = torch.utils.plotCurves(
    {
      train_loss: { x: of('step'), y: of('train_loss'), panel: 'loss' },
      val_loss: { x: [3, 6, 9, 12], y: of('val_loss'), panel: 'loss' },
      'metrics.accuracy': { x: [3, 6, 9, 12], y: [0, 0.5, 1 - 1 / 3, 0.75], panel: 'accuracy' },
    },
    { title: 'run', xLabel: 'step' },
  )
  assert.equal(svg, expected)
})

test('options choose what is drawn, and how', (t) => {
  const dir = tempDir(t)
  writeLog(join(dir, 'run.jsonl'))
  const args = [
    '-x',
    'epoch',
    '-y',
    'val_loss, train_loss',
    '--together',
    '--log-y',
    '--title',
    'A & B',
    '--theme',
    'dark',
  ]
  const text = output(['curves', 'run.jsonl', '-o', 'sub.svg', ...args, '--width', '500', '--height', '300'], {
    cwd: dir,
  })
  assert.match(text, /^sub\.svg: 2 curves in 1 panel, 16 values\n$/)
  const svg = readFileSync(join(dir, 'sub.svg'), 'utf8')
  assert.match(svg, /width="500" height="300"/)
  assert.doesNotMatch(svg, /prefers-color-scheme/)
  for (const name of ['A &amp; B', 'epoch', '0.2']) assert.ok(texts(svg).includes(name), name)
  assert.equal(output(['curves', 'run.jsonl', '-o', '-'], { cwd: dir }).slice(0, 5), '<svg ')
})

test('several runs are drawn beside each other, under their names', (t) => {
  const dir = tempDir(t)
  writeLog(join(dir, 'a.jsonl'))
  writeLog(join(dir, 'b.jsonl'), 2)
  output(['curves', 'a.jsonl', 'b.jsonl', '-o', 'both.svg', '-y', 'train_loss'], { cwd: dir })
  const svg = readFileSync(join(dir, 'both.svg'), 'utf8')
  for (const name of ['a train_loss', 'b train_loss', 'a, b']) assert.ok(texts(svg).includes(name), name)
  assert.deepEqual(counts(svg), [9, 9])
})

test('a log of Python, without steps, with NaN and with an end that was cut', (t) => {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'log.txt'), '{"loss": 3.0}\n{"loss": NaN}\n{"loss": 1.0}\n{"los')
  assert.equal(output(['curves', 'log.txt'], { cwd: dir }), 'log.svg: 1 curve in 1 panel, 3 values\n')
  const svg = readFileSync(join(dir, 'log.svg'), 'utf8')
  assert.deepEqual(counts(svg), [2])
  assert.ok(texts(svg).includes('line'))
})

test('names that measure the same share a panel', () => {
  const rows = {
    loss: ['train_loss', 'val/loss', 'testLoss', 'loss', 'Loss/train', 'metrics.loss'],
    top_5: ['val_top_5', 'top-5'],
    train: ['train'],
  }
  for (const [measure, names] of Object.entries(rows))
    for (const name of names) assert.equal(measureOf(name), measure, name)
})

test('the log is never written over, and mistakes say what to do', (t) => {
  const dir = tempDir(t)
  const file = join(dir, 'run.jsonl')
  writeLog(file)
  writeFileSync(join(dir, 'empty.jsonl'), '')
  writeFileSync(join(dir, 'words.jsonl'), '{"note": "x"}\n')
  writeFileSync(join(dir, 'steps.jsonl'), '{"step": 1}\n')
  writeFileSync(join(dir, 'no.jsonl'), 'not a log\n')
  const before = readFileSync(file)
  const refused: [string[], RegExp, number?][] = [
    [
      ['run.jsonl', '-o', 'run.jsonl'],
      /run\.jsonl is there already and is no SVG picture; give another name with --output/,
    ],
    [['run.jsonl', '-y', 'train_los'], /no number 'train_los' in the log; did you mean 'train_loss'/],
    [['run.jsonl', '-x', 'hours'], /no number 'hours' in the log; there are 'step', 'epoch', 'train_loss'/],
    [['empty.jsonl'], /empty\.jsonl: the log is empty/],
    [['words.jsonl'], /no number in the log/],
    [['steps.jsonl'], /counts lines \(step\), but holds nothing to draw; --y names/],
    [['no.jsonl'], /no\.jsonl: line 1 is no JSON object/],
    [['none.jsonl'], /ENOENT/],
    [['run.jsonl', '-y', 'a,,b'], /a name between the commas is missing/, 2],
    [['run.jsonl', '--width', 'wide'], /should be a number of pixels/, 2],
    [['run.jsonl', '--theme', 'blue'], /Allowed choices are auto, light, dark/, 2],
    [[], /missing required argument 'logs'/, 2],
  ]
  for (const [args, message, status = 1] of refused) {
    const run = cli(['curves', ...args], { cwd: dir })
    assert.equal(run.status, status, args.join(' '))
    assert.match(run.stderr, message)
  }
  assert.ok(readFileSync(file).equals(before))
  // a picture may be drawn again
  output(['curves', 'run.jsonl'], { cwd: dir })
  output(['curves', 'run.jsonl'], { cwd: dir })
})

test('works where neither the addon nor LibTorch is', async (t) => {
  const copy = packageCopy(t)
  writeLog(join(copy.home, 'run.jsonl'))
  const run = await copy.cli(['curves', 'run.jsonl'])
  assert.deepEqual([run.status, run.stderr, run.stdout], [0, '', 'run.svg: 3 curves in 2 panels, 20 values\n'])
})
