/** Fine-tuning on image files: the output of Python's program to the digest, what changed and what not, and files both ways. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { models } from 'libtorch-node/vision'
import sharp from 'sharp'
import { child } from '../support/child.js'
import { root, tempDir } from '../support/paths.js'
import { pinnedCpu, pythonFile, requirePython } from '../support/python.js'

const [height, width] = [68, 73]
const classes = ['amber', 'blue', 'green']
const tints = [
  [200, 120, 20],
  [30, 60, 200],
  [40, 170, 60],
]

/** Noise in the colour of the class. */
async function writePictures(folder: string, each: number): Promise<void> {
  for (const [target, name] of classes.entries()) {
    mkdirSync(join(folder, name), { recursive: true })
    for (let i = 0; i < each; i++) {
      const noise = torch.randint(-20, 50, [height, width, 3])
      const pixels = noise
        .add(torch.tensor(tints[target]!.map(BigInt)))
        .clamp(0, 255)
        .to('uint8')
        .typedArray()
      const image = sharp(pixels as Uint8Array, { raw: { width, height, channels: 3 } })
      await image.png().toFile(join(folder, name, `${i}.png`))
    }
  }
}

/** A ResNet-18 whose BatchNorms have seen something, as those of trained ones have. */
async function writeWeights(file: string): Promise<Record<string, torch.Tensor>> {
  const model = models.resnet18()
  torch.noGrad(() => {
    for (let i = 0; i < 10; i++) model.forward(torch.randn(8, 3, 64, 64))
  })
  await torch.save(model.stateDict(), file)
  return model.stateDict()
}

test('examples/fine-tune: prints what Python prints, changes what is not frozen, and each opens the file of the other', async (t) => {
  const dir = tempDir(t)
  const [data, weights, ours, theirs] = ['data', 'resnet18.pth', 'node.pth', 'python.pth'].map((name) =>
    join(dir, name),
  )
  torch.manualSeed(7)
  await writePictures(join(data!, 'train'), 6)
  await writePictures(join(data!, 'val'), 3)
  const before = await writeWeights(weights!)

  const given = ['--data', data!, '--size', '64']
  const node = (...args: string[]): string => {
    const run = child('examples/fine-tune/fine-tune.js', [...given, ...args], pinnedCpu)
    assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`)
    return run.stdout
  }
  const output = node('--weights', weights!, '--out', ours!)
  assert.match(output, /^18 pictures of amber, blue, green; 17 trainable tensors\nepoch 1 /)
  assert.match(output, /^loss [0-9.]+ {2}correct 9 of 9\nsha256 of the state dict: [0-9a-f]{64}\n$/m)

  const saved = await torch.load(ours!)
  assert.deepEqual(saved.classes, classes)
  for (const [name, tensor] of Object.entries(before)) {
    const after: torch.Tensor = saved.model[name]
    if (name.startsWith('fc.')) assert.equal(after.shape[0], 3, name)
    else assert.equal(torch.equal(after, tensor), !name.startsWith('layer4.'), name)
  }

  const tested = output.split('\n').slice(-3).join('\n')
  assert.equal(node('--tuned', ours!), tested)
  if (!requirePython(t)) return
  const reference = (...args: string[]) =>
    pythonFile(join(root, 'examples/fine-tune/reference.py'), [...given, ...args], pinnedCpu)
  assert.equal(reference('--weights', weights!, '--out', theirs!), output)
  assert.equal(node('--tuned', theirs!), tested)
  assert.equal(reference('--tuned', ours!), tested)
})
