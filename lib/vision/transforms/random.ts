/**
 * Transforms by chance. All numbers come from torch's default generator, never from Math.random, so that a run can be repeated
 * and resumed; in a worker of a DataLoader that is the worker's. Source: torchvision/transforms/transforms.py, 0.28.0
 */
import { ArgumentError, ShapeError } from '../../errors.js'
import { empty, rand, randint, randperm, tensor } from '../../tensor/functions.js'
import type { Tensor } from '../../tensor/tensor.js'
import { apply, checkTransforms, type Transform, type TransformLike } from './deterministic.js'
import * as F from './functional.js'

type Range = readonly [number, number]

const uniform = (from: number, to: number): number => empty([1]).uniform_(from, to).item() as number
const whole = (below: number): number => randint(0, below, [1]).item() as number
// compared as tensors, in the precision of the drawn number
const happens = (p: number): boolean => rand(1).lt(p).item() as unknown as boolean

function probability(owner: string, p: number): number {
  if (typeof p === 'number' && p >= 0 && p <= 1) return p
  throw new ArgumentError(`${owner}: p should be a probability in [0, 1], but is ${String(p)}`)
}

/** Left and right exchanged. @param p - how often, in [0, 1] (default 0.5) */
export class RandomHorizontalFlip implements Transform {
  readonly p: number
  constructor(p: number | { p?: number } = 0.5) {
    this.p = probability('RandomHorizontalFlip', typeof p === 'number' ? p : (p.p ?? 0.5))
  }
  forward(image: Tensor): Tensor {
    return happens(this.p) ? F.hflip(image) : image
  }
}

/** Top and bottom exchanged. @param p - how often, in [0, 1] (default 0.5) */
export class RandomVerticalFlip implements Transform {
  readonly p: number
  constructor(p: number | { p?: number } = 0.5) {
    this.p = probability('RandomVerticalFlip', typeof p === 'number' ? p : (p.p ?? 0.5))
  }
  forward(image: Tensor): Tensor {
    return happens(this.p) ? F.vflip(image) : image
  }
}

/** Without colours, with as many channels as before. @param p - how often, in [0, 1] (default 0.1) */
export class RandomGrayscale implements Transform {
  readonly p: number
  constructor(p: number | { p?: number } = 0.1) {
    this.p = probability('RandomGrayscale', typeof p === 'number' ? p : (p.p ?? 0.1))
  }
  forward(image: Tensor): Tensor {
    const [channels] = F.sizeOf('RandomGrayscale', image)
    return happens(this.p) ? F.rgbToGrayscale(image, channels === 3 ? 3 : 1) : image
  }
}

/** A list of transforms that is applied as a whole, or not. @param p - how often, in [0, 1] (default 0.5) */
export class RandomApply implements Transform {
  readonly transforms: readonly TransformLike[]
  readonly p: number
  constructor(transforms: readonly TransformLike[], p: number | { p?: number } = 0.5) {
    this.transforms = checkTransforms('RandomApply', transforms)
    this.p = probability('RandomApply', typeof p === 'number' ? p : (p.p ?? 0.5))
  }
  forward(image: Tensor): Tensor {
    if (rand(1).gt(this.p).item()) return image
    return this.transforms.reduce((at, transform) => apply(transform, at), image)
  }
}

/** A part of the image with a given size, somewhere in it. */
export class RandomCrop implements Transform {
  readonly size: [number, number]
  /** @param options - `padding` added first (as in `pad`), `padIfNeeded` (default false), `fill` (default 0), `paddingMode` */
  constructor(
    size: F.Size,
    readonly options: {
      padding?: number | readonly number[] | null
      padIfNeeded?: boolean
      fill?: number
      paddingMode?: F.PaddingMode
    } = {},
  ) {
    F.checkOptions('RandomCrop', options, ['padding', 'padIfNeeded', 'fill', 'paddingMode'])
    this.size = F.pair('RandomCrop', size)
  }
  forward(image: Tensor): Tensor {
    const { padding, padIfNeeded = false, ...how } = this.options
    const [th, tw] = this.size
    if (padding != null) image = F.pad(image, padding, how)
    let [, h, w] = F.sizeOf('RandomCrop', image)
    if (padIfNeeded && w < tw) image = F.pad(image, [tw - w, 0], how)
    if (padIfNeeded && h < th) image = F.pad(image, [0, th - h], how)
    ;[, h, w] = F.sizeOf('RandomCrop', image)
    if (h < th || w < tw)
      throw new ShapeError(`RandomCrop: ${th}×${tw} is larger than the image of ${h}×${w}; pass { padIfNeeded: true }`)
    if (w === tw && h === th) return image
    const top = whole(h - th + 1)
    return F.crop(image, top, whole(w - tw + 1), th, tw)
  }
}

/** A part of the image with a random area and proportion, brought to one size: how nets for ImageNet are trained. */
export class RandomResizedCrop implements Transform {
  readonly size: [number, number]
  readonly scale: Range
  readonly ratio: Range
  readonly #how: { interpolation?: F.Interpolation; antialias?: boolean }

  /** @param options - `scale` of the area (default [0.08, 1]), `ratio` width / height (default [3/4, 4/3]), `interpolation`, `antialias` */
  constructor(
    size: F.Size,
    options: { scale?: Range; ratio?: Range; interpolation?: F.Interpolation; antialias?: boolean } = {},
  ) {
    F.checkOptions('RandomResizedCrop', options, ['scale', 'ratio', 'interpolation', 'antialias'])
    this.size = F.pair('RandomResizedCrop', size)
    const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], ...how } = options
    ;[this.scale, this.ratio, this.#how] = [scale, ratio, how]
  }

  forward(image: Tensor): Tensor {
    const [top, left, h, w] = this.#draw(image)
    return F.resize(F.crop(image, top, left, h, w), this.size, this.#how)
  }

  #draw(image: Tensor): [number, number, number, number] {
    const [, height, width] = F.sizeOf('RandomResizedCrop', image)
    const [low, high] = tensor(this.ratio).log().tolist() as [number, number]
    for (let i = 0; i < 10; i++) {
      const area = height * width * uniform(...this.scale)
      const aspect = empty([1]).uniform_(low, high).exp().item() as number
      const w = F.round(Math.sqrt(area * aspect))
      const h = F.round(Math.sqrt(area / aspect))
      if (!(w > 0 && w <= width && h > 0 && h <= height)) continue
      const top = whole(height - h + 1)
      return [top, whole(width - w + 1), h, w]
    }
    const [least, most] = [Math.min(...this.ratio), Math.max(...this.ratio)]
    let [h, w] = [height, width]
    if (width / height < least) h = F.round(w / least)
    else if (width / height > most) w = F.round(h * most)
    return [(height - h) >> 1, (width - w) >> 1, h, w]
  }
}

/** A part of the image, with a random area and proportion, overwritten by a value or by noise; for images of floats. */
export class RandomErasing implements Transform {
  readonly p: number
  readonly scale: Range
  readonly ratio: Range
  readonly value: number | readonly number[] | 'random'

  /**
   * @param options - `p` how often (default 0.5), `scale` of the area (default [0.02, 0.33]), `ratio` height / width (default
   *   [0.3, 3.3]), `value`: a number, one for each channel, or 'random' for normal noise (default 0)
   */
  constructor(
    options: { p?: number; scale?: Range; ratio?: Range; value?: number | readonly number[] | 'random' } = {},
  ) {
    F.checkOptions('RandomErasing', options, ['p', 'scale', 'ratio', 'value'])
    this.p = probability('RandomErasing', options.p ?? 0.5)
    this.scale = options.scale ?? [0.02, 0.33]
    this.ratio = options.ratio ?? [0.3, 3.3]
    this.value = options.value ?? 0
    if (!(this.scale[0] >= 0 && this.scale[1] <= 1))
      throw new ArgumentError(`RandomErasing: scale should lie in [0, 1], but is [${this.scale.join(', ')}]`)
    if (typeof this.value === 'string' && this.value !== 'random')
      throw new ArgumentError(`RandomErasing: value should be numbers or 'random', but is '${this.value as string}'`)
  }

  forward(image: Tensor): Tensor {
    const [channels, height, width] = F.sizeOf('RandomErasing', image)
    if (!happens(this.p)) return image
    const values = typeof this.value === 'string' ? null : [this.value].flat()
    if (values && values.length !== 1 && values.length !== channels)
      throw new ArgumentError(`RandomErasing: value has ${values.length} numbers, but the image ${channels} channels`)
    const [low, high] = tensor(this.ratio).log().tolist() as [number, number]
    for (let i = 0; i < 10; i++) {
      const area = height * width * uniform(...this.scale)
      const aspect = empty([1]).uniform_(low, high).exp().item() as number
      const h = F.round(Math.sqrt(area * aspect))
      const w = F.round(Math.sqrt(area / aspect))
      if (!(h < height && w < width)) continue
      const value = values ? tensor(values).view(-1, 1, 1) : empty([channels, h, w]).normal_()
      const top = whole(height - h + 1)
      const left = whole(width - w + 1)
      const erased = image.clone()
      F.crop(erased, top, left, h, w).copy_(value)
      return erased
    }
    return image
  }
}

/** Brightness, contrast, saturation and hue changed by random factors, in random order. */
export class ColorJitter implements Transform {
  readonly brightness: Range | null
  readonly contrast: Range | null
  readonly saturation: Range | null
  readonly hue: Range | null

  /**
   * By position or by name: each a number x, for factors in [1 - x, 1 + x] (hue: [-x, x], x ≤ 0.5), or a range; default 0.
   * @throws {@link ArgumentError} for a range that is none
   */
  constructor(brightness?: number | Range, contrast?: number | Range, saturation?: number | Range, hue?: number | Range)
  constructor(options: Partial<Record<(typeof jitters)[number], number | Range>>)
  constructor(...args: unknown[]) {
    const named = args.length === 1 && typeof args[0] === 'object' && !Array.isArray(args[0]) && args[0] !== null
    if (named) F.checkOptions('ColorJitter', args[0] as object, [...jitters])
    const given = (name: (typeof jitters)[number], at: number) =>
      range(name, (named ? (args[0] as Record<string, unknown>)[name] : args[at]) as number | Range | undefined)
    this.brightness = given('brightness', 0)
    this.contrast = given('contrast', 1)
    this.saturation = given('saturation', 2)
    this.hue = given('hue', 3)
  }

  forward(image: Tensor): Tensor {
    const order = randperm(4).tolist() as number[]
    const factors = [this.brightness, this.contrast, this.saturation, this.hue].map((r) => (r ? uniform(...r) : null))
    const adjust = [F.adjustBrightness, F.adjustContrast, F.adjustSaturation, F.adjustHue]
    for (const i of order) if (factors[i] != null) image = adjust[i]!(image, factors[i]!)
    return image
  }
}

const jitters = ['brightness', 'contrast', 'saturation', 'hue'] as const

function range(name: (typeof jitters)[number], value: number | Range | undefined): Range | null {
  const center = name === 'hue' ? 0 : 1
  const [low, high] = typeof value === 'object' ? value : [center - (value ?? 0), center + (value ?? 0)]
  const from = typeof value === 'object' || center === 0 ? low : Math.max(low, 0)
  const [least, most] = center === 1 ? [0, Number.POSITIVE_INFINITY] : [-0.5, 0.5]
  if (!(least <= from && from <= high && high <= most) || (typeof value === 'number' && value < 0))
    throw new ArgumentError(`ColorJitter: ${name} should lie between ${least} and ${most}, but is ${String(value)}`)
  return from === center && high === center ? null : [from, high]
}
