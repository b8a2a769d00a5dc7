import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'
import { root } from '../support/paths.js'

const folder = mkdtempSync(join(tmpdir(), 'save-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string): string => join(folder, name)
const again = (value: unknown): any => {
  torch.saveSync(value, file('again.pt'))
  return torch.loadSync(file('again.pt'))
}

test('what is saved is loaded again', () => {
  assert.deepEqual(
    { ...again({ a: 1, b: [1.5, null, undefined, true, 'x'], c: 2n ** 70n }) },
    { a: 1, b: [1.5, null, null, true, 'x'], c: 2n ** 70n },
  )
  assert.deepEqual(
    again(
      new Map<unknown, unknown>([
        [1, 'a'],
        ['b', 2n],
      ]),
    ),
    new Map<unknown, unknown>([
      [1, 'a'],
      ['b', 2],
    ]),
  )
  assert.deepEqual(again(new Set([1, 'a'])), new Set([1, 'a']))
  assert.deepEqual(again(new Uint8Array([1, 2])), new Uint8Array([1, 2]))
  assert.deepEqual(again(torch.Tuple.of<unknown>(1, torch.Tuple.of())), torch.Tuple.of<unknown>(1, torch.Tuple.of()))
  assert.ok(again(torch.Size.from([2, 3])) instanceof torch.Size)
  assert.equal(again(torch.pyFloat(1)), 1)
  assert.equal(again('\ud800'), '\ud800')
  const recursive: unknown[] = []
  recursive.push(recursive)
  const loop = again(recursive)
  assert.equal(loop[0], loop)
  let deep: unknown[] = []
  for (let i = 0; i < 900; i++) deep = [deep]
  assert.equal(JSON.stringify(again(deep)), JSON.stringify(deep))
})

test('a storage is written once, views and identity are kept', () => {
  const x = torch.arange(1000).float()
  const loaded = again({ x, same: x, part: x.index('10:20'), turned: x.reshape([10, 100]).t() })
  assert.equal(loaded.x, loaded.same)
  loaded.x.fill_(7)
  assert.equal(loaded.part.index(0).item(), 7)
  assert.deepEqual([...loaded.turned.stride()], [1, 100])
  assert.ok(statSync(file('again.pt')).size < 7000)
})

test('Parameters, Buffers, gradients and dtypes come back as they were', () => {
  const loaded = again({
    p: new torch.nn.Parameter(torch.ones(2)),
    frozen: new torch.nn.Parameter(torch.ones(2), { requiresGrad: false }),
    b: new torch.nn.Buffer(torch.ones(2), { persistent: false }),
    g: torch.ones(2, { requiresGrad: true }),
    h: torch.ones(2, { dtype: 'bfloat16' }),
    e: torch.ones([0, 3]),
  })
  assert.ok(loaded.p instanceof torch.nn.Parameter && loaded.p.requiresGrad)
  assert.ok(loaded.frozen instanceof torch.nn.Parameter && !loaded.frozen.requiresGrad)
  assert.ok(loaded.b instanceof torch.nn.Buffer && !loaded.b.persistent)
  assert.ok(loaded.g.requiresGrad && loaded.g.isLeaf)
  assert.equal(loaded.h.dtype, 'bfloat16')
  assert.deepEqual([...loaded.e.shape], [0, 3])
})

test('what cannot be saved is refused, with the place where it is', async () => {
  class Thing {}
  const cases: [unknown, RegExp][] = [
    [{ a: [() => 1] }, /at \["a"\]\[0\]: a function/],
    [{ s: Symbol('x') }, /a symbol/],
    [{ t: new Thing() }, /an instance of Thing/],
    [{ f: new Float32Array(2) }, /Float32Array.*make a tensor/],
    [new torch.nn.Linear(2, 3), /stateDict\(\)/],
    [{ p: Promise.resolve(1) }, /await it first/],
    [new Date(), /Date/],
  ]
  writeFileSync(file('kept.pt'), 'old')
  for (const [value, message] of cases) {
    assert.throws(() => torch.saveSync(value, file('kept.pt')), { code: 'ERR_ARGUMENT', message })
    await assert.rejects(torch.save(value, file('kept.pt')), { code: 'ERR_ARGUMENT', message })
  }
  const shared = torch.zeros(4)
  assert.throws(
    () => torch.saveSync([shared, shared.view('int32')], file('kept.pt')),
    /view the same data as different types/,
  )
  assert.equal(readFileSync(file('kept.pt'), 'utf8'), 'old')
  assert.throws(() => torch.saveSync(1, file('x.pt'), { fromat: 'pytorch' } as any), {
    code: 'ERR_ARGUMENT',
    message: /'format'/,
  })
  const wrong: [object | null | string, RegExp][] = [
    [{ format: 'legcy' }, /format "legcy" cannot be written; 'pytorch', 'legacy'.*did you mean 'legacy'\?/],
    [{ format: 7 }, /format 7 cannot be written/],
    [{ compact: 1 }, /compact has to be true or false, not 1/],
    [{ compcat: true }, /no option 'compcat'; did you mean 'compact'\?/],
    [{ format: 'legacy', metadata: {} }, /only the safetensors format has metadata/],
    ['legacy', /options have to be an object such as \{ format: 'legacy' \}, not legacy/],
    [null, /options have to be an object/],
  ]
  for (const [options, message] of wrong) {
    assert.throws(() => torch.saveSync(1, file('x.pt'), options as any), { code: 'ERR_ARGUMENT', message })
    await assert.rejects(torch.save(1, file('x.pt'), options as any), { code: 'ERR_ARGUMENT', message })
  }
  assert.throws(() => torch.saveSync(1, file('x.safetensors'), { format: 'legacy' }), /in that format alone/)
  assert.throws(() => torch.saveSync(1, 7 as any), { code: 'ERR_ARGUMENT' })
})

test('what was loaded is written as it was read, also where it was changed', () => {
  const path = file('kinds.pt')
  torch.saveSync({ '10': 1, '9': 2, lr: torch.pyFloat(1), steps: 3, list: [torch.pyFloat(2), 'x'] }, path)
  const loaded = torch.loadSync(path)
  loaded.lr = 4
  loaded.steps = 5
  loaded.added = 6
  delete loaded['10']
  const python = again(loaded)
  assert.deepEqual(Object.keys(python), ['9', 'lr', 'steps', 'list', 'added'])
  const pickle = readFileSync(file('again.pt')).toString('latin1')
  // each key is followed by BINPUT and its index
  const after = (key: string): string => pickle.slice(pickle.indexOf(key) + key.length + 2).slice(0, 9)
  assert.equal(after('lr'), 'G@\u0010\0\0\0\0\0\0')
  assert.equal(after('steps').slice(0, 2), 'K\u0005')
  assert.equal(after('added').slice(0, 2), 'K\u0006')
})

test('a URL and a link as target; the mode is that of the umask; nothing else is left in the folder', async () => {
  const inside = file('folder')
  mkdirSync(inside)
  await torch.save(1, pathToFileURL(join(inside, 'ä b.pt')))
  assert.equal(torch.loadSync(join(inside, 'ä b.pt')), 1)
  symlinkSync(join(inside, 'ä b.pt'), join(inside, 'link.pt'))
  torch.saveSync(2, join(inside, 'link.pt'))
  assert.equal(torch.loadSync(join(inside, 'ä b.pt')), 2)
  assert.equal(statSync(join(inside, 'ä b.pt')).mode & 0o777, 0o666 & ~process.umask())
  assert.deepEqual(readdirSync(inside).sort(), ['link.pt', 'ä b.pt'].sort())
})

test('a failed save is ERR_CHECKPOINT_WRITE with the cause of the system', async () => {
  const check = (code: string) => (error: any) => {
    assert.equal(error.code, 'ERR_CHECKPOINT_WRITE', String(error))
    assert.equal(error.cause.code, code)
    return true
  }
  assert.throws(() => torch.saveSync(1, file('no/such/folder.pt')), check('ENOENT'))
  await assert.rejects(torch.save(1, file('no/such/folder.pt')), check('ENOENT'))
  mkdirSync(file('directory.pt'))
  assert.throws(() => torch.saveSync(1, file('directory.pt')), check('EISDIR'))
  if (process.getuid?.() === 0) return
  mkdirSync(file('locked'))
  chmodSync(file('locked'), 0o555)
  assert.throws(() => torch.saveSync(1, file('locked/a.pt')), check('EACCES'))
})

const childProgram = (body: string): string[] => [
  '--input-type=module',
  '-e',
  `import * as torch from '${pathToFileURL(join(root, 'dist', 'index.js'))}'
   const path = ${JSON.stringify(file('victim.pt'))}
   ${body}`,
]

test('a full disk leaves the old file and no other', () => {
  torch.saveSync({ generation: 0 }, file('victim.pt'))
  for (const save of ['torch.saveSync', 'await torch.save']) {
    const program = `try {
      ${save}({ generation: 1, x: torch.zeros(4_000_000) }, path)
      console.log('saved')
    } catch (error) {
      console.log(error.code, error.cause.code)
    }`
    // bash counts in units of 1,024 bytes
    const run = spawnSync(
      'bash',
      ['-c', 'ulimit -f 4000; exec "$@"', 'bash', process.execPath, ...childProgram(program)],
      {
        encoding: 'utf8',
      },
    )
    assert.equal(run.stdout, 'ERR_CHECKPOINT_WRITE EFBIG\n', run.stderr)
    assert.equal(torch.loadSync(file('victim.pt')).generation, 0)
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith('.tmp')),
      [],
    )
  }
})

test('killed at any moment, the file is an old or a new one, never half of one', async () => {
  const path = file('victim.pt')
  torch.saveSync({ generation: 0, x: torch.zeros(500_000) }, path)
  const program = `for (let generation = 1; ; generation++) {
    const data = { generation, x: torch.full([500_000], generation) }
    if (generation % 2) torch.saveSync(data, path)
    else await torch.save(data, path)
    if (generation === 1) console.log('ready')
  }`
  let newest = 0
  for (let i = 0; i < 8; i++) {
    const run = spawn(process.execPath, childProgram(program), { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => run.stdout.once('data', resolve))
    await new Promise((resolve) => setTimeout(resolve, 3 + i * 11))
    const ended = new Promise((resolve) => run.once('exit', resolve))
    run.kill('SIGKILL')
    await ended
    const { generation, x } = torch.loadSync(path)
    assert.ok(torch.equal(x, torch.full([500_000], generation)))
    newest = Math.max(newest, generation)
  }
  assert.ok(newest > 1)
})

test('concurrent saves of one path do not mix', async () => {
  const path = file('contended.pt')
  await Promise.all(Array.from({ length: 8 }, (_, i) => torch.save({ i, x: torch.full([100_000], i) }, path)))
  const { i, x } = torch.loadSync(path)
  assert.ok(torch.equal(x, torch.full([100_000], i)))
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('contended')),
    ['contended.pt'],
  )
})
