/** A folder with a folder of images for each class. Source: torchvision/datasets/folder.py, 0.28.0 */
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { ArgumentError, TorchIndexError } from '../../errors.js'
import { frombuffer } from '../../tensor/functions.js'
import type { Tensor } from '../../tensor/tensor.js'
import { apply, checkTransforms, type TransformLike } from '../transforms/deterministic.js'
import { checkOptions } from '../transforms/functional.js'

export interface ImageFolderOptions<Sample = Tensor, Target = bigint> {
  /** Makes the sample of the image, a uint8 tensor of shape (3, H, W): a transform of `libtorch-node/vision`, or a function. */
  transform?: TransformLike | ((image: Tensor) => Sample) | null
  /** Makes the target of the number of the class. */
  targetTransform?: ((target: bigint) => Target) | null
  /** Reads an image (default: {@link readImage}, which needs the package `sharp`). */
  loader?: ((path: string) => Tensor | Promise<Tensor>) | null
  /** Which files are images (default: by torchvision's list of extensions). */
  isValidFile?: ((path: string) => boolean) | null
  /** Whether a class may have no image (default false). */
  allowEmpty?: boolean
}

// torchvision's list; which of them can be read is up to the loader
const extensions = ['.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp']

/**
 * The images of `root/CLASS/**`, as `[image, number of the class]`; the classes are numbered in the order of their names, and the
 * samples are in torchvision's order. A dataset for a `DataLoader`, with `for await`, as images are read when they are asked for.
 * @throws {@link ArgumentError} where there is no class, or one without an image
 * @example
 * const train = new datasets.ImageFolder('data/train', { transform: new transforms.RandomResizedCrop(224) })
 * for await (const [images, labels] of new torch.utils.data.DataLoader(train, { batchSize: 32, shuffle: true })) step(images, labels)
 */
export class ImageFolder<Sample = Tensor, Target = bigint> {
  readonly root: string
  /** Names of the classes, in order. */
  readonly classes: readonly string[]
  readonly classToIdx: ReadonlyMap<string, number>
  readonly samples: readonly (readonly [path: string, target: number])[]
  readonly #options: ImageFolderOptions<Sample, Target>

  constructor(root: string, options: ImageFolderOptions<Sample, Target> = {}) {
    const known = ['transform', 'targetTransform', 'loader', 'isValidFile', 'allowEmpty']
    checkOptions('ImageFolder', options, known)
    if (options.transform) checkTransforms('ImageFolder', [options.transform as TransformLike])
    this.root = root
    this.#options = options
    const isDirectory = (name: string) => statSync(join(root, name), { throwIfNoEntry: false })?.isDirectory() ?? false
    this.classes = readdirSync(root).filter(isDirectory).sort(byCodePoints)
    if (this.classes.length === 0)
      throw new ArgumentError(
        `ImageFolder: ${root} has no folder in it; every class has one, such as ${join(root, 'cat')}`,
      )
    this.classToIdx = new Map(this.classes.map((name, i) => [name, i]))
    const isImage = options.isValidFile ?? ((path) => extensions.includes(extname(path).toLowerCase()))
    const byClass = this.classes.map((name) => filesBelow(join(root, name)).filter(isImage))
    const empty = this.classes.filter((_, i) => byClass[i]!.length === 0)
    if (empty.length > 0 && !options.allowEmpty)
      throw new ArgumentError(
        `ImageFolder: no image for ${empty.map((name) => `'${name}'`).join(', ')} in ${root}; images end in ${extensions.join(', ')}, unless isValidFile says otherwise`,
      )
    this.samples = byClass.flatMap((paths, i) => paths.map((path) => [path, i] as const))
  }

  get length(): number {
    return this.samples.length
  }

  /** Number of the class of each sample. */
  get targets(): number[] {
    return this.samples.map(([, target]) => target)
  }

  async get(index: number): Promise<[Sample, Target]> {
    const found = this.samples.at(index)
    if (!found) throw new TorchIndexError(`index ${index} is out of range for ${this.length} images`)
    const [path, target] = found
    const { transform, targetTransform, loader } = this.#options
    const image = await (loader ?? readImage)(path)
    // a bigint, so that a batch of them is int64, as a loss wants its labels
    const label = BigInt(target)
    return [
      (transform ? apply(transform as TransformLike, image) : image) as Sample,
      (targetTransform ? targetTransform(label) : label) as Target,
    ]
  }
}

/** Python sorts texts by code points, JavaScript by UTF-16 units. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** All files below a folder, as Python's `sorted(os.walk(…))` goes through them: folders by their whole path, then by name. */
function filesBelow(folder: string): string[] {
  const folders: string[] = []
  const walk = (path: string, above: readonly string[]): void => {
    const real = realpathSync(path)
    // links are followed, but not round and round
    if (above.includes(real)) return
    folders.push(path)
    for (const name of readdirSync(path)) {
      const inner = join(path, name)
      if (statSync(inner, { throwIfNoEntry: false })?.isDirectory()) walk(inner, [...above, real])
    }
  }
  walk(folder, [])
  return folders.sort(byCodePoints).flatMap((path) =>
    readdirSync(path)
      .sort(byCodePoints)
      .map((name) => join(path, name))
      .filter((file) => !statSync(file, { throwIfNoEntry: false })?.isDirectory()),
  )
}

/**
 * Reads an image file as RGB: a uint8 tensor of shape (3, H, W). Transparency is dropped and gray becomes three equal channels, as
 * in torchvision; the picture is not turned by its EXIF data. Needs the package `sharp`, which is not installed by itself.
 * @throws {@link ArgumentError} where `sharp` is not there, or cannot read the file
 */
export async function readImage(path: string): Promise<Tensor> {
  const sharp = await loadSharp()
  // a missing file is the system's error, with its code
  statSync(path)
  try {
    const { data, info } = await sharp(path)
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true })
    const pixels = frombuffer(data, { dtype: 'uint8', shape: [info.height, info.width, info.channels] })
    const planes = pixels.permute([2, 0, 1])
    return info.channels === 3
      ? planes.contiguous()
      : planes.narrow(0, 0, 1).expand(3, info.height, info.width).contiguous()
  } catch (cause) {
    throw new ArgumentError(`readImage: ${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

interface SharpImage {
  removeAlpha(): SharpImage
  toColourspace(space: string): SharpImage
  raw(): SharpImage
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Uint8Array
    info: { width: number; height: number; channels: number }
  }>
}

let loaded: Promise<(path: string) => SharpImage> | undefined

function loadSharp(): Promise<(path: string) => SharpImage> {
  return (loaded ??= import('sharp').then(
    (module) => module.default as unknown as (path: string) => SharpImage,
    (cause) => {
      loaded = undefined
      throw new ArgumentError(
        'readImage: reading image files needs the package sharp, which could not be loaded: run `npm install sharp`, or pass a loader of your own',
        { cause },
      )
    },
  ))
}
