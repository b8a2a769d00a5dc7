/** How the functions of this room take arguments: in Python's order, any number of them also by name in a trailing object. */
import { ArgumentError } from '../errors.js'
import { describe } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'

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
