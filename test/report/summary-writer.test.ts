/** Event files as Python writes them, and as TensorBoard reads them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'

const { SummaryWriter } = torch.utils
const oracle = join(root, 'test', 'report', 'summary_writer.py')

function ask<T>(...args: string[]): T {
  return JSON.parse(pythonFile(oracle, args).trim().split('\n').at(-1)!) as T
}

type Found = [name: string, events: { tag?: string; bytes: string; text: string; sum_squares?: string }[]][]

test('the files are Python’s: names, records, every field', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const [theirs, ours, valuesFile] = [join(dir, 'python'), join(dir, 'node'), join(dir, 'values.pth')]
  ask('write', theirs, valuesFile)
  writeAll(ours, torch.loadSync(valuesFile) as Record<string, torch.Tensor>)
  const [python, node] = [ask<Found>('read', theirs), ask<Found>('read', ours)]
  assert.deepEqual(
    node.map(([name, events]) => [name, events.length]),
    python.map(([name, events]) => [name, events.length]),
  )
  let compared = 0
  for (const [i, [name, events]] of python.entries()) {
    for (const [j, { sum_squares, ...expected }] of events.entries()) {
      const { sum_squares: sumSquares, ...event } = node[i]![1][j]!
      assert.deepEqual(event, expected, `event ${j} of ${name}, ${expected.tag}`)
      // BLAS adds squares in an order that depends on the CPU
      if (sum_squares === undefined) assert.equal(sumSquares, undefined)
      else assertNear(Number(sumSquares), Number(sum_squares), expected.tag!)
      compared++
    }
  }
  assert.equal(compared, 95)
})

function assertNear(value: number, expected: number, what: string): void {
  if (Number.isFinite(expected))
    assert.ok(Math.abs(value - expected) <= 1e-13 * expected, `${what}: ${value}, ${expected}`)
  else assert.equal(value, expected, what)
}

const rules = ['auto', 'doane', 'fd', 'rice', 'scott', 'sqrt', 'stone', 'sturges'] as const

/** What write() of the oracle does. */
function writeAll(folder: string, data: Record<string, torch.Tensor>): void {
  const w = new SummaryWriter(folder, { purgeStep: 7, filenameSuffix: '.suffix' })
  w.addScalar('plain', 0.1, 1, 10.5)
  w.addScalar('zero', 0, 0, 11)
  w.addScalar('minus zero', -0, 2, 11)
  w.addScalar('no step', 3, { walltime: 12 })
  w.addScalar('nan', Number.NaN, 3, 13)
  w.addScalar('inf', Number.NEGATIVE_INFINITY, -4n, 13)
  w.addScalar('tensor', torch.tensor([[2.5]], { requiresGrad: true }), 5, 14)
  w.addScalar('bfloat16', torch.tensor(1.2345, { dtype: 'bfloat16' }), 5, 14)
  w.addScalar('beyond float', 1e300, 2 ** 40, 15)
  w.addScalar('fraction of a step', 1, 5.9, 15)
  w.addScalar('new', 0.1, 6, 16, true)
  w.addScalar('double', 0.1, { globalStep: 6, walltime: 16, newStyle: true, doublePrecision: true })
  w.addScalar('zug/∂/🚂', 1.5, 6, 0)
  w.addScalars('a/b', { train: 1, test: torch.tensor(2) }, 1, 20)
  w.addScalars('a/b', new Map([['train', 0.5]]), { globalStep: 2, walltime: 21 })
  const spread = ['normal', 'double', 'half', 'bfloat16', 'integers', 'bools', 'ones', 'zero', 'with_nan', 'with_inf']
  for (const name of spread) w.addHistogram(name, data[name]!, 3, { walltime: 30 })
  w.addHistogram('one number', 0.25, 3, { walltime: 30 })
  w.addHistogram('max_bins', data.normal!, 4, { walltime: 31, maxBins: 10 })
  w.addHistogram('max_bins of few', data.normal!, 4, 7, 31, 3)
  w.addHistogram('edges', data.normal!, 4, [-1, -0.5, 0, 2, 2, 3], 31)
  w.addHistogram('number', data.integers!.tolist() as number[], 4, 13, 31)
  w.addHistogram('same', new Float32Array(9).fill(1), 4, 3, 31)
  for (const rule of rules) {
    for (const name of ['normal', 'double', 'integers', 'ones', 'zero']) {
      w.addHistogram(`${rule} ${name}`, data[name]!, 5, rule, 32)
    }
  }
  w.addText('notes/first', '**bold** ∂ 🚂', 1, 40)
  w.addText('empty', '', 1, 40)
  for (const name of ['chw', 'grey', 'rgba', 'two', 'bytes', 'long_image', 'half_image', 'bfloat16_image']) {
    w.addImage(name, data[name]!, 1, 50)
  }
  w.addImage('hwc', data.hwc!, 1, 50, 'HWC')
  w.addImage('hw', data.hw!, 1, 50, { dataformats: 'hw' })
  w.addImage('wh', data.hw!, { globalStep: 1, walltime: 50, dataformats: 'WH' })
  w.addImages('nchw', data.nchw!, 1, 51)
  w.addImages('n1hw', data.n1hw!, 1, 51)
  w.addImages('nhwc', data.nhwc!, 1, 51, { dataformats: 'NHWC' })
  w.close()
  w.addScalar('after close', 1, 9, 60)
  w.close()
  w.close()
}

test('TensorBoard lists what was written', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  {
    const writer = new SummaryWriter(pathToFileURL(join(dir, 'run')))
    for (let step = 0; step < 30; step++) writer.addScalar('loss/train', 1 / (step + 1), step)
    writer.addScalars('accuracy', { train: 0.75, test: 0.5 }, 3)
    writer.addHistogram('weights', torch.linspace(-1, 1, 64), 3)
    writer.addText('hello', 'world', 3)
    writer.addImages('digits', torch.rand(9, 1, 8, 8), 3)
    writer.close()
  }
  assert.deepEqual(ask('list', join(dir, 'run')), {
    scalars: { 'loss/train': Array.from({ length: 30 }, (_, step) => [step, Math.fround(1 / (step + 1))]) },
    histograms: { weights: [64] },
    images: { digits: [[64, 16]] },
    texts: { 'hello/text_summary': ['world'] },
  })
  const [scalars, points, histograms, images, texts] = ask<object[]>(
    'serve',
    dir,
    'data/plugin/scalars/tags',
    'data/plugin/scalars/scalars?run=run&tag=loss%2Ftrain',
    'data/plugin/histograms/tags',
    'data/plugin/images/tags',
    'data/plugin/text/text?run=run&tag=hello%2Ftext_summary',
  ) as [object, [number, number, number][], object, object, { text: string }[]]
  const named = (displayName: string) => ({ [displayName]: { displayName, description: '' } })
  assert.deepEqual(scalars, {
    run: named('loss/train'),
    'run/accuracy_train': named('accuracy'),
    'run/accuracy_test': named('accuracy'),
  })
  assert.deepEqual(
    points.map(([, step, value]) => [step, value]),
    Array.from({ length: 30 }, (_, step) => [step, Math.fround(1 / (step + 1))]),
  )
  assert.deepEqual(Object.keys(histograms), ['run'])
  assert.match(JSON.stringify(images), /"run":\{"digits":/)
  assert.match(texts[0]!.text, /world/)
})

test('events wait until there are enough of them, or long enough, or flush() is called', async (t) => {
  const dir = tempDir(t)
  const writer = new SummaryWriter(dir, { maxQueue: 2, flushSecs: 1000 })
  const file = join(dir, readdirSync(dir)[0]!)
  const size = () => statSync(file).size
  const start = size()
  assert.ok(start > 0, 'TensorBoard finds the file from the beginning')
  writer.addScalar('a', 1, 1)
  writer.addScalar('a', 1, 2)
  assert.equal(size(), start)
  writer.addScalar('a', 1, 3)
  const three = size()
  assert.ok(three > start)
  writer.addScalar('a', 1, 4)
  assert.equal(size(), three)
  writer.flush()
  const four = size()
  assert.ok(four > three)
  writer.close()
  assert.equal(size(), four)

  const quick = new SummaryWriter(join(dir, 'quick'), { flushSecs: 0.05 })
  const other = join(dir, 'quick', readdirSync(join(dir, 'quick'))[0]!)
  const before = statSync(other).size
  quick.addScalar('a', 1, 1)
  assert.equal(statSync(other).size, before)
  for (let i = 0; i < 100 && statSync(other).size === before; i++) await sleep(20)
  assert.ok(statSync(other).size > before, 'a timer writes them')
  quick.close()
})

test('a process that ends without close() has written everything', (t) => {
  const dir = tempDir(t)
  const code = `
    import * as torch from 'libtorch-node'
    const writer = new torch.utils.SummaryWriter(process.argv[1])
    writer.addScalar('last words', 1, 1)
    if (process.argv[2] === 'throw') throw new Error('mine')`
  for (const how of ['end', 'throw']) {
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', code, join(dir, how), how], { cwd: root })
    assert.equal(run.status, how === 'end' ? 0 : 1, String(run.stderr))
    const [name] = readdirSync(join(dir, how))
    assert.ok(statSync(join(dir, how, name!)).size > 100 + 'last words'.length)
  }
})

test('the default folder is named after the time and the machine, and files never meet', (t) => {
  const dir = tempDir(t)
  const before = process.cwd()
  process.chdir(dir)
  t.after(() => process.chdir(before))
  const writer = new torch.utils.tensorboard.SummaryWriter({ comment: '_lr_0.1' })
  writer.close()
  const name = writer.getLogdir()
  assert.match(name, /^runs\/[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_/)
  assert.ok(name.endsWith(`_${hostname()}_lr_0.1`))
  assert.equal(readdirSync(join(dir, name)).length, 1)
  for (let i = 0; i < 5; i++) new SummaryWriter('one').close()
  assert.equal(readdirSync(join(dir, 'one')).length, 5)
})

test('a full disk leaves whole records, and what found no room is written later', {
  skip: process.platform !== 'linux',
}, (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const code = `
    import { execFileSync } from 'node:child_process'
    import * as torch from 'libtorch-node'
    process.on('SIGXFSZ', () => {})
    const writer = new torch.utils.SummaryWriter(process.argv[1], { maxQueue: 4 })
    const codes = []
    for (let step = 0; step < 100; step++) {
      try { writer.addScalar('a', step, step) } catch (error) { codes.push(error.code) }
    }
    console.log(new Set(codes).size, codes[0])
    execFileSync('prlimit', ['--fsize=unlimited', '--pid', String(process.pid)])
    // the end of the process writes the rest`
  const shell = 'ulimit -S -f 2 && exec "$0" --input-type=module -e "$1" "$2"'
  const run = spawnSync('bash', ['-c', shell, process.execPath, code, dir], { cwd: root, encoding: 'utf8' })
  assert.equal(run.stdout, '1 EFBIG\n', run.stderr)
  assert.equal(run.status, 0, run.stderr)
  const { scalars } = ask<{ scalars: { a: [number, number][] } }>('list', dir)
  assert.deepEqual(
    scalars.a,
    Array.from({ length: 100 }, (_, step) => [step, step]),
  )
})

test('threads that begin in the same second have files of their own', async (t) => {
  const dir = tempDir(t)
  const code = `
    const { workerData } = require('node:worker_threads')
    import('libtorch-node').then((torch) => {
      const writer = new torch.utils.SummaryWriter(workerData)
      writer.addScalar('a', 1, 1)
    })`
  const start = () => once(new Worker(code, { eval: true, workerData: dir }), 'exit')
  const before = process.cwd()
  process.chdir(root) // where a worker made from a text finds the package
  t.after(() => process.chdir(before))
  assert.deepEqual(await Promise.all([start(), start(), start()]), [[0], [0], [0]])
  const files = readdirSync(dir)
  assert.equal(files.length, 3)
  assert.equal(new Set(files.map((name) => statSync(join(dir, name)).size)).size, 1, 'each has its event')
})

test('mistakes say what was expected, and leave the file as it was', (t) => {
  const dir = tempDir(t)
  const writer = new SummaryWriter(dir)
  t.after(() => writer.close())
  const refused: [() => void, RegExp, string?][] = [
    [() => new SummaryWriter(dir, { flushsecs: 1 } as object), /unknown option 'flushsecs'; did you mean 'flushSecs'/],
    [() => new SummaryWriter(dir, { maxQueue: -1 }), /maxQueue should be a number ≥ 0, but is -1/],
    [() => new SummaryWriter(dir, { purgeStep: Number.NaN }), /purgeStep should be a whole number, but is NaN/],
    [() => new SummaryWriter(dir, { logDir: dir }), /'logDir' is given twice/],
    [() => new SummaryWriter(3 as never), /logDir should be text, but is 3/],
    [
      () => writer.addScalar('a', 'x' as never),
      /scalarValue should be a number, a tensor or an array of numbers, but is string/,
    ],
    [() => writer.addScalar('a', torch.ones(2, 3)), /should be one number, but is a tensor of shape \[2, 3\]/],
    [() => (writer.addScalar as (tag: string) => void).call(writer, 'a'), /'scalarValue' is missing/],
    [() => writer.addScalar(3 as never, 1), /tag should be text, but is 3/],
    [() => writer.addScalar('a', 1, { step: 3 } as object), /unknown option 'step'/],
    [() => writer.addScalar('a', 1, '3' as never), /globalStep should be a whole number, but is 3/],
    [() => writer.addScalar('a', 1, 1, 'now' as never), /walltime should be a number of seconds, but is now/],
    [
      () => writer.addScalar('a', torch.ones(1, { dtype: 'complex64' })),
      /is complex64; give its real part/,
      'ERR_DTYPE',
    ],
    [() => writer.addScalar('a', torch.ones(1, { device: 'meta' })), /'meta' device/],
    [() => writer.addScalars('a', [1] as never), /tagScalarDict should be an object or a Map/],
    [() => writer.addScalars('a', { b: 1, c: 'x' as never }), /tagScalarDict\['c'\] should be a number/],
    [() => writer.addHistogram('a', []), /have no element/],
    [() => writer.addHistogram('a', [Number.NaN]), /none of the values lies in a bin/],
    [() => writer.addHistogram('a', [Number.POSITIVE_INFINITY, 1], 1, 'auto'), /use bins: 'tensorflow'/],
    [
      () => writer.addHistogram('a', [1, 2], 1, 'fdd' as never),
      /no rule 'fdd' for bins; there are 'tensorflow', 'auto'/,
    ],
    [() => writer.addHistogram('a', [1, 2], 1, 0), /bins should be a positive integer/],
    [() => writer.addHistogram('a', [1, 2], 1, [2, 1]), /edges in bins should rise/],
    [() => writer.addHistogram('a', [1, 2], 1, [2]), /at least 2 edges/],
    [() => writer.addHistogram('a', [1, 2], { maxBins: 0 }), /maxBins should be a positive integer, but is 0/],
    [() => writer.addText('a', 3 as never), /textString should be text, but is 3/],
    [() => writer.addImage('a', [1] as never), /imgTensor should be a tensor/],
    [() => writer.addImage('a', torch.ones(5, 5)), /for 3 dimensions, but the tensor has shape \[5, 5\]/, 'ERR_SHAPE'],
    [() => writer.addImage('a', torch.ones(5, 5), { dataformats: 'HX' }), /dataformats should be H and W/],
    [() => writer.addImage('a', torch.ones(5, 5, 5)), /1 to 4 channels, but dataformats 'CHW' says 5/, 'ERR_SHAPE'],
    [() => writer.addImages('a', torch.ones(2, 4, 5, 5)), /1 or 3 channels, but these have 4/, 'ERR_SHAPE'],
    [() => writer.addImage('a', torch.ones(3, 0, 5)), /has no pixels/, 'ERR_SHAPE'],
  ]
  writer.flush()
  const [name] = readdirSync(dir)
  const size = () => statSync(join(dir, name!)).size
  const before = size()
  for (const [call, message, code = 'ERR_ARGUMENT'] of refused) {
    assert.throws(call, (error: torch.TorchError) => {
      assert.match(error.message, message)
      assert.equal(error.code, code)
      return true
    })
  }
  writer.flush()
  assert.equal(size(), before)
  assert.deepEqual(readdirSync(dir), [name])
})

test('what the system refuses keeps its own error', (t) => {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'file'), '')
  assert.throws(() => new SummaryWriter(join(dir, 'file')), { code: 'EEXIST' })
})
