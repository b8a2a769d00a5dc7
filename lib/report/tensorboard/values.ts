/** What a writer takes as data: tensors, arrays and numbers. */
import { ArgumentError, DtypeError } from '../../errors.js'
import { Tensor } from '../../tensor/index.js'

/** A number, or a tensor of one element. */
export type ScalarLike = number | bigint | boolean | Tensor
/** Numbers: a tensor of any shape, a typed array, a list. */
export type ValuesLike = ScalarLike | ArrayLike<number> | ArrayLike<bigint>

/** As float64, in row order. Where Python goes through another dtype on the way, so does this. */
export function toDoubles(what: string, name: string, values: unknown): Float64Array {
  if (values instanceof Tensor) return doublesOf(what, name, values)
  if (typeof values === 'number' || typeof values === 'bigint' || typeof values === 'boolean') {
    return Float64Array.of(Number(values))
  }
  const isList = Array.isArray(values) || (ArrayBuffer.isView(values) && !(values instanceof DataView))
  if (!isList) throw wrongKind(what, name, values)
  return Float64Array.from(values as ArrayLike<number | bigint>, (value) => {
    if (typeof value !== 'number' && typeof value !== 'bigint') throw wrongKind(what, `${name}[…]`, value)
    return Number(value)
  })
}

function doublesOf(what: string, name: string, values: Tensor): Float64Array {
  return hostTensor(what, name, values).to('float64').typedArray() as Float64Array
}

/** The tensor as Python's converter to NumPy gives it: without gradient, on the CPU, bfloat16 as float16. */
export function hostTensor(what: string, name: string, values: Tensor): Tensor {
  if (values.device.startsWith('meta')) {
    throw new ArgumentError(`${what}: ${name} is on the 'meta' device, where tensors have no values`)
  }
  if (values.dtype.startsWith('complex')) {
    throw new DtypeError(`${what}: ${name} is ${values.dtype}; give its real part, its abs() or its angle()`)
  }
  const plain = values.detach().cpu()
  return plain.dtype === 'bfloat16' ? plain.to('float16') : plain
}

/** One number. */
export function toScalar(what: string, name: string, value: unknown): number {
  const values = toDoubles(what, name, value)
  if (values.length !== 1) {
    const given = value instanceof Tensor ? `a tensor of shape [${value.shape.join(', ')}]` : `${values.length} values`
    throw new ArgumentError(`${what}: ${name} should be one number, but is ${given}`)
  }
  return values[0]!
}

function wrongKind(what: string, name: string, value: unknown): ArgumentError {
  const given = value === null ? 'null' : typeof value === 'object' ? value.constructor?.name : typeof value
  return new ArgumentError(`${what}: ${name} should be a number, a tensor or an array of numbers, but is ${given}`)
}
