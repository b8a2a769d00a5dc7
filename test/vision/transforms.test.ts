import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { transforms as T } from 'libtorch-node/vision'
import { child } from '../support/child.js'
import { pinnedCpu } from '../support/python.js'

test('43 settings give torchvision’s pixels and leave the generator in its state, six images each; a pipeline too', () => {
  const { status, stdout, stderr } = child('test/vision/transforms-run.js', [], { ...pinnedCpu, OMP_NUM_THREADS: '1' })
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), { rows: 43, wrong: [] })
})

const image = torch.zeros([3, 4, 5], { dtype: 'uint8' })

test('batches of images are transformed together, and the given image stays as it was', () => {
  const batch = torch
    .arange(2 * 3 * 4 * 5)
    .to('uint8')
    .reshape([2, 3, 4, 5])
  const before = batch.clone()
  assert.deepEqual(new T.Resize([8, 10]).forward(batch).shape, [2, 3, 8, 10])
  assert.deepEqual(new T.CenterCrop(2).forward(batch).shape, [2, 3, 2, 2])
  new T.ColorJitter(0.5, 0.5, 0.5, 0.2).forward(batch)
  new T.RandomErasing({ p: 1 }).forward(batch)
  assert.deepEqual(new T.ToTensor().forward(batch).tolist(), batch.div(255).tolist())
  assert.ok(batch.equal(before))
})

test('a function is a transform as well', () => {
  const doubled = new T.Compose([(x) => x.add(1), new T.RandomApply([(x) => x.mul(2)], { p: 1 })])
  assert.equal(doubled.forward(image).amax().item(), 2)
})

test('mistakes say what is wrong and what to do', () => {
  const refused = (make: () => unknown, message: RegExp, code = 'ERR_ARGUMENT') =>
    assert.throws(make, { code, message })
  refused(() => new T.RandomHorizontalFlip(2), /probability in \[0, 1\], but is 2/)
  refused(() => new T.RandomApply([7 as never]), /number 0 is 7/)
  refused(() => new T.Compose('x' as never), /list of transforms/)
  refused(() => new T.RandomCrop(4, { pading: 2 } as object), /unknown option 'pading'; did you mean 'padding'/)
  refused(() => new T.RandomCrop(4.5), /positive whole number/)
  refused(() => new T.RandomCrop(8).forward(image), /8×8 is larger than the image of 4×5.*padIfNeeded/, 'ERR_SHAPE')
  refused(() => new T.ColorJitter({ hue: 0.6 }), /hue should lie between -0.5 and 0.5/)
  refused(() => new T.ColorJitter(-1), /brightness/)
  refused(() => new T.Normalize([0], [1]).forward(image), /uint8; put new ConvertImageDtype\(\) before it/)
  refused(() => new T.Normalize([0, 0], [1]).forward(image.float()), /mean has 2 values, but the image 3 channels/)
  refused(() => new T.Normalize([0], [0]).forward(image.float()), /divide by zero/)
  refused(() => new T.RandomErasing({ value: 'noise' as never }), /'random', but is 'noise'/)
  refused(() => new T.RandomErasing({ p: 1, value: [1, 2] }).forward(image.float()), /2 numbers, but the image 3/)
  refused(() => new T.RandomErasing({ scale: [0, 2] }), /scale should lie/)
  refused(() => new T.Pad([1, 2, 3]).forward(image), /1, 2 or 4 numbers/)
  refused(() => new T.Pad(1, { paddingMode: 'wrap' as never }).forward(image), /'constant', 'edge' or 'reflect'/)
  refused(() => new T.Resize(4).forward(torch.ones(4, 4)), /shape \(…, C, H, W\)/, 'ERR_SHAPE')
  refused(() => new T.Resize(4).forward('a.png' as never), /image as a tensor/)
  refused(() => new T.ConvertImageDtype('int16').forward(image), /uint8 or floats/)
})
