/** Source: torch/utils/tensorboard/{summary,_utils}.py, image, convert_to_HWC and make_grid, PyTorch 2.13 (cf30153c). */
import { createRequire } from 'node:module'
import { ArgumentError, ShapeError } from '../../errors.js'
import { Tensor } from '../../tensor/index.js'
import type { Image } from './proto.js'
import { hostTensor } from './values.js'

const require = createRequire(import.meta.url)
/** images in a row of the grid */
const mostColumns = 8
const layouts: Record<number, string> = { 2: 'HW', 3: 'HWC', 4: 'NHWC' }

/**
 * @param dataformats - what each dimension is, in any order: N, C, H, W; several images make a grid
 */
export function makeImage(what: string, value: unknown, dataformats: string): Image {
  if (!(value instanceof Tensor)) throw new ArgumentError(`${what}: imgTensor should be a tensor`)
  let image = hostTensor(what, 'imgTensor', value)
  // Python scales whatever is not of bytes, integers too.
  const scale = image.dtype === 'uint8' ? 1 : 255
  const letters = dataformats.toUpperCase()
  const wanted = layouts[letters.length]
  if (!wanted || [...wanted].sort().join() !== [...letters].sort().join()) {
    throw new ArgumentError(
      `${what}: dataformats should be H and W, with C and then with N where there are such dimensions, in the tensor's order, but is '${dataformats}'`,
    )
  }
  if (letters.length !== image.ndim) {
    throw new ShapeError(
      `${what}: dataformats '${dataformats}' is for ${letters.length} dimensions, but the tensor has shape [${image.shape.join(', ')}]`,
    )
  }
  if (image.numel() === 0)
    throw new ShapeError(`${what}: the tensor of shape [${image.shape.join(', ')}] has no pixels`)
  image = image.to('float32').permute([...wanted].map((letter) => letters.indexOf(letter)))
  if (image.ndim === 2) image = image.unsqueeze(2)
  if (image.ndim === 4) image = grid(what, image)
  else if (image.shape[2] === 1) image = image.expand([-1, -1, 3])
  const [height, width, channels] = image.shape as [number, number, number]
  if (channels < 2 || channels > 4) {
    throw new ShapeError(`${what}: an image has 1 to 4 channels, but dataformats '${dataformats}' says ${channels}`)
  }
  const data = toBytes(image.contiguous().typedArray() as Float32Array, scale)
  return { height, width, colorspace: channels, png: png(data, height, width, channels) }
}

/** (N, H, W, C) → (rows · H, columns · W, 3) */
function grid(what: string, images: Tensor): Tensor {
  const [count, height, width, channels] = images.shape as [number, number, number, number]
  if (channels !== 1 && channels !== 3) {
    throw new ShapeError(`${what}: images of a grid have 1 or 3 channels, but these have ${channels}`)
  }
  const columns = Math.min(count, mostColumns)
  const rows = Math.ceil(count / columns)
  const canvas = images.newZeros([rows * columns, height, width, 3])
  canvas.narrow(0, 0, count).copy_(images)
  return canvas
    .reshape([rows, columns, height, width, 3])
    .permute([0, 2, 1, 3, 4])
    .reshape([rows * height, columns * width, 3])
}

function toBytes(values: Float32Array, scale: number): Uint8Array {
  // NaN becomes 0, and a fraction is cut off
  return Uint8Array.from(values, (value) => Math.trunc(Math.min(Math.max(Math.fround(value * scale), 0), 255)))
}

function png(data: Uint8Array, height: number, width: number, channels: number): Uint8Array {
  // Loaded here, as few programs write images.
  const library: typeof import('fast-png') = require('fast-png')
  return library.encode({ data, height, width, channels, depth: 8 })
}
