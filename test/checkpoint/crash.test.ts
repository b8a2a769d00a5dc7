/** Runs that are killed, stopped, and out of room: they resume, and end in the same bytes as a run that was left alone. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'
import { child } from '../support/child.js'
import { buildDir } from '../support/paths.js'

const top = mkdtempSync(join(tmpdir(), 'checkpoints-'))
after(() => rmSync(top, { recursive: true, force: true }))
const program = join(buildDir, 'test', 'checkpoint', 'run.js')
const epochs = '30'

/** A run that is left alone; the digest at its end. */
function finished(folder: string, layout: string, last = epochs, options = '{}'): string {
  const { stdout, stderr, status } = child(program, [folder, layout, last, options])
  assert.equal(status, 0, stderr)
  return /^digest (\w+)$/m.exec(stdout)![1]!
}

interface Running {
  process: ChildProcess
  printed: () => string
  ended: Promise<NodeJS.Signals | null>
}
function started(args: string[]): Running {
  const run = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  run.stdout!.on('data', (text) => {
    printed += text
  })
  return {
    process: run,
    printed: () => printed,
    ended: new Promise((resolve) => run.once('exit', (_, signal) => resolve(signal))),
  }
}
async function until(run: Running, condition: () => boolean): Promise<boolean> {
  let over = false
  run.ended.then(() => {
    over = true
  })
  while (!over) {
    // looked at many times between two looks of the event loop, so that moments are met that are short
    for (let i = 0; i < 200; i++) if (condition()) return true
    await new Promise((resolve) => setImmediate(resolve))
  }
  return false
}

/** Every file that a resume could take is whole, but for temporary ones. */
function checkFolder(folder: string, layout: 'single' | 'split'): void {
  const manager = new torch.CheckpointManager(folder, { layout, lock: false, best: { metric: 'loss', mode: 'min' } })
  const list = manager.list({ verify: 'crc' })
  assert.deepEqual(
    list.flatMap(({ damaged }) => damaged ?? []),
    [],
  )
  assert.ok(manager.latest() === null || manager.latest()!.latest)
}

const has = (folder: string, pattern: RegExp) => (): boolean =>
  existsSync(folder) && readdirSync(folder).some((name) => pattern.test(name))

test('kill -9, 30 times, at random and at every step of a commit: it resumes, and ends in the same bytes', async (t) => {
  for (const layout of ['single', 'split'] as const) {
    const wanted = finished(join(top, `whole-${layout}`), layout)
    const folder = join(top, `killed-${layout}`)
    const manifest = join(folder, 'checkpoints.json')
    const read = (): string => (existsSync(manifest) ? readFileSync(manifest, 'utf8') : '')
    const newest = (): string =>
      readdirSync(folder)
        .filter((name) => /^checkpoint_epoch_\d+\.pth$/.test(name))
        .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
        .at(-1) ?? ''
    const met: Record<string, number> = {}
    for (let i = 0; i < 15; i++) {
      const run = started([folder, layout, epochs])
      const boundaries: [string, () => boolean][] = [
        ['a temporary file is there', has(folder, /^\..*_epoch_.*\.tmp$/)],
        [
          'the file is there, the manifest does not name it',
          () => existsSync(folder) && newest() !== '' && !read().includes(newest()),
        ],
        ['the manifest is being written', has(folder, /^\.checkpoints\.json\..*tmp$/)],
        ['the best one is being linked', has(folder, /^\.best\.pth\..*tmp$/)],
        [
          'the manifest is there, old files are not gone',
          () => existsSync(folder) && readdirSync(folder).filter((name) => /^checkpoint_epoch/.test(name)).length > 4,
        ],
      ]
      const boundary = i % 3 === 2 ? undefined : boundaries[(i - Math.floor(i / 3)) % boundaries.length]!
      if (boundary) {
        // some saves from the beginning first
        await until(run, () => (run.printed().match(/^saved/gm)?.length ?? 0) >= 1)
        if (await until(run, boundary[1])) met[boundary[0]] = (met[boundary[0]] ?? 0) + 1
      } else {
        await until(run, () => /^begins/m.test(run.printed()))
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 80))
      }
      run.process.kill('SIGKILL')
      const signal = await run.ended
      checkFolder(folder, layout)
      if (signal !== 'SIGKILL') {
        // it was faster: the next one has to begin anew
        assert.match(run.printed(), new RegExp(`^digest ${wanted}$`, 'm'))
        rmSync(folder, { recursive: true })
        continue
      }
      // what was said to be saved before the one on its way is there
      const told = [...run.printed().matchAll(/^saved (\d+)/gm)].map(([, epoch]) => Number(epoch))
      const latest = new torch.CheckpointManager(folder, { lock: false }).latest()?.epoch ?? -1
      assert.ok(latest >= (told.at(-2) ?? -1), `told ${told}, found ${latest}`)
    }
    t.diagnostic(`${layout}: ${JSON.stringify(met)}`)
    assert.ok(Object.keys(met).length >= 2, 'the kills met different steps of a commit')
    assert.equal(finished(folder, layout), wanted)
    assert.ok(!readdirSync(folder).some((name) => name.endsWith('.tmp')), 'dead temporary files were swept')
  }
})

test('SIGTERM inside of a synchronous loop: it is saved, the loop ends, and the run goes on later', async () => {
  const wanted = finished(join(top, 'whole-term'), 'single')
  const folder = join(top, 'term')
  const options = JSON.stringify({ every: 1000, signals: true })
  const run = started([folder, 'single', '100000', options])
  await until(run, () => /^begins/m.test(run.printed()))
  await new Promise((resolve) => setTimeout(resolve, 50))
  run.process.kill('SIGTERM')
  assert.equal(await run.ended, null)
  const [, stopped] = /^saved (\d+) signal\nstopped \1\ndigest \w+\nclosed$/m.exec(run.printed()) ?? []
  assert.ok(stopped, run.printed())
  assert.equal(new torch.CheckpointManager(folder).latest()?.epoch, Number(stopped))
  // an uninterrupted run of as many epochs has the same bytes
  const [, digest] = /^digest (\w+)$/m.exec(run.printed())!
  assert.equal(finished(join(top, 'term-whole'), 'single', String(Number(stopped) + 1)), digest)
  assert.equal(finished(join(top, 'term-again'), 'single'), wanted)
})

test('a second signal ends the process at once', async () => {
  const code = `
    import * as torch from 'libtorch-node'
    const m = new torch.CheckpointManager(process.argv[1], { signals: ['SIGTERM'] })
    console.log('ready')
    while (true) if (m.shouldStop) break
    console.log('stop')
    while (true);`
  const run = spawn(process.execPath, ['--input-type=module', '-e', code, join(top, 'second')], { cwd: buildDir })
  let printed = ''
  run.stdout.on('data', (text) => {
    printed += text
  })
  const ended = new Promise((resolve) => run.once('exit', (_, signal) => resolve(signal)))
  const wait = async (text: string) => {
    while (!printed.includes(text)) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await wait('ready')
  run.kill('SIGTERM')
  await wait('stop')
  run.kill('SIGTERM')
  assert.equal(await ended, 'SIGTERM')
})

test('another process in the same folder is told which one has it', async () => {
  const folder = join(top, 'shared')
  const run = started([folder, 'single', '100000'])
  await until(run, has(folder, /^checkpoints.json$/))
  const manager = new torch.CheckpointManager(folder)
  assert.throws(
    () => manager.resume({}),
    (error: torch.CheckpointError) => {
      assert.equal(error.code, 'ERR_CHECKPOINT_LOCKED')
      assert.match(error.message, new RegExp(`process ${run.process.pid} on \\S+ \\(run [-\\w]+, since`))
      return true
    },
  )
  // looking is allowed
  assert.ok(manager.list().length > 0)
  run.process.kill('SIGKILL')
  await run.ended
  // the system freed the lock
  assert.ok(manager.resume({})!.epoch >= 0)
  await manager.close()
})

test('a full disk in the middle of a save: what was there stays, and nothing else', () => {
  const folder = join(top, 'full')
  finished(folder, 'single', '3')
  // the lock's file still has the name of the one that failed
  const content = () =>
    readdirSync(folder)
      .filter((name) => !name.endsWith('.lock'))
      .map((name) => [name, statSync(join(folder, name)).size])
  const before = content()
  // bash counts in units of 1,024 bytes; the ballast alone has 1.2 MB
  const shell = ['-c', 'ulimit -f 600; exec "$@"', 'bash', process.execPath, program, folder, 'single', '6']
  const run = spawnSync('bash', shell, { encoding: 'utf8' })
  assert.notEqual(run.status, 0)
  assert.match(run.stderr, /ERR_CHECKPOINT_WRITE/)
  assert.match(run.stderr, /EFBIG/)
  assert.deepEqual(content(), before)
  checkFolder(folder, 'single')
  assert.equal(finished(folder, 'single'), finished(join(top, 'full-whole'), 'single'))
})
