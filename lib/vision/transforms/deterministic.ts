/** Transforms without chance. Source: torchvision/transforms/transforms.py, 0.28.0 */
import { ArgumentError } from '../../errors.js'
import type { Dtype } from '../../tensor/dtype.js'
import type { Tensor } from '../../tensor/tensor.js'
import * as F from './functional.js'

/** Makes one image of another. */
export interface Transform {
  forward(image: Tensor): Tensor
}
/** A transform, or a function of an image. */
export type TransformLike = Transform | ((image: Tensor) => Tensor)

/** Applies a transform. */
export function apply(transform: TransformLike, image: Tensor): Tensor {
  return typeof transform === 'function' ? transform(image) : transform.forward(image)
}

/** Refuses what is no transform. */
export function checkTransforms(owner: string, transforms: readonly TransformLike[]): readonly TransformLike[] {
  if (!Array.isArray(transforms)) throw new ArgumentError(`${owner}: expected a list of transforms`)
  for (const [i, transform] of transforms.entries()) {
    if (typeof transform === 'function' || typeof transform?.forward === 'function') continue
    throw new ArgumentError(
      `${owner}: number ${i} is ${String(transform)}, and not a function or an object with forward()`,
    )
  }
  return transforms
}

/**
 * One transform after the other.
 * @example
 * const train = new transforms.Compose([
 *   new transforms.RandomResizedCrop(224),
 *   new transforms.RandomHorizontalFlip(),
 *   new transforms.ConvertImageDtype('float32'),
 *   new transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
 * ])
 */
export class Compose implements Transform {
  readonly transforms: readonly TransformLike[]
  constructor(transforms: readonly TransformLike[]) {
    this.transforms = checkTransforms('Compose', transforms)
  }
  forward(image: Tensor): Tensor {
    return this.transforms.reduce((at, transform) => apply(transform, at), image)
  }
}

/** From uint8 in [0, 255] to floats in [0, 1], or back. */
export class ConvertImageDtype implements Transform {
  constructor(readonly dtype: Dtype = 'float32') {}
  forward(image: Tensor): Tensor {
    return F.convertImageDtype(image, this.dtype)
  }
}

/**
 * For pipelines written for Python, where it makes a tensor of a picture: here images are tensors already, and it scales them as
 * Python's does, from uint8 in [0, 255] to float32 in [0, 1].
 */
export class ToTensor implements Transform {
  forward(image: Tensor): Tensor {
    return F.convertImageDtype(image, 'float32')
  }
}

/** Subtracts `mean` and divides by `std`, channel by channel; an image of floats is needed. */
export class Normalize implements Transform {
  constructor(
    readonly mean: readonly number[],
    readonly std: readonly number[],
  ) {}
  forward(image: Tensor): Tensor {
    return F.normalize(image, this.mean, this.std)
  }
}

/** To a size; with one number the shorter edge gets it. */
export class Resize implements Transform {
  constructor(
    readonly size: F.Size,
    readonly options: { interpolation?: F.Interpolation; antialias?: boolean } = {},
  ) {}
  forward(image: Tensor): Tensor {
    return F.resize(image, this.size, this.options)
  }
}

/** The middle of the image, with zeros around one that is too small. */
export class CenterCrop implements Transform {
  readonly size: [number, number]
  constructor(size: F.Size) {
    this.size = F.pair('CenterCrop', size)
  }
  forward(image: Tensor): Tensor {
    return F.centerCrop(image, this.size)
  }
}

/** Pixels around the image. */
export class Pad implements Transform {
  constructor(
    readonly padding: number | readonly number[],
    readonly options: { fill?: number; paddingMode?: F.PaddingMode } = {},
  ) {}
  forward(image: Tensor): Tensor {
    return F.pad(image, this.padding, this.options)
  }
}

/** Without colours, in one channel or three equal ones. */
export class Grayscale implements Transform {
  constructor(readonly numOutputChannels: 1 | 3 = 1) {}
  forward(image: Tensor): Tensor {
    return F.rgbToGrayscale(image, this.numOutputChannels)
  }
}
