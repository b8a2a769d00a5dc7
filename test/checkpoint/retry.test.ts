/** Errors that may pass: a save is tried again, in a loop that never awaits as well. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'
import { root } from '../support/paths.js'

// the very addon of the package, whose commits are made to fail
const { native } = await import(pathToFileURL(join(root, 'dist', 'binding.js')).href)

const folder = mkdtempSync(join(tmpdir(), 'checkpoints-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Lets the next commits fail with errors of the system, as a network drive does; says how many were begun. */
function failing(...errors: string[]): () => number {
  const binding = native()
  const { startCommit, waitCommit, commitOver } = binding
  let begun = 0
  const failed = new Map<object, Error>()
  binding.startCommit = (files: { writer: unknown; temporary: string }[], rest: unknown) => {
    begun++
    const message = errors.shift()
    if (message === undefined) return startCommit(files, rest)
    for (const { writer, temporary } of files) {
      binding.abortWriter(writer)
      rmSync(temporary)
    }
    const error = new torch.CheckpointError('ERR_CHECKPOINT_WRITE', message)
    const commit = {}
    failed.set(commit, error)
    return { commit, done: Promise.reject(error) }
  }
  const known =
    <T>(call: (commit: any) => T) =>
    (commit: object): T => {
      if (failed.has(commit)) throw failed.get(commit)
      return call(commit)
    }
  binding.waitCommit = known(waitCommit)
  binding.commitOver = known(commitOver)
  after(() => Object.assign(binding, { startCommit, waitCommit, commitOver }))
  return () => begun
}

const model = new torch.nn.Linear(2, 2)
const io = 'EIO: Input/output error, write'
const stale = 'ESTALE: Stale file handle, fsync'

test('after two passing errors the third attempt succeeds', async () => {
  for (const how of ['save', 'saveSync', 'maybeSave'] as const) {
    const begun = failing(io, stale)
    const manager = new torch.CheckpointManager(join(folder, how), { retries: 2 })
    await manager[how]({ epoch: 0, model })
    // the next call of a loop that never awaits waits for the attempts of the one before
    if (how === 'maybeSave') manager.maybeSave({ epoch: 1, model })
    await manager.flush()
    assert.equal(begun(), how === 'maybeSave' ? 4 : 3)
    assert.deepEqual(
      new torch.CheckpointManager(join(folder, how)).list({ verify: true }).map(({ damaged }) => damaged),
      how === 'maybeSave' ? [undefined, undefined] : [undefined],
    )
    await manager.close()
  }
})

test('it gives up after its attempts, and at once for an error that stays', async () => {
  const manager = new torch.CheckpointManager(join(folder, 'never'), { retries: 1 })
  let begun = failing(io, io, io)
  await assert.rejects(manager.save({ epoch: 0, model }), /EIO: .*\(tried 2 times\)/)
  assert.equal(begun(), 2)
  // told once more, and then over
  await assert.rejects(manager.flush(), { code: 'ERR_CHECKPOINT_WRITE' })
  begun = failing('ENOSPC: No space left on device, write')
  assert.throws(
    () => manager.saveSync({ epoch: 0, model }),
    (error: any) => error.cause.code === 'ENOSPC',
  )
  assert.equal(begun(), 1)
  assert.deepEqual(readdirSync(join(folder, 'never')), ['.checkpoints.lock'])
  await manager.close().catch(() => {})
})
