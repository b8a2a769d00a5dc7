/** A log that is whole after every end: it continues, resumes without a line twice, and drops what a kill cut short. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonJson, requirePython } from '../support/python.js'

const { JsonlLogger, readJsonl } = torch.utils

test('each call is a line of JSON, there when the call returns', (t) => {
  const file = join(tempDir(t), 'new', 'folder', 'log.jsonl')
  const log = new JsonlLogger(file)
  log.log({ step: 1, loss: 0.25, note: 'a "text"\n∂', ok: true, nothing: null, absent: undefined })
  assert.equal(
    readFileSync(file, 'utf8'),
    '{"step":1,"loss":0.25,"note":"a \\"text\\"\\n∂","ok":true,"nothing":null}\n',
  )
  log.log({
    step: 2n,
    loss: torch.tensor(0.5, { requiresGrad: true }),
    each: torch.tensor([[1, 2]], { dtype: 'int64' }),
    sizes: new Float32Array([1, 2]),
    nested: { deep: { lr: 1e-3 } },
  })
  log.flush()
  log.log({ step: 3, loss: Number.NaN, list: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] })
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) JSON.parse(line)
  assert.deepEqual(readJsonl(pathToFileURL(file)), [
    { step: 1, loss: 0.25, note: 'a "text"\n∂', ok: true, nothing: null },
    { step: 2, loss: 0.5, each: [[1, 2]], sizes: [1, 2], nested: { deep: { lr: 1e-3 } } },
    { step: 3, loss: Number.NaN, list: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] },
  ])
  log.close()
  log.close()
  assert.throws(() => log.log({ step: 4 }), { code: 'ERR_ARGUMENT', message: /was closed/ })
})

/** Steps 1 to 6, two in each epoch, and a line of its own after each epoch. */
function sixSteps(file: string): void {
  const log = new JsonlLogger(file)
  for (let step = 1; step <= 6; step++) {
    const epoch = Math.ceil(step / 2)
    log.log({ step, epoch, loss: 1 / step })
    log.log({ note: `after ${step}` })
    if (step % 2 === 0) log.log({ epoch, accuracy: step })
  }
  log.close()
}

const brief = (file: string) =>
  readJsonl(file).map(({ step, epoch, accuracy, note }) => note ?? (accuracy === undefined ? step : `epoch ${epoch}`))
const all = [
  1,
  'after 1',
  2,
  'after 2',
  'epoch 1',
  3,
  'after 3',
  4,
  'after 4',
  'epoch 2',
  5,
  'after 5',
  6,
  'after 6',
  'epoch 3',
]

test('a log that is opened again goes on', (t) => {
  const file = join(tempDir(t), 'log.jsonl')
  sixSteps(file)
  assert.deepEqual(brief(file), all)
  const log = new JsonlLogger(file)
  log.log({ step: 7 })
  log.close()
  assert.deepEqual(brief(file), [...all, 7])
})

const resumes: [string, torch.utils.ResumePoint | null, number][] = [
  ['after a step', { step: 3, epoch: 2, nextEpoch: 2 }, 7],
  ['after the last step of an epoch', { step: 4, epoch: 2, nextEpoch: 3 }, 10],
  ['after an epoch, as a manager says it', { epoch: 2, step: undefined, nextEpoch: 3 }, 10],
  ['by the step alone', { step: 4 }, 10],
  ['by the epoch alone', { epoch: 2 }, 10],
  ['within an epoch, which is yet to end', { epoch: 2, nextEpoch: 2 }, 5],
  ['after the end', { step: 6, epoch: 3 }, 15],
  ['from the beginning', null, 0],
]
for (const [name, resume, count] of resumes) {
  test(`a run that resumes ${name} has no line twice`, (t) => {
    const dir = tempDir(t)
    const file = join(dir, 'log.jsonl')
    sixSteps(file)
    new JsonlLogger(file, { resume }).close()
    assert.deepEqual(brief(file), all.slice(0, count))
    new JsonlLogger(file, { resume }).close()
    assert.deepEqual(brief(file), all.slice(0, count), 'resuming twice is resuming once')
    assert.deepEqual(readdirSync(dir), ['log.jsonl'])
  })
}

test('a line that an epoch alone cannot place stops the run before anything is lost', (t) => {
  const file = join(tempDir(t), 'log.jsonl')
  writeFileSync(file, '{"step":1}\n{"epoch":1}\n{"step":2}\n')
  const before = readFileSync(file)
  assert.throws(() => new JsonlLogger(file, { resume: { epoch: 1 } }), {
    code: 'ERR_ARGUMENT',
    message: /a line with step 1 and no epoch.*give resume the step, too/,
  })
  assert.ok(readFileSync(file).equals(before))
  new JsonlLogger(file, { resume: { epoch: 1, step: 1 } }).close()
  assert.deepEqual(readJsonl(file), [{ step: 1 }, { epoch: 1 }])
})

test('a last line that was cut anywhere is taken away; a whole one without its end stays', (t) => {
  const file = join(tempDir(t), 'log.jsonl')
  const lines = ['{"step":1,"loss":0.5}', '{"step":2,"loss":"é ∂"}', '{"step":3,"loss":3}']
  const whole = Buffer.from(`${lines.join('\n')}\n`)
  for (const options of [{}, { resume: { step: 9 } }]) {
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(file, whole.subarray(0, length))
      const text = whole.subarray(0, length).toString()
      const kept = lines.filter((line, i) => text.split('\n')[i] === line)
      assert.equal(readJsonl(file).length, kept.length)
      const log = new JsonlLogger(file, options)
      log.log({ step: 4 })
      log.close()
      assert.equal(readFileSync(file, 'utf8'), `${[...kept, '{"step":4}'].join('\n')}\n`, `cut at ${length}`)
    }
  }
  writeFileSync(file, Buffer.concat([Buffer.from(`${lines[0]}\n`), Buffer.alloc(100)]))
  new JsonlLogger(file).close()
  assert.equal(readFileSync(file, 'utf8'), `${lines[0]}\n`, 'zeros of a power failure')
})

test('a run that is killed again and again ends with every step once', async (t) => {
  const file = join(tempDir(t), 'log.jsonl')
  const code = `
    import * as torch from 'libtorch-node'
    const records = (() => { try { return torch.utils.readJsonl(process.argv[1]) } catch { return [] } })()
    // a checkpoint at every hundredth step
    const step = Math.floor((records.at(-1)?.step ?? 0) / 100) * 100
    const log = new torch.utils.JsonlLogger(process.argv[1], { resume: step === 0 ? null : { step } })
    console.log('ready')
    for (let at = step + 1; at <= 20000; at++) log.log({ step: at, text: 'x'.repeat(at % 500) })
    log.close()`
  const start = () => spawn(process.execPath, ['--input-type=module', '-e', code, file], { cwd: root })
  let kills = 0
  for (let i = 0; i < 4; i++) {
    const run = start()
    await once(run.stdout, 'data')
    await sleep(3 + 9 * i)
    run.kill('SIGKILL')
    if ((await once(run, 'exit'))[1] === 'SIGKILL') kills++
  }
  assert.ok(kills > 0, 'at least one was still writing')
  assert.equal((await once(start(), 'exit'))[0], 0)
  assert.deepEqual(
    readJsonl(file).map(({ step }) => step),
    Array.from({ length: 20000 }, (_, i) => i + 1),
  )
})

test('a line that finds no room leaves no half of it', { skip: process.platform === 'win32' }, (t) => {
  const file = join(tempDir(t), 'log.jsonl')
  const code = `
    import * as torch from 'libtorch-node'
    process.on('SIGXFSZ', () => {})
    const log = new torch.utils.JsonlLogger(process.argv[1])
    let refused
    for (let step = 1; step <= 30 && !refused; step++) {
      try { log.log({ step, text: 'x'.repeat(80) }) } catch (error) { refused = error }
    }
    console.log(refused.code)
    log.log({ last: 1 })`
  const shell = 'ulimit -f 2 && exec "$0" --input-type=module -e "$1" "$2"'
  const run = spawnSync('bash', ['-c', shell, process.execPath, code, file], { cwd: root, encoding: 'utf8' })
  assert.equal(run.stdout, 'EFBIG\n', run.stderr)
  const records = readJsonl(file)
  assert.ok(records.length > 10)
  assert.deepEqual(records.at(-1), { last: 1 })
  assert.deepEqual(
    records.slice(0, -1).map(({ step }) => step),
    Array.from({ length: records.length - 1 }, (_, i) => i + 1),
  )
})

test('Python reads the lines, and its own NaN is read here', (t) => {
  if (!requirePython(t)) return
  const file = join(tempDir(t), 'log.jsonl')
  const log = new JsonlLogger(file)
  log.log({ step: 1, loss: Number.NaN, lr: 1e-7 })
  log.close()
  const program = `
import json, sys
with open(sys.argv[1]) as f: records = [json.loads(line) for line in f]
with open(sys.argv[1], "a") as f: f.write(json.dumps({"step": 2, "loss": float("nan"), "NaN \\\\\\" x": [float("-inf")]}) + "\\n")
print(json.dumps([[r["step"], float(r["loss"]) != float(r["loss"]), r["lr"]] for r in records]))`
  assert.deepEqual(pythonJson(program, [file]), [[1, true, 1e-7]])
  assert.deepEqual(readJsonl(file)[1], { step: 2, loss: Number.NaN, 'NaN \\" x': [Number.NEGATIVE_INFINITY] })
})

test('what is no log stays as it is', (t) => {
  const dir = tempDir(t)
  const others: [string, Buffer][] = [
    ['model.pth', checkpoint(dir)],
    ['notes.txt', Buffer.from('first line\nsecond')],
    ['list.jsonl', Buffer.from('[1, 2]\n{"step": 1}\n')],
    ['tail.jsonl', Buffer.from('{"step": 1}\nnot a record')],
  ]
  for (const [name, bytes] of others) {
    const file = join(dir, name)
    writeFileSync(file, bytes)
    for (const options of [{}, { resume: { step: 0 } }, { resume: null }]) {
      assert.throws(() => new JsonlLogger(file, options), {
        code: 'ERR_ARGUMENT',
        message: /line \d+ is no JSON object/,
      })
    }
    assert.ok(readFileSync(file).equals(bytes), name)
  }
  const broken = join(dir, 'broken.jsonl')
  writeFileSync(broken, '{"step": 1}\n{"step": \n{"step": 3}\n')
  assert.throws(
    () => new JsonlLogger(broken, { resume: { step: 1 } }),
    /broken\.jsonl: line 2 is no JSON object.*"\{\\"step\\": "/,
  )
  assert.throws(() => readJsonl(broken), /line 2/)
  assert.throws(() => readJsonl(join(dir, 'none.jsonl')), { code: 'ENOENT' })
})

function checkpoint(dir: string): Buffer {
  const file = join(dir, 'made.pth')
  torch.saveSync({ w: torch.ones(3) }, file)
  return readFileSync(file)
}

test('mistakes say what was expected', (t) => {
  const file = join(tempDir(t), 'log.jsonl')
  assert.throws(() => new JsonlLogger(''), { code: 'ERR_ARGUMENT', message: /path should be text or a file URL/ })
  assert.throws(
    () => new JsonlLogger(file, { resumes: 1 } as object),
    /unknown option 'resumes'; did you mean 'resume'/,
  )
  assert.throws(() => new JsonlLogger(file, { resume: {} }), /resume should have a step or an epoch.*null begins anew/)
  assert.throws(
    () => new JsonlLogger(file, { resume: { step: '3' } as object }),
    /resume\.step should be a number, but is 3/,
  )
  assert.equal(existsSync(file), false)
  const log = new JsonlLogger(file)
  const circle: Record<string, unknown> = {}
  circle.self = circle
  const refused: [unknown, RegExp][] = [
    [3, /expected an object of names and values, received 3/],
    [[1], /received Array/],
    [{ f: () => 1 }, /f is a function, which JSON does not hold/],
    [{ a: { m: new Map() } }, /a\.m is a Map, which JSON does not hold/],
    [{ big: 2n ** 60n + 1n }, /big is 1152921504606846977, which a number of JSON does not hold; log it as text/],
    [circle, /self contains itself/],
  ]
  for (const [values, message] of refused) {
    assert.throws(() => log.log(values as never), { code: 'ERR_ARGUMENT', message })
  }
  assert.equal(readFileSync(file, 'utf8'), '')
  log.close()
})
