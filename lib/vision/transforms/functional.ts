/**
 * What the transforms are made of: images are tensors of shape (…, C, H, W), uint8 in [0, 255] or floats in [0, 1].
 * Source: torchvision/transforms/_functional_tensor.py, 0.28.0
 */
import { ArgumentError, ShapeError } from '../../errors.js'
import { interpolate, pad as padTensor } from '../../nn/functional/index.js'
import type { Dtype } from '../../tensor/dtype.js'
import { arange, einsum, onesLike, stack, tensor, where, zerosLike } from '../../tensor/functions.js'
import { unknownOption } from '../../tensor/operator.js'
import { Tensor } from '../../tensor/tensor.js'

/** `[height, width]`, or the length of the shorter edge. */
export type Size = number | readonly [number] | readonly [number, number]
export type Interpolation = 'nearest' | 'nearest-exact' | 'bilinear' | 'bicubic'
export type PaddingMode = 'constant' | 'edge' | 'reflect'

/** Refuses options that there are not. */
export function checkOptions(owner: string, options: object, known: string[]): void {
  for (const key of Object.keys(options)) if (!known.includes(key)) throw unknownOption(owner, key, known)
}

/** Whole numbers as Python rounds: halves to the even one. */
export function round(x: number): number {
  const below = Math.floor(x)
  const rest = x - below
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1
}

export function sizeOf(owner: string, image: Tensor): [channels: number, height: number, width: number] {
  if (!(image instanceof Tensor))
    throw new ArgumentError(`${owner}: expected an image as a tensor, but got ${String(image)}`)
  if (image.ndim < 3)
    throw new ShapeError(`${owner}: expected an image of shape (…, C, H, W), but got [${image.shape.join(', ')}]`)
  return image.shape.slice(-3) as [number, number, number]
}

/** `[height, width]` of a size that means both edges. */
export function pair(owner: string, size: Size): [number, number] {
  const [height, width = height] = typeof size === 'number' ? [size] : size
  for (const edge of [height, width])
    if (!Number.isSafeInteger(edge) || edge <= 0)
      throw new ArgumentError(
        `${owner}: size should be a positive whole number or [height, width], but is ${String(size)}`,
      )
  return [height, width]
}

/** Floats between 0 and 1, or whole numbers up to the dtype's largest; from one to the other as torchvision scales. */
export function convertImageDtype(image: Tensor, dtype: Dtype = 'float32'): Tensor {
  if (image.dtype === dtype) return image
  const [from, to] = [image.isFloatingPoint(), /^(b?float)/.test(dtype)]
  if (from && to) return image.to(dtype)
  const max = (of: string): number => {
    if (of === 'uint8') return 255
    throw new ArgumentError(`convertImageDtype: images are uint8 or floats, not ${of}`)
  }
  if (to) return image.to(dtype).div(max(image.dtype))
  if (from) return image.mul(max(dtype) + 1 - 1e-3).to(dtype)
  throw new ArgumentError(`convertImageDtype: images are uint8 or floats, not ${image.dtype} and ${dtype}`)
}

/** @param size - with one number, the shorter edge gets it and the other keeps the proportions */
export function resize(
  image: Tensor,
  size: Size,
  options: { interpolation?: Interpolation; antialias?: boolean } = {},
): Tensor {
  checkOptions('resize', options, ['interpolation', 'antialias'])
  const { interpolation = 'bilinear', antialias = true } = options
  const [, height, width] = sizeOf('resize', image)
  const [h, w] = resizedSize([height, width], size)
  if (h === height && w === width) return image
  const smooth = interpolation === 'bilinear' || interpolation === 'bicubic'
  const [batch, undo] = asFloatBatch(image)
  const resized = interpolate(batch, {
    size: [h, w],
    mode: interpolation,
    ...(smooth && { alignCorners: false, antialias }),
  })
  return undo(interpolation === 'bicubic' && image.dtype === 'uint8' ? resized.clamp(0, 255) : resized)
}

function resizedSize([height, width]: [number, number], size: Size): [number, number] {
  if (Array.isArray(size) && size.length === 2) return pair('resize', size)
  const [short] = pair('resize', size)
  const long = Math.trunc((short * Math.max(height, width)) / Math.min(height, width))
  return width <= height ? [long, short] : [short, long]
}

/** The image as a float batch, and the way back to its dtype and shape. */
function asFloatBatch(image: Tensor): [Tensor, (result: Tensor) => Tensor] {
  const { dtype } = image
  const float = dtype === 'float32' || dtype === 'float64'
  const alone = image.ndim < 4
  const batch = (alone ? image.unsqueeze(0) : image).to(float ? dtype : 'float32')
  return [
    batch,
    (result) => {
      const shaped = alone ? result.squeeze(0) : result
      if (float) return shaped
      return (image.isFloatingPoint() ? shaped : shaped.round()).to(dtype)
    },
  ]
}

/** @param padding - pixels: for all edges, `[left and right, top and bottom]`, or `[left, top, right, bottom]` */
export function pad(
  image: Tensor,
  padding: number | readonly number[],
  options: { fill?: number; paddingMode?: PaddingMode } = {},
): Tensor {
  checkOptions('pad', options, ['fill', 'paddingMode'])
  const { fill = 0, paddingMode = 'constant' } = options
  if (!['constant', 'edge', 'reflect'].includes(paddingMode))
    throw new ArgumentError(`pad: paddingMode should be 'constant', 'edge' or 'reflect', but is '${paddingMode}'`)
  sizeOf('pad', image)
  const given = typeof padding === 'number' ? [padding] : padding
  if (![1, 2, 4].includes(given.length))
    throw new ArgumentError(`pad: padding should be 1, 2 or 4 numbers, but is [${given.join(', ')}]`)
  const [left, top = left!, right = left!, bottom = top] = given as [number, number?, number?, number?]
  const edges = [left, right, top, bottom]
  if (paddingMode === 'constant') return padTensor(image, edges, { value: fill })
  const [batch, undo] = asFloatBatch(image)
  return undo(padTensor(batch, edges, { mode: paddingMode === 'edge' ? 'replicate' : 'reflect' }))
}

export function crop(image: Tensor, top: number, left: number, height: number, width: number): Tensor {
  const [, h, w] = sizeOf('crop', image)
  if (top < 0 || left < 0 || top + height > h || left + width > w)
    throw new ShapeError(`crop: ${height}×${width} at (${top}, ${left}) is not inside of an image of ${h}×${w}`)
  return image.narrow(-2, top, height).narrow(-1, left, width)
}

export function centerCrop(image: Tensor, size: Size): Tensor {
  const [ch, cw] = pair('centerCrop', size)
  let [, h, w] = sizeOf('centerCrop', image)
  if (cw > w || ch > h) {
    const [dw, dh] = [Math.max(cw - w, 0), Math.max(ch - h, 0)]
    image = pad(image, [dw >> 1, dh >> 1, (dw + 1) >> 1, (dh + 1) >> 1])
    ;[h, w] = [h + dh, w + dw]
  }
  return crop(image, round((h - ch) / 2), round((w - cw) / 2), ch, cw)
}

export const hflip = (image: Tensor): Tensor => image.flip([-1])
export const vflip = (image: Tensor): Tensor => image.flip([-2])

export function normalize(image: Tensor, mean: readonly number[], std: readonly number[]): Tensor {
  const [channels] = sizeOf('normalize', image)
  if (!image.isFloatingPoint())
    throw new ArgumentError(
      `normalize: expected an image of floats, but got ${image.dtype}; put new ConvertImageDtype() before it`,
    )
  for (const [name, values] of [
    ['mean', mean],
    ['std', std],
  ] as const) {
    if (values.length !== 1 && values.length !== channels)
      throw new ArgumentError(`normalize: ${name} has ${values.length} values, but the image ${channels} channels`)
  }
  const options = { dtype: image.dtype, device: image.device }
  const deviation = tensor(std, options)
  if (deviation.eq(0).any().item()) throw new ArgumentError(`normalize: std [${std.join(', ')}] would divide by zero`)
  return image.sub(tensor(mean, options).view(-1, 1, 1)).div(deviation.view(-1, 1, 1))
}

const bound = (image: Tensor): number => (image.isFloatingPoint() ? 1 : 255)

function blend(a: Tensor, b: Tensor, ratio: number): Tensor {
  const float = (image: Tensor) => (image.isFloatingPoint() ? image : image.to('float32'))
  return float(a)
    .mul(ratio)
    .add(float(b).mul(1 - ratio))
    .clamp(0, bound(a))
    .to(a.dtype)
}

export function rgbToGrayscale(image: Tensor, channels: 1 | 3 = 1): Tensor {
  const [given] = sizeOf('rgbToGrayscale', image)
  const gray = given === 3 ? luma(image) : image.clone()
  return channels === 3 ? gray.expand(...(given === 3 ? [image.shape] : [withChannels(image.shape, 3)])) : gray
}

const withChannels = (shape: readonly number[], channels: number): number[] => shape.with(-3, channels)

function luma(image: Tensor): Tensor {
  const [r, g, b] = (image.isFloatingPoint() ? image : image.to('float32')).unbind(-3) as [Tensor, Tensor, Tensor]
  return r.mul(0.2989).add(g.mul(0.587)).add(b.mul(0.114)).to(image.dtype).unsqueeze(-3)
}

export const adjustBrightness = (image: Tensor, factor: number): Tensor => blend(image, zerosLike(image), factor)

export function adjustContrast(image: Tensor, factor: number): Tensor {
  const gray = sizeOf('adjustContrast', image)[0] === 3 ? luma(image) : image
  const mean = (gray.isFloatingPoint() ? gray : gray.to('float32')).mean([-3, -2, -1], true)
  return blend(image, mean, factor)
}

export function adjustSaturation(image: Tensor, factor: number): Tensor {
  return sizeOf('adjustSaturation', image)[0] === 1 ? image : blend(image, luma(image), factor)
}

export function adjustHue(image: Tensor, factor: number): Tensor {
  if (sizeOf('adjustHue', image)[0] === 1) return image
  const [h, s, v] = toHsv(convertImageDtype(image, 'float32')).unbind(-3) as [Tensor, Tensor, Tensor]
  return convertImageDtype(fromHsv(h.add(factor).remainder(1), s, v), image.dtype)
}

function toHsv(image: Tensor): Tensor {
  const [r, g, b] = image.unbind(-3) as [Tensor, Tensor, Tensor]
  const max = image.amax(-3)
  const min = image.amin(-3)
  // where all three are equal, saturation and hue are 0, and not 0/0
  const gray = max.eq(min)
  const spread = max.sub(min)
  const ones = onesLike(max)
  const s = spread.div(where(gray, ones, max))
  const divisor = where(gray, ones, spread)
  const [rc, gc, bc] = [r, g, b].map((channel) => max.sub(channel).div(divisor)) as [Tensor, Tensor, Tensor]
  const [isR, isG] = [max.eq(r), max.eq(g)]
  const hr = isR.mul(bc.sub(gc))
  const hg = isG.logicalAnd(isR.logicalNot()).mul(rc.add(2).sub(bc))
  const hb = isG.logicalNot().logicalAnd(isR.logicalNot()).mul(gc.add(4).sub(rc))
  const h = hr.add(hg).add(hb).div(6).add(1).fmod(1)
  return stack([h, s, max], -3)
}

function fromHsv(h: Tensor, s: Tensor, v: Tensor): Tensor {
  const sixths = h.mul(6)
  const whole = sixths.floor()
  const f = sixths.sub(whole)
  const sector = whole.to('int32').remainder(6)
  const minus = (x: Tensor) => x.neg().add(1)
  const p = v.mul(minus(s)).clamp(0, 1)
  const q = v.mul(minus(s.mul(f))).clamp(0, 1)
  const t = v.mul(minus(s.mul(minus(f)))).clamp(0, 1)
  const mask = sector.unsqueeze(-3).eq(arange(6, { device: h.device }).view(-1, 1, 1))
  const channels = [
    [v, q, p, p, t, v],
    [t, v, v, q, p, p],
    [p, p, t, v, v, q],
  ].map((channel) => stack(channel, -3))
  return einsum('...ijk, ...xijk -> ...xjk', [mask.to(h.dtype), stack(channels, -4)])
}
