/** Signals that a synchronous loop asks about. Each case is a process that signals end. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root } from '../support/paths.js'

const binding = JSON.stringify(pathToFileURL(`${root}/dist/binding.js`).href)

function run(lines: string) {
  const program = `import 'libtorch-node'
    import { native } from ${binding}
    const binding = native()
    const SIGTERM = 15, SIGUSR2 = 12
    const until = (what) => { const end = Date.now() + 5000; while (!what() && Date.now() < end); }
    ${lines}`
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { status, signal, stdout: stdout.trim(), stderr }
}

test('the first signal is seen inside a synchronous loop, and does not end the process', () => {
  const result = run(`
    binding.watchSignals([SIGTERM, SIGUSR2])
    console.log(binding.pendingSignal())
    process.kill(process.pid, 'SIGTERM')
    until(() => binding.pendingSignal())
    console.log(binding.pendingSignal())`)
  assert.deepEqual({ status: result.status, stdout: result.stdout }, { status: 0, stdout: '0\n15' }, result.stderr)
})

test('the second one ends it', () => {
  const result = run(`
    binding.watchSignals([SIGTERM])
    process.kill(process.pid, 'SIGTERM')
    until(() => binding.pendingSignal())
    console.log('first')
    process.kill(process.pid, 'SIGTERM')
    until(() => false)
    console.log('never')`)
  assert.deepEqual({ signal: result.signal, stdout: result.stdout }, { signal: 'SIGTERM', stdout: 'first' })
})

test("Node's own handler still runs, when the loop lets it", () => {
  const result = run(`
    process.on('SIGTERM', () => { console.log('handler'); clearInterval(alive) })
    const alive = setInterval(() => {}, 1000)
    binding.watchSignals([SIGTERM])
    process.kill(process.pid, 'SIGTERM')
    until(() => binding.pendingSignal())
    console.log(binding.pendingSignal())`)
  assert.deepEqual(
    { status: result.status, stdout: result.stdout },
    { status: 0, stdout: '15\nhandler' },
    result.stderr,
  )
})

test('when the last watch ends the signal does what it did before', () => {
  const result = run(`
    binding.watchSignals([SIGTERM])
    binding.watchSignals([SIGTERM])
    binding.unwatchSignals([SIGTERM])
    process.kill(process.pid, 'SIGTERM')
    until(() => binding.pendingSignal())
    console.log(binding.pendingSignal())
    binding.unwatchSignals([SIGTERM])
    console.log(binding.pendingSignal())
    process.kill(process.pid, 'SIGTERM')
    until(() => false)`)
  assert.deepEqual({ signal: result.signal, stdout: result.stdout }, { signal: 'SIGTERM', stdout: '15\n0' })
})

test('signals that nobody can take are refused', () => {
  const result = run(`
    for (const number of [0, -1, 9, 19, 65, 1000]) {
      try { binding.watchSignals([number]); console.log('taken') } catch (error) { console.log(error.code) }
    }`)
  assert.equal(result.stdout, Array(6).fill('ERR_ARGUMENT').join('\n'))
})
