import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { describe, isOptions, operatorFunction, unknownOption } from './operator.js'
import { Tensor } from './tensor.js'

const detach = operatorFunction('aten::detach')
const empty = operatorFunction('aten::empty')

/** Fills `target` with a tensor of its own over the storage of `data`, outside of autograd. */
function shareStorage(target: Tensor, what: string, data: Tensor | undefined): void {
  if (data !== undefined && !(data instanceof Tensor)) {
    throw new ArgumentError(`${what}: expected data to be a Tensor, received ${describe(data)}`)
  }
  native().alias(target, data === undefined ? empty([0]) : detach(data))
}

function check(what: string, options: object, known: string[]): void {
  if (!isOptions(options)) throw new ArgumentError(`${what}: expected options, received ${describe(options)}`)
  for (const key of Object.keys(options)) if (!known.includes(key)) throw unknownOption(what, key, known)
}

/**
 * A tensor that is learned: as a property of a module it is one of the module's parameters. It shares its data with the tensor
 * that it is made of, and requires gradients also inside `noGrad`.
 * @example
 * class Scale extends nn.Module {
 *   factor = new nn.Parameter(torch.ones(3))
 *   forward(x: torch.Tensor) { return x.mul(this.factor) }
 * }
 * @throws {@link DtypeError} for a dtype that has no gradients (integers, bool) unless `requiresGrad: false`
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Parameter.html
 */
export class Parameter extends Tensor {
  declare protected readonly parameterBrand: true

  /**
   * @param data - default: an empty tensor
   * @param options - `requiresGrad` (default `true`), also as second argument
   */
  constructor(data?: Tensor, options: { requiresGrad?: boolean } | boolean = {}) {
    super()
    if (typeof options === 'boolean') options = { requiresGrad: options }
    check('Parameter', options, ['requiresGrad'])
    shareStorage(this, 'Parameter', data)
    if (options.requiresGrad ?? true) native().setRequiresGrad(this, true)
  }
}

const transient = new WeakSet<Buffer>()

/**
 * A tensor that is part of a module's state but not learned, such as a running mean. As a property of a module it moves with the
 * module and, unless `persistent` is false, is in its state dict.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Buffer.html
 */
export class Buffer extends Tensor {
  declare protected readonly bufferBrand: true

  /**
   * @param data - default: an empty tensor
   * @param options - `persistent`: whether state dicts contain it (default `true`)
   */
  constructor(data?: Tensor, options: { persistent?: boolean } = {}) {
    super()
    check('Buffer', options, ['persistent'])
    shareStorage(this, 'Buffer', data)
    if (data?.requiresGrad) native().setRequiresGrad(this, true)
    if (options.persistent === false) transient.add(this)
  }

  /** Whether state dicts contain it. */
  get persistent(): boolean {
    return !transient.has(this)
  }
  set persistent(value: boolean) {
    if (value) transient.delete(this)
    else transient.add(this)
  }
}

/** An empty Parameter or Buffer for a tensor that exists natively; the constructors would make another one over its storage. */
export function emptyShell<T extends Parameter | Buffer>(type: abstract new (...args: never[]) => T): T {
  return Reflect.construct(Tensor, [], type) as T
}
