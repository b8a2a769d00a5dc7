// A save of a safetensors file that is killed, or finds the disk full: the file is the old or the new one.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'
import { root } from '../support/paths.js'

const folder = mkdtempSync(join(tmpdir(), 'safetensors-crash-'))
after(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'victim.safetensors')

function childProgram(body: string): string[] {
  const library = JSON.stringify(pathToFileURL(join(root, 'dist', 'index.js')))
  const program = `import * as torch from ${library}\nconst path = ${JSON.stringify(path)}\n${body}`
  return ['--input-type=module', '-e', program]
}

test('a full disk leaves the old file', () => {
  for (const call of ['torch.saveSync', 'await torch.save']) {
    torch.saveSync({ generation: torch.tensor([0]) }, path)
    const program = `try {
      ${call}({ generation: torch.tensor([1]), x: torch.zeros([3_000_000]) }, path)
    } catch (error) {
      console.log(error.code, error.cause.code)
    }`
    // bash counts in units of 1,024 bytes
    const run = spawnSync(
      'bash',
      ['-c', 'ulimit -f 4000; exec "$@"', 'bash', process.execPath, ...childProgram(program)],
      { encoding: 'utf8' },
    )
    assert.equal(run.stdout, 'ERR_CHECKPOINT_WRITE EFBIG\n', run.stderr)
    assert.equal(torch.loadSync(path).generation.item(), 0)
    assert.deepEqual(readdirSync(folder), ['victim.safetensors'])
  }
})

test('killed at any moment, the file is an old or a new one', async () => {
  torch.saveSync({ generation: torch.tensor([0]), x: torch.zeros([500_000]) }, path)
  const program = `for (let generation = 1; ; generation++) {
    const data = { generation: torch.tensor([generation]), x: torch.full([500_000], generation) }
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
    const loaded = torch.loadSync(path)
    const generation = loaded.generation.item() as number
    assert.ok(torch.equal(loaded.x, torch.full([500_000], generation)))
    newest = Math.max(newest, generation)
  }
  assert.ok(newest > 1)
})
