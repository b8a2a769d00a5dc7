// Promise: torch.hub fetches a file once, whole and checked, into the folder that Python uses, and loads it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { models } from 'libtorch-node/vision'
import { fileServer } from './support/file-server.js'
import { bytesOf, cache, environment } from './support/hub.js'
import { proxyServer } from './support/index-server.js'
import { tempDir } from './support/paths.js'
import { python, requirePython } from './support/python.js'

const { hub } = torch

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const stateDict = { weight: torch.arange(6).reshape([2, 3]), bias: torch.ones(2) }
const bytes = bytesOf(stateDict)
const named = `linear-${sha256(bytes).slice(0, 8)}.pth`
const quiet = { progress: false }

test('the folder is chosen by Python’s rules', (t) => {
  environment(t, { TORCH_HOME: undefined, XDG_CACHE_HOME: undefined })
  assert.equal(hub.getDir(), join(process.env.HOME ?? homedir(), '.cache', 'torch', 'hub'))
  process.env.XDG_CACHE_HOME = '/x/cache'
  assert.equal(hub.getDir(), '/x/cache/torch/hub')
  process.env.TORCH_HOME = '~/models'
  assert.equal(hub.getDir(), join(process.env.HOME ?? homedir(), 'models', 'hub'))
  if (!requirePython(t)) return
  const cases = [{ TORCH_HOME: '~/a' }, { TORCH_HOME: '/t', XDG_CACHE_HOME: '/x' }, { XDG_CACHE_HOME: '/x' }]
  const ours = cases.map((values) => {
    environment(t, { TORCH_HOME: undefined, XDG_CACHE_HOME: undefined, ...values })
    return hub.getDir()
  })
  const code = `
import json, os, sys, torch
for values in json.loads(sys.argv[1]):
    for name in ["TORCH_HOME", "XDG_CACHE_HOME"]:
        os.environ.pop(name, None)
    os.environ.update(values)
    print(torch.hub.get_dir())
`
  assert.deepEqual(
    python(code, [JSON.stringify(cases)])
      .trim()
      .split('\n'),
    ours,
  )
})

test('a state dict is downloaded, kept, and loaded without the network the next time', async (t) => {
  const folder = cache(t)
  const server = await fileServer(t, { [named]: bytes })
  const loaded = await hub.loadStateDictFromUrl(server.url + named, { ...quiet, checkHash: true })
  assert.deepEqual(Object.keys(loaded), ['weight', 'bias'])
  assert.ok(torch.equal(loaded.weight, stateDict.weight))
  assert.deepEqual(readdirSync(folder), [named])
  const again = await hub.loadStateDictFromUrl(server.url + named, { ...quiet, mapLocation: 'meta' })
  assert.equal(again.weight.device, 'meta')
  assert.deepEqual(server.requests, [`GET /${named}`])
})

test('modelDir and fileName say where the file goes', async (t) => {
  const modelDir = join(tempDir(t), 'deep', 'er')
  const server = await fileServer(t, { 'x.pth?y=1': bytes })
  const url = `${server.url}x.pth?y=1`
  await hub.loadStateDictFromUrl(url, { ...quiet, modelDir })
  await hub.loadStateDictFromUrl(url, { ...quiet, modelDir, fileName: 'other.pth' })
  assert.deepEqual(readdirSync(modelDir).sort(), ['other.pth', 'x.pth'])
  assert.equal(server.requests.length, 2)
})

test('a wrong hash is an error, and nothing is left', async (t) => {
  const folder = cache(t)
  const server = await fileServer(t, { 'linear-00000000.pth': bytes })
  const url = `${server.url}linear-00000000.pth`
  await assert.rejects(hub.loadStateDictFromUrl(url, { ...quiet, checkHash: true }), (error: torch.DownloadError) => {
    assert.equal(error.code, 'ERR_DOWNLOAD')
    assert.match(error.message, new RegExp(`has the sha256 ${sha256(bytes)}, but its name says 00000000`))
    return true
  })
  assert.deepEqual(readdirSync(folder), [])
  // without checkHash the name means nothing
  assert.ok((await hub.loadStateDictFromUrl(url, quiet)).weight)
})

test('what the server does not have is an error with its status', async (t) => {
  const folder = cache(t)
  const server = await fileServer(t, {})
  await assert.rejects(hub.loadStateDictFromUrl(`${server.url}no.pth`, quiet), (error: torch.DownloadError) => {
    assert.ok(error instanceof torch.DownloadError)
    assert.equal(error.status, 404)
    assert.match(error.message, /no\.pth answered with HTTP status 404/)
    return true
  })
  assert.deepEqual(server.requests, ['GET /no.pth'])
  assert.deepEqual(readdirSync(folder), [])
})

test('a connection that is cut is taken up where it broke', async (t) => {
  cache(t)
  const big = bytesOf({ big: torch.arange(100_000) })
  const server = await fileServer(t, { 'big.pth': big }, (_, response, count) => {
    if (count > 1) return false
    response.writeHead(200, { 'content-length': big.length })
    response.write(big.subarray(0, 200_000))
    // the client has time to put what came on the disk
    setTimeout(() => response.destroy(), 500)
    return true
  })
  const loaded = await hub.loadStateDictFromUrl(`${server.url}big.pth`, quiet)
  assert.ok(torch.equal(loaded.big, torch.arange(100_000)))
  assert.equal(server.requests.length, 2)
  const rest = /^GET \/big\.pth bytes=(\d+)-$/.exec(server.requests[1]!)
  assert.ok(rest && Number(rest[1]) > 0, server.requests[1])
})

test('redirects and proxies', async (t) => {
  cache(t)
  const server = await fileServer(t, { [named]: bytes }, (request, response) => {
    if (request.url !== '/old.pth') return false
    response.writeHead(302, { location: `/${named}` }).end()
    return true
  })
  assert.ok((await hub.loadStateDictFromUrl(`${server.url}old.pth`, quiet)).weight)
  const proxy = await proxyServer(t)
  environment(t, { HTTP_PROXY: proxy.url, http_proxy: proxy.url, NO_PROXY: undefined, no_proxy: undefined })
  assert.ok((await hub.loadStateDictFromUrl(server.url + named, quiet)).weight)
  assert.ok(proxy.seen.length > 0)
})

test('downloadUrlToFile replaces a file only by a whole one', async (t) => {
  const dst = join(tempDir(t), 'file.bin')
  const server = await fileServer(t, { a: Buffer.from('new') })
  writeFileSync(dst, 'old')
  await assert.rejects(hub.downloadUrlToFile(`${server.url}a`, dst, { ...quiet, hashPrefix: '1234' }), {
    code: 'ERR_DOWNLOAD',
  })
  assert.equal(readFileSync(dst, 'utf8'), 'old')
  await hub.downloadUrlToFile(`${server.url}a`, dst, { ...quiet, hashPrefix: sha256(Buffer.from('new')) })
  assert.equal(readFileSync(dst, 'utf8'), 'new')
  assert.deepEqual(readdirSync(join(dst, '..')), ['file.bin'])
})

test('what the file system refuses is its own error, at once', async (t) => {
  const dir = tempDir(t)
  const server = await fileServer(t, { a: Buffer.from('new') })
  writeFileSync(join(dir, 'file'), '')
  const url = `${server.url}a`
  await assert.rejects(hub.downloadUrlToFile(url, join(dir, 'file', 'b'), quiet), { code: /^(ENOTDIR|EEXIST)$/ })
  await assert.rejects(hub.downloadUrlToFile(url, join(dir, 'x'.repeat(300)), quiet), { code: 'ENAMETOOLONG' })
  assert.ok(server.requests.length <= 1)
})

test('wrong arguments', async () => {
  await assert.rejects(hub.loadStateDictFromUrl('x.pth'), { code: 'ERR_ARGUMENT' })
  await assert.rejects(hub.downloadUrlToFile('file:///etc/hosts', '/tmp/x'), /cannot download file: URLs/)
  await assert.rejects(hub.loadStateDictFromUrl('http://x/y', { checkhash: true } as any), /did you mean 'checkHash'/)
  assert.throws(() => hub.setDir(1 as never), { code: 'ERR_ARGUMENT' })
})

test('progress goes to standard error: plain lines where there is no terminal', async (t) => {
  cache(t)
  const server = await fileServer(t, { [named]: bytes })
  const written: string[] = []
  const { write } = process.stderr
  process.stderr.write = ((text: string) => written.push(text) > 0) as never
  try {
    await hub.loadStateDictFromUrl(server.url + named)
  } finally {
    process.stderr.write = write
  }
  assert.match(written.join(''), new RegExp(`^Downloading: "${server.url}${named}" to .*${named}\n$`))
})

test('files of both of Python’s formats, also shared with Python in one folder', async (t) => {
  if (!requirePython(t)) return
  const folder = cache(t)
  const dir = tempDir(t)
  python(
    `
import sys, torch
base = torch.arange(12.).reshape(3, 4)
value = {"base": base, "view": base.t()[1:], "flag": torch.tensor([True, False]), "half": torch.ones(2).bfloat16()}
for name, new in [("zip.pth", True), ("legacy.pth", False)]:
    torch.save(value, f"{sys.argv[1]}/{name}", _use_new_zipfile_serialization=new)
`,
    [dir],
  )
  const files = Object.fromEntries(['zip.pth', 'legacy.pth'].map((name) => [name, readFileSync(join(dir, name))]))
  const server = await fileServer(t, files)
  for (const name of Object.keys(files)) {
    const loaded = await hub.loadStateDictFromUrl(server.url + name, quiet)
    assert.deepEqual(Object.keys(loaded), ['base', 'view', 'flag', 'half'])
    assert.deepEqual(
      loaded.view.tolist(),
      [1, 2, 3].map((i) => [i, i + 4, i + 8]),
    )
    // one storage, as it was saved
    loaded.base.mul_(2)
    assert.equal(loaded.view.tolist()[0][0], 2)
    assert.equal(loaded.half.dtype, 'bfloat16')
    assert.deepEqual(loaded.flag.tolist(), [true, false])
    const sync = torch.loadSync(join(folder, name))
    assert.ok(torch.equal(sync.base, torch.arange(12).reshape([3, 4]).to('float32')))
  }
  assert.equal(
    python(
      'import torch; print(torch.hub.load_state_dict_from_url("http://127.0.0.1:1/legacy.pth")["base"].sum())',
    ).trim(),
    'tensor(66.)',
  )
  const whole = files['legacy.pth']!
  for (const length of [20, 200, whole.length - 1]) {
    const cut = whole.subarray(0, length)
    await assert.rejects(torch.load(cut), { code: 'ERR_CHECKPOINT_FORMAT' }, `${length} bytes`)
  }
  // whatever is wrong in the file is an error of the file, or other numbers
  for (let at = 0; at < whole.length; at++) {
    const other = Buffer.from(whole)
    other[at] = other[at]! ^ (1 << (at % 8))
    try {
      torch.loadSync(other)
    } catch (error) {
      assert.match(
        (error as torch.TorchError).code,
        /^ERR_(CHECKPOINT_(FORMAT|UNSAFE)|DEVICE)$/,
        `byte ${at}: ${error}`,
      )
    }
  }
})

test('a model gets trained weights, loses its head, and trains on', async (t) => {
  const folder = cache(t)
  torch.manualSeed(3)
  const trained = models.squeezenet11()
  const file = 'squeezenet1_1-b8a52dc0.pth'
  const content = bytesOf(trained.stateDict())
  const server = await fileServer(t, { [file]: content })
  const options = { baseUrl: server.url, progress: false }
  // the hash of the table is that of the real file
  await assert.rejects(models.fromPretrained(models.squeezenet11, 'IMAGENET1K_V1', options), /its name says b8a52dc0/)
  assert.throws(() => models.squeezenet11({ weights: 'DEFAULT' }), /await models\.fromPretrained\(models\.squeezenet11/)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, file), content)

  for (const model of [
    await models.fromPretrained(models.squeezenet11, 'DEFAULT', options),
    models.squeezenet11({ weights: 'IMAGENET1K_V1' }),
    models.squeezenet11({ weights: 'SqueezeNet1_1_Weights.DEFAULT' as 'DEFAULT' }),
    models.squeezenet11({ weights: models.getModelWeights('squeezenet1_1').IMAGENET1K_V1 }),
    models.squeezenet11({ weights: trained.stateDict() }),
  ]) {
    const expected = trained.stateDict() as Record<string, torch.Tensor>
    for (const [key, tensor] of Object.entries(model.stateDict())) assert.ok(torch.equal(tensor, expected[key]!), key)
  }
  assert.throws(
    () => models.squeezenet11({ weights: 'DEFAULT', numClasses: 10 }),
    /The parameter 'num_classes' expected value 1000 but got 10 instead\./,
  )
  assert.throws(() => models.squeezenet11({ weights: 'IMAGENET1K_V2' as 'DEFAULT' }), /did you mean 'IMAGENET1K_V1'/)
  assert.throws(() => models.resnext50_32x4d({ groups: 3 }), /'groups' expected value 32 but got 3 instead/)
  await assert.rejects(models.fromPretrained((() => 1) as never), /expected a function of torchvision\.models/)

  const model = await models.fromPretrained(models.squeezenet11, 'DEFAULT', options)
  model.requiresGrad_(false)
  model.setSubmodule('classifier.1', new torch.nn.Conv2d(512, 2, 1))
  assert.equal(model.parameters().filter((parameter) => parameter.requiresGrad).length, 2)
  const optimizer = new torch.optim.SGD(
    model.parameters().filter((parameter) => parameter.requiresGrad),
    { lr: 0.05 },
  )
  const frozen = model.getParameter('features.0.weight').clone()
  const images = torch.randn(4, 3, 32, 32)
  const labels = torch.tensor([0, 1, 0, 1], { dtype: 'int64' })
  const losses = Array.from({ length: 8 }, () => {
    optimizer.zeroGrad()
    const loss = torch.F.crossEntropy(model.eval().forward(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item() as number
  })
  assert.ok(losses[7]! < losses[0]! - 1e-4, losses.join(' '))
  assert.ok(torch.equal(model.getParameter('features.0.weight'), frozen))
  assert.ok(existsSync(join(folder, file)))
  assert.equal(server.requests.length, 1)
})
