/** What a module is moved or cast to. */
import { ArgumentError } from '../errors.js'
import { type Device, type Dtype, isDtype } from '../tensor/dtype.js'
import { describe, isOptions, unknownOption } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'

/** What `Module.to` takes in its options. */
export interface ModuleToOptions {
  device?: Device | null
  /** A floating point or complex dtype; tensors of other kinds keep theirs. */
  dtype?: Dtype | null
  nonBlocking?: boolean
}

/** Reads the arguments of `Module.to`. @internal */
export function toTarget(args: unknown[]): ModuleToOptions {
  const last = args[args.length - 1]
  const target: ModuleToOptions = {}
  if (isOptions(last)) {
    const known = ['device', 'dtype', 'nonBlocking']
    for (const key of Object.keys(last)) if (!known.includes(key)) throw unknownOption('to', key, known)
    Object.assign(target, last)
    args = args.slice(0, -1)
  }
  for (const arg of args) {
    if (arg instanceof Tensor) Object.assign(target, { device: arg.device, dtype: arg.dtype })
    else if (typeof arg === 'boolean') target.nonBlocking = arg
    else if (isDtype(arg)) target.dtype = arg
    else if (typeof arg === 'string') target.device = arg
    else if (arg !== null && arg !== undefined) {
      throw new ArgumentError(`to() takes a device, a dtype, a Tensor or options, received ${describe(arg)}`)
    }
  }
  const { dtype } = target
  if (dtype && !/^(float|bfloat|complex)/.test(dtype)) {
    throw new ArgumentError(
      `nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.${dtype}`,
    )
  }
  return target
}
