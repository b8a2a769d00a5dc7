/**
 * How a function of `nn.functional` takes its arguments: in Python's order, or by name in a trailing options object. One
 * record gives names, order, kinds and defaults.
 */
import { ArgumentError } from '../../errors.js'
import { isTensor } from '../../tensor/creation.js'
import type { Tensor } from '../../tensor/tensor.js'
import { takeArguments } from '../arguments.js'
import { typeName } from '../python-type.js'

/** The beginnings of a list of arguments, each of them with or without an options object behind it. */
type Beginnings<P extends unknown[], O> =
  | P
  | [...P, options: O]
  | (P extends [...infer Rest, unknown] ? Beginnings<Rest, O> : never)
type OrUndefined<P extends unknown[]> = { [K in keyof P]: P[K] | undefined }

/**
 * A function with the arguments `R`, then those of `P` as far as they are given, then the others of `O` by name; or all by
 * name, those of `R` as `N` has them. It gives `T`.
 */
export interface Call<R extends unknown[], P extends unknown[], O extends object, N extends object, T = Tensor> {
  (...args: [...R, ...Beginnings<OrUndefined<P>, O>]): T
  (options: N & O): T
}
/** A {@link Call} of one tensor. */
export type Unary<P extends unknown[] = [], O extends object = object, T = Tensor> = Call<
  [input: Tensor],
  P,
  O,
  { input: Tensor },
  T
>

/** One argument: whether its value is of the right kind, and what it is when not given. */
export interface Parameter {
  /** Python's name of the kind, for the message. */
  kind: string
  fits(value: unknown): boolean
  required?: boolean
  usual?: unknown
}

export const tensor: Parameter = { kind: 'Tensor', fits: isTensor, required: true }
export const optionalTensor: Parameter = { kind: 'Tensor', fits: (x) => x === null || isTensor(x), usual: null }
/** Anything: the operator below says what it takes. */
export const required: Parameter = { kind: 'object', fits: () => true, required: true }
export const any = (usual: unknown): Parameter => ({ kind: 'object', fits: () => true, usual })
export const bool = (usual: boolean): Parameter => ({ kind: 'bool', fits: (x) => typeof x === 'boolean', usual })
export const optionalBool: Parameter = {
  kind: 'bool',
  fits: (x) => x === null || typeof x === 'boolean',
  usual: null,
}
export const number = (usual?: number): Parameter => ({
  kind: 'float',
  fits: (x) => typeof x === 'number',
  required: usual === undefined,
  usual,
})
export const optionalNumber: Parameter = {
  kind: 'float',
  fits: (x) => x === null || typeof x === 'number',
  usual: null,
}
export const text = (usual: string): Parameter => ({ kind: 'str', fits: (x) => typeof x === 'string', usual })
/** A size for each dimension, or one for all. */
export const sizes = (usual?: number | null): Parameter => ({
  kind: 'int or list of ints',
  fits: (x) => isSize(x) || (x === null && usual === null) || (Array.isArray(x) && x.every(isSize)),
  required: usual === undefined,
  usual,
})
const isSize = (x: unknown): boolean => typeof x === 'number' || typeof x === 'bigint'

function missing(what: string, names: string[]): ArgumentError {
  const quoted = names.map((name) => `'${name}'`)
  const list =
    quoted.length < 3 ? quoted.join(' and ') : `${quoted.slice(0, -1).join(', ')}, and ${quoted[quoted.length - 1]}`
  return new ArgumentError(
    `${what}() missing ${names.length} required positional argument${names.length > 1 ? 's' : ''}: ${list}`,
  )
}

/**
 * Makes a function of `nn.functional`.
 * @param parameters - the arguments in Python's order
 * @param body - gets all of them in that order
 * @param positional - how many may come without a name (default: all)
 */
export function define<C>(
  name: string,
  parameters: Record<string, Parameter>,
  body: (...values: any[]) => unknown,
  positional?: number,
): C {
  const names = Object.keys(parameters)
  const list = Object.values(parameters)
  const call = (...args: unknown[]) => {
    const given = takeArguments(name, names, args, positional)
    const values = list.map((parameter, i) => (given[i] === undefined ? parameter.usual : given[i]))
    for (const [i, value] of values.entries()) {
      const parameter = list[i]!
      if (value === undefined && parameter.required)
        throw missing(
          name,
          names.filter((_, at) => list[at]!.required && values[at] === undefined),
        )
      if (!parameter.fits(value)) {
        throw new ArgumentError(
          `${name}(): argument '${names[i]}' (position ${i + 1}) must be ${parameter.kind}, not ${typeName(value)}`,
        )
      }
    }
    return body(...values)
  }
  Object.defineProperty(call, 'name', { value: name })
  return call as C
}
