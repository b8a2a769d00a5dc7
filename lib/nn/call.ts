/** How the functions of this room take arguments: in Python's order, any number of them also by name in a trailing object. */
import { ArgumentError } from '../errors.js'
import { describe } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'
import { pythonTypeName } from './python-type.js'

/** A list of arguments of which the last ones may be left out, or be given by name in an object. */
export type Call<TPositional extends unknown[], TOptions> = TPositional extends [...infer Head, unknown]
  ? [...TPositional, options?: TOptions] | Call<Head, TOptions>
  : [options?: TOptions]

/** The tensor that a function needs, or an error that says what came. */
export function needTensor(what: string, name: string, value: unknown): Tensor {
  if (value instanceof Tensor) return value
  throw new ArgumentError(`${what}(): expected ${name} to be a Tensor, received ${describe(value)}`)
}

/** A number where one is needed, with the usual value where none came. */
export function numberOr(what: string, name: string, value: unknown, usual: number): number {
  if (value === undefined) return usual
  if (typeof value === 'number') return value
  throw new ArgumentError(`${what}(): expected ${name} to be a number, received ${describe(value)}`)
}

/** A value as Python's `str()` writes it into a message. */
export function pythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  return String(value)
}

/** A value as Python's `repr()` writes it: as {@link pythonText}, but text in quotes. */
export function pythonRepr(value: unknown): string {
  if (typeof value !== 'string') return pythonText(value)
  const text = value.replaceAll('\\', '\\\\')
  if (text.includes("'") && !text.includes('"')) return `"${text}"`
  return `'${text.replaceAll("'", "\\'")}'`
}

/** A float as Python's `str()` writes it. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? value.toFixed(1) : String(value)
}

/** A shape as Python prints it. */
export function sizeText(tensor: Tensor): string {
  return `torch.Size([${tensor.shape.join(', ')}])`
}

/** The name of a value's type alone, as Python's `type(value).__name__`. */
export function typeName(value: unknown): string {
  if (value instanceof Tensor) return value.constructor.name
  return Array.isArray(value) && value.constructor !== Array ? 'tuple' : pythonTypeName(value)
}
