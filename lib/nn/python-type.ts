import { Tensor } from '../tensor/tensor.js'

/** The name of the Python class that a value is an instance of, as messages and printouts say it. */
export function pythonTypeName(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType'
  if (value instanceof Tensor) return 'torch.Tensor'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'str'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'function') return 'function'
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || value instanceof Map ? 'dict' : value.constructor.name
}

/** The name of a value's type alone, as Python's `type(value).__name__`. */
export function typeName(value: unknown): string {
  if (value instanceof Tensor) return value.constructor.name
  return Array.isArray(value) && value.constructor !== Array ? 'tuple' : pythonTypeName(value)
}

/** `<class 'int'>` */
export function pythonClass(value: unknown): string {
  return `<class '${pythonTypeName(value)}'>`
}

const typeNames: Record<string, string> = {
  float64: 'Double',
  float32: 'Float',
  float16: 'Half',
  bfloat16: 'BFloat16',
  int64: 'Long',
  int32: 'Int',
  int16: 'Short',
  int8: 'Char',
  uint8: 'Byte',
  bool: 'Bool',
  complex64: 'ComplexFloat',
  complex128: 'ComplexDouble',
}

/** `torch.FloatTensor` */
export function tensorClass({ dtype, isCuda }: Tensor): string {
  const name = typeNames[dtype]
  return name === undefined ? `torch.${dtype}` : `torch.${isCuda ? 'cuda.' : ''}${name}Tensor`
}
