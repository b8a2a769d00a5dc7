/** `maxShardSize`: a model in several safetensors files. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'
import { root as repository } from '../support/paths.js'

const root = mkdtempSync(join(tmpdir(), 'sharding-'))
after(() => rmSync(root, { recursive: true }))
let made = 0
function folder(): string {
  const path = join(root, String(made++))
  mkdirSync(path)
  return path
}

const model: Record<string, torch.Tensor> = {}
for (const [i, size] of [100, 300, 50, 1000, 20, 0, 400, 10].entries())
  model[`l${i}.weight`] = torch.arange(size).float()
model['é.x'] = torch.zeros(3)
const metadata = { format: 'pt' }

// what save_torch_state_dict(model, folder, max_shard_size='2KB') of huggingface_hub 2.4.0 wrote
const digests = {
  'model-00001-of-00003.safetensors': '5e0c6b237d0be882bead956a96a22df532b60f7fc785ea16f352e2e2608c8cb4',
  'model-00002-of-00003.safetensors': '02f2df2d978981e2e44662313e0228de87c6c297d84a665fdcdd8c8e0b0fafe2',
  'model-00003-of-00003.safetensors': 'e984a2a3b92d98193e4a0757a39e208a7ac7e6a09b17bdb3a02b8f4c2096092c',
  'model.safetensors.index.json': 'e05a5db4e865583a24af82496df591e5a7df8c51ad56c159d768b4cd063dc16b',
}

test('shards and index have the bytes of huggingface_hub, and load again', async () => {
  for (const how of ['sync', 'async']) {
    const where = folder()
    const options = { maxShardSize: '2KB', metadata }
    if (how === 'sync') torch.saveSync(model, join(where, 'model.safetensors'), options)
    else await torch.save(model, join(where, 'model.safetensors'), options)
    const found = readdirSync(where).map((name) => {
      const content = readFileSync(join(where, name))
      return [name, createHash('sha256').update(content).digest('hex')]
    })
    assert.deepEqual(Object.fromEntries(found), digests)
    const loaded = torch.loadSync(where)
    assert.deepEqual(Object.keys(loaded).toSorted(), Object.keys(model).toSorted())
    for (const [name, tensor] of Object.entries(model)) assert.ok(torch.equal(loaded[name], tensor))
  }
})

test('a model that fits is one file, without an index', () => {
  const where = folder()
  torch.saveSync(model, join(where, 'model.safetensors'), { maxShardSize: '5GB', metadata })
  assert.deepEqual(readdirSync(where), ['model.safetensors'])
})

test('shards of another save are not mixed with those of this one', () => {
  const where = folder()
  const path = join(where, 'model.safetensors')
  torch.saveSync(model, path, { maxShardSize: 2000 })
  const before = readdirSync(where).map((name) => readFileSync(join(where, name)))
  assert.throws(() => torch.saveSync(model, path, { maxShardSize: 2000 }), {
    code: 'ERR_CHECKPOINT_WRITE',
    message: /00001-of-00003.*remove it, or choose another name or folder/,
  })
  assert.deepEqual(
    readdirSync(where).map((name) => readFileSync(join(where, name))),
    before,
  )
})

test('a full disk at a later shard leaves none of them', () => {
  for (const call of ['torch.saveSync', 'await torch.save']) {
    const where = folder()
    const library = JSON.stringify(pathToFileURL(join(repository, 'dist', 'index.js')))
    const program = `import * as torch from ${library}
      const model = { a: torch.zeros(2000), b: torch.zeros(3000), large: torch.zeros(2_000_000) }
      try { ${call}(model, ${JSON.stringify(join(where, 'm.safetensors'))}, { maxShardSize: '10KB' }) }
      catch (error) { console.log(error.code, error.cause.code) }`
    const command = ['-c', 'ulimit -f 4000; exec "$@"', 'bash', process.execPath, '--input-type=module', '-e', program]
    const run = spawnSync('bash', command, { encoding: 'utf8' })
    assert.equal(run.stdout, 'ERR_CHECKPOINT_WRITE EFBIG\n', run.stderr)
    assert.deepEqual(readdirSync(where), [])
  }
})

test('what is no size, and a format without shards', () => {
  for (const maxShardSize of ['5 apples', 'GB', 0, -1, Number.NaN, null, '']) {
    assert.throws(() => torch.saveSync(model, join(root, 'x.safetensors'), { maxShardSize } as object), {
      code: 'ERR_ARGUMENT',
      message: /maxShardSize has to be a number of bytes or a text such as '5GB'/,
    })
  }
  assert.throws(() => torch.saveSync(model, join(root, 'x.pt'), { maxShardSize: '1GB' }), /only the safetensors format/)
  assert.throws(
    () => torch.saveSync(model, join(root, 'x.safetensors'), { maxShardsize: 1 } as object),
    /did you mean 'maxShardSize'/,
  )
})
