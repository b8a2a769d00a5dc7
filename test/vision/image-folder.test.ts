import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as torch from 'libtorch-node'
import { datasets, transforms } from 'libtorch-node/vision'
import sharp from 'sharp'
import { child } from '../support/child.js'
import { tempDir } from '../support/paths.js'
import { pythonJson, requirePython } from '../support/python.js'

/** A picture whose pixel (y, x) has the channels 10 y + x, 100 + y, 200 + x. */
const pixels = (h: number, w: number): Buffer =>
  Buffer.from([...Array(h).keys()].flatMap((y) => [...Array(w).keys()].flatMap((x) => [10 * y + x, 100 + y, 200 + x])))
const picture = (h: number, w: number) => sharp(pixels(h, w), { raw: { width: w, height: h, channels: 3 } })

async function folder(t: TestContext): Promise<string> {
  const root = tempDir(t)
  const files = [
    'cat/b.png',
    'cat/a.PNG',
    'cat/deep/c.webp',
    'cat/deep-2/d.png',
    'dog/1.png',
    'dog/10.png',
    'dog/2.png',
  ]
  for (const file of files) {
    mkdirSync(join(root, file, '..'), { recursive: true })
    const format = file.endsWith('webp') ? 'webp' : 'png'
    writeFileSync(
      join(root, file),
      await picture(4, 6)
        .toFormat(format, { lossless: true } as object)
        .toBuffer(),
    )
  }
  writeFileSync(join(root, 'cat', 'notes.txt'), 'no picture')
  writeFileSync(join(root, 'list.csv'), 'no class')
  return root
}

test('classes and samples are in torchvision’s order', async (t) => {
  const root = await folder(t)
  mkdirSync(join(root, 'Zebra'))
  writeFileSync(join(root, 'Zebra', 'ä.png'), '')
  mkdirSync(join(root, 'Ωmega', '😀'), { recursive: true })
  writeFileSync(join(root, 'Ωmega', '😀', 'x.jpg'), '')
  writeFileSync(join(root, 'Ωmega', '￿.jpg'), '')
  symlinkSync(join(root, 'dog'), join(root, 'cat', 'friends'))
  const found = new datasets.ImageFolder(root)
  assert.deepEqual([found.length, found.targets.length], [found.samples.length, found.samples.length])
  assert.equal(found.classToIdx.get('dog'), found.classes.indexOf('dog'))
  if (!requirePython(t)) return
  const expected = pythonJson(
    `
import json, os, sys
root = sys.argv[1]
classes = sorted(e.name for e in os.scandir(root) if e.is_dir())
samples = []
for i, c in enumerate(classes):
    for folder, _, names in sorted(os.walk(os.path.join(root, c), followlinks=True)):
        for name in sorted(names):
            if name.lower().endswith(('.jpg', '.png', '.webp')): samples.append([os.path.join(folder, name), i])
print(json.dumps({'classes': classes, 'samples': samples}))`,
    [root],
    { PYTHONUTF8: '1' },
  )
  assert.deepEqual({ classes: found.classes, samples: found.samples }, expected)
})

test('images come as RGB planes, transformed, with their class', async (t) => {
  const root = await folder(t)
  const [image, label] = await new datasets.ImageFolder(root).get(0)
  assert.deepEqual([image.dtype, image.shape, label], ['uint8', [3, 4, 6], 0n])
  const expected = torch
    .tensor(new Uint8Array(pixels(4, 6)))
    .reshape([4, 6, 3])
    .permute([2, 0, 1])
  assert.ok(image.equal(expected))
  const data = new datasets.ImageFolder(root, {
    transform: new transforms.Compose([new transforms.CenterCrop(2), new transforms.ConvertImageDtype()]),
    targetTransform: (target) => target * 10n,
  })
  const seen: unknown[] = []
  for await (const [x, y] of new torch.utils.data.DataLoader(data, { batchSize: 4 }))
    seen.push([x.dtype, x.shape, y.tolist()])
  assert.deepEqual(seen, [
    ['float32', [4, 3, 2, 2], [0, 0, 0, 0]],
    ['float32', [3, 3, 2, 2], [10, 10, 10]],
  ])
})

test('images are read and transformed in workers', async (t) => {
  const root = await folder(t)
  const { dataset } = await import('./images-worker.js')
  const loader = new torch.utils.data.DataLoader(dataset(root), {
    batchSize: 3,
    shuffle: true,
    numWorkers: 2,
    workerModule: new URL('./images-worker.js', import.meta.url),
    workerData: root,
  })
  torch.manualSeed(3)
  const labels: unknown[] = []
  let flipped = 0
  let pictures = 0
  for await (const [x, y] of loader) {
    labels.push(...(y.tolist() as number[]))
    for (const picture of x.unbind(0)) {
      pictures++
      if (Number(picture.index(0, 0, 0).item()) === 5) flipped++
    }
  }
  assert.deepEqual([labels.sort(), pictures], [[0, 0, 0, 0, 1, 1, 1], 7])
  assert.ok(flipped > 0 && flipped < 7, `${flipped} of 7 are flipped`)
})

test('gray and transparent pictures become RGB', async (t) => {
  const root = tempDir(t)
  const [gray, alpha] = [join(root, 'gray.png'), join(root, 'alpha.png')]
  await sharp(Buffer.from([1, 2, 3, 4]), { raw: { width: 2, height: 2, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toFile(gray)
  await sharp(Buffer.from([9, 8, 7, 0, 6, 5, 4, 255]), { raw: { width: 2, height: 1, channels: 4 } })
    .png()
    .toFile(alpha)
  const plane = [
    [1, 2],
    [3, 4],
  ]
  assert.deepEqual((await datasets.readImage(gray)).tolist(), [plane, plane, plane])
  assert.deepEqual((await datasets.readImage(alpha)).tolist(), [[[9, 6]], [[8, 5]], [[7, 4]]])
})

test('a loader of one’s own, and a check of one’s own', async (t) => {
  const root = await folder(t)
  const data = new datasets.ImageFolder(root, {
    loader: (path) => torch.tensor(path.length),
    isValidFile: (path) => path.endsWith('.txt') || path.endsWith('1.png'),
  })
  assert.deepEqual(
    data.samples.map(([path]) => relative(root, path)),
    [join('cat', 'notes.txt'), join('dog', '1.png')],
  )
  assert.equal((await data.get(-1))[0].item(), data.samples[1]![0].length)
})

test('mistakes say what is wrong and what to do', async (t) => {
  const root = await folder(t)
  const refused = (make: () => unknown, message: RegExp) => assert.throws(make, { code: 'ERR_ARGUMENT', message })
  refused(() => new datasets.ImageFolder(tempDir(t)), /has no folder in it; every class has one/)
  refused(() => new datasets.ImageFolder(root, { transfrom: null } as object), /did you mean 'transform'/)
  refused(() => new datasets.ImageFolder(root, { transform: 3 as never }), /not a function/)
  assert.throws(() => new datasets.ImageFolder(join(root, 'none')), { code: 'ENOENT' })
  mkdirSync(join(root, 'empty'))
  refused(() => new datasets.ImageFolder(root), /no image for 'empty' in .*isValidFile/)
  assert.equal(new datasets.ImageFolder(root, { allowEmpty: true }).classes.length, 3)
  await assert.rejects(new datasets.ImageFolder(root, { allowEmpty: true }).get(99), { code: 'ERR_INDEX' })
  await assert.rejects(datasets.readImage(join(root, 'cat', 'notes.txt')), {
    code: 'ERR_ARGUMENT',
    message: /notes.txt cannot be read/,
  })
  await assert.rejects(datasets.readImage(join(root, 'gone.png')), { code: 'ENOENT' })
})

test('without the package sharp, reading says how to get it', () => {
  const hooks = `export const resolve = (name, context, next) => {
    if (name === 'sharp') throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })
    return next(name, context)
  }`
  const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
  const register = url(`import { register } from 'node:module'; register(${JSON.stringify(url(hooks))})`)
  const { status, stdout, stderr } = child('test/vision/without-sharp.js', [], {}, { execArgv: ['--import', register] })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^ERR_ARGUMENT readImage: .*npm install sharp/)
})
