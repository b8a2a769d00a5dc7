import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'

const root = mkdtempSync(join(tmpdir(), 'sharded-'))
after(() => rmSync(root, { recursive: true }))

let made = 0
/** A folder with these files: state dicts to save, or texts. */
function folderOf(files: Record<string, Record<string, torch.Tensor> | string>): string {
  const folder = join(root, String(made++))
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === 'string') writeFileSync(join(folder, name), content)
    else torch.saveSync(content, join(folder, name))
  }
  return folder
}
const index = (map: unknown): string => JSON.stringify({ metadata: { total_size: 8 }, weight_map: map })
const scalar = (value: number): torch.Tensor => torch.tensor([value])
const one = 'model-00001-of-00002.safetensors'
const two = 'model-00002-of-00002.safetensors'

async function refuses(source: string, message: RegExp, code = 'ERR_CHECKPOINT_FORMAT'): Promise<void> {
  const check = (error: torch.CheckpointError): boolean => {
    assert.equal(error.code, code, String(error))
    assert.match(error.message, message)
    return true
  }
  await assert.rejects(torch.load(source), check)
  assert.throws(() => torch.loadSync(source), check)
}

test('safetensors: by the index, by its URL, by the folder', async () => {
  const folder = folderOf({
    [one]: { 'b.weight': scalar(2), 'a.weight': scalar(1) },
    [two]: { '9': scalar(9), __proto__x: scalar(3) },
    'model.safetensors.index.json': index({ 'a.weight': one, __proto__x: two, '9': two, 'b.weight': one }),
  })
  const path = join(folder, 'model.safetensors.index.json')
  for (const source of [path, pathToFileURL(path), folder, `${folder}/`]) {
    for (const loaded of [torch.loadSync(source), await torch.load(source)]) {
      assert.equal(Object.getPrototypeOf(loaded), null)
      assert.deepEqual(Object.keys(loaded), ['9', 'a.weight', '__proto__x', 'b.weight'])
      assert.deepEqual(
        Object.values<torch.Tensor>(loaded).map((t) => t.item()),
        [9, 1, 3, 2],
      )
    }
  }
  assert.equal(torch.loadSync(folder, { mapLocation: 'meta' }).__proto__x.device, 'meta')
})

test('torch files, by the index', async () => {
  const folder = folderOf({
    'pytorch_model-00001-of-00002.bin': { a: scalar(1) },
    'pytorch_model-00002-of-00002.bin': { b: scalar(2) },
    'pytorch_model.bin.index.json': `\n ${index({
      a: 'pytorch_model-00001-of-00002.bin',
      b: 'pytorch_model-00002-of-00002.bin',
    })}\n`,
  })
  const path = join(folder, 'pytorch_model.bin.index.json')
  for (const loaded of [torch.loadSync(path), await torch.load(path, { mapLocation: () => 'cpu' })]) {
    assert.deepEqual(
      Object.entries<torch.Tensor>(loaded).map(([name, t]) => [name, t.item()]),
      [
        ['a', 1],
        ['b', 2],
      ],
    )
  }
})

test('a folder with one file, and one with none', async () => {
  assert.equal(torch.loadSync(folderOf({ 'model.safetensors': { a: scalar(5) } })).a.item(), 5)
  const other = folderOf({ 'pytorch_model.bin': { a: scalar(5) } })
  await refuses(other, /EISDIR/, 'EISDIR')
})

test('what a shard holds beyond its index is not lost; of two the index chooses', () => {
  const folder = folderOf({
    [one]: { a: scalar(1), shared: scalar(10) },
    [two]: { b: scalar(2), shared: scalar(20), extra: scalar(3) },
    'model.safetensors.index.json': index({ a: one, shared: two, b: two }),
  })
  const loaded = torch.loadSync(folder) as Record<string, torch.Tensor>
  assert.deepEqual(
    Object.entries(loaded).map(([name, t]) => `${name}=${t.item()}`),
    ['a=1', 'shared=20', 'b=2', 'extra=3'],
  )
})

test('shards that are links, as the caches of model hubs have', () => {
  const blobs = folderOf({ blob: { a: scalar(7) } })
  const folder = folderOf({ 'model.safetensors.index.json': index({ a: one }) })
  symlinkSync(join(blobs, 'blob'), join(folder, one))
  assert.equal(torch.loadSync(folder).a.item(), 7)
})

test('missing shards are named before any is read', async () => {
  const map = { a: one, b: two, c: 'third.safetensors' }
  const folder = folderOf({ [one]: 'no tensors', 'model.safetensors.index.json': index(map) })
  await refuses(folder, /2 of 3 shards are missing in .*model-00002-of-00002\.safetensors, third\.safetensors/)
})

test('an index names files of its own folder alone', async () => {
  const outside = folderOf({ 'secret.safetensors': { a: scalar(1) } })
  const names = [
    '../0/secret.safetensors',
    `${outside}/secret.safetensors`,
    'x/../../secret.safetensors',
    '..',
    '..\\secret.safetensors',
    'C:\\secret.safetensors',
    'c:secret.safetensors',
    '\\\\host\\share\\secret.safetensors',
    'x\\secret.safetensors',
  ]
  for (const name of names) {
    const folder = folderOf({ 'model.safetensors.index.json': index({ a: name }) })
    await refuses(folder, /not in the folder/)
  }
  for (const name of ['', 'a\0b', 5, null, {}, ['x']]) {
    const folder = folderOf({ 'model.safetensors.index.json': index({ a: name }) })
    await refuses(folder, /no file name/)
  }
  const inside = folderOf({ 'model.safetensors.index.json': index({ a: 'part/x.safetensors' }) })
  mkdirSync(join(inside, 'part'))
  torch.saveSync({ a: scalar(4) }, join(inside, 'part', 'x.safetensors'))
  assert.equal(torch.loadSync(inside).a.item(), 4)
})

test('indexes that are none', async () => {
  const cases: [string, RegExp][] = [
    ['{}', /no weight_map/],
    ['{"architectures":["Net"]}', /no checkpoint, and no index/],
    ['{"weight_map":[]}', /weight_map is no object/],
    ['{"weight_map":null}', /weight_map is no object/],
    ['{"weight_map":{"a":"x","a":"y"}}', /"a" twice/],
    ['{"weight_map":{},"weight_map":{}}', /"weight_map" twice/],
    ['{"weight_map":{"a":"x"', /it ends/],
    ['{"weight_map":{}} x', /more after its end/],
    [`{"x":${'['.repeat(5000)}`, /levels deep/],
    ['{"metadata":NaN,"weight_map":{}}', /not JSON/],
  ]
  for (const [text, message] of cases) {
    await refuses(join(folderOf({ 'x.index.json': text }), 'x.index.json'), message)
  }
  assert.throws(() => torch.loadSync(Buffer.from(index({ a: one }))), /give its path/)
  const itself = folderOf({ 'model.safetensors.index.json': index({ a: 'model.safetensors.index.json' }) })
  await refuses(itself, /itself an index/)
  const folder = folderOf({ 'model.safetensors.index.json': index({ a: 'folder' }) })
  mkdirSync(join(folder, 'folder'))
  writeFileSync(join(folder, 'folder', 'model.safetensors.index.json'), index({ a: '../x' }))
  await refuses(folder, /1 of 1 shards are missing/)
})

test('shards that do not fit their index', async () => {
  const lacking = folderOf({ [one]: { b: scalar(1) }, 'model.safetensors.index.json': index({ a: one }) })
  await refuses(lacking, /model-00001-of-00002.safetensors, record a: the shard has no "a"/)
  const list = folderOf({ 'x.index.json': index({ a: 'x.bin' }) })
  torch.saveSync([scalar(1)], join(list, 'x.bin'))
  await refuses(join(list, 'x.index.json'), /x\.bin: a shard has to hold a dict/)
  const damaged = folderOf({ [one]: '{"not": "an index"}', 'model.safetensors.index.json': index({ a: one }) })
  await refuses(damaged, /itself an index/)
})
