/** Keys of state dicts and patterns over them as types. */
import type { Keys } from '../nn/types.js'
import type { Tensor } from '../tensor/tensor.js'

/** A state dict as these functions take it: typed, any record of tensors, or a Map where keys are numbers that are not in order. */
export type StateDictLike = { readonly [key: string]: Tensor } | ReadonlyMap<string, Tensor>

type PrefixOf<P> = P extends readonly string[] ? P[number] : P extends string ? P : never

/** A key without its prefixes: one after the other is taken off until none is left. */
export type Stripped<K extends string, P extends string> = string extends P
  ? string
  : K extends `${P}${infer Rest}`
    ? Stripped<Rest, P>
    : K

/** `T`; for what is of no known type, as all that comes out of a file, a record of tensors. */
type Known<S, T> = 0 extends 1 & S ? Record<string, Tensor> : T

/** What {@link stripPrefix} gives: `'module.fc.weight'` becomes `'fc.weight'`. */
export type StripPrefix<S, P> = Known<
  S,
  S extends ReadonlyMap<string, infer V>
    ? Map<string, V>
    : { [K in keyof S & string as Stripped<K, PrefixOf<P>>]: S[K] }
>

/** What {@link addPrefix} gives: `'fc.weight'` becomes `'module.fc.weight'`. */
export type AddPrefix<S, P extends string> = Known<
  S,
  S extends ReadonlyMap<string, infer V> ? Map<string, V> : { [K in keyof S & string as `${P}${K}`]: S[K] }
>

/** What {@link renameKeys} gives: any keys. */
export type RenamedKeys<S> = Known<
  S,
  S extends ReadonlyMap<string, infer V> ? Map<string, V> : Record<string, S[keyof S]>
>

/** The same keys, without `readonly`. */
export type SameKeys<S> = Known<
  S,
  S extends ReadonlyMap<string, infer V> ? Map<string, V> : { -readonly [K in keyof S & string]: S[K] }
>

/** Names of the modules that have keys below them. */
type Modules<K extends string> = K extends `${infer Head}.${infer Rest}` ? Head | `${Head}.${Modules<Rest>}` : never

/** The patterns that an editor offers: names of parameters, whole modules, all. */
type Offered<K extends string> = K | `${Modules<K>}.*` | '*'

type Wild = `${string}*${string}` | `${string}?${string}`

/** Whether a pattern can match one of the keys: it is followed down to its first wildcard. */
type Matches<P extends string, K extends string> = [K] extends [never]
  ? false
  : P extends K
    ? true
    : P extends `${infer Head}.${infer Rest}`
      ? Head extends Wild
        ? true
        : Matches<Rest, K extends `${Head}.${infer Below}` ? Below : never>
      : P extends Wild
        ? true
        : false

/** `P`, where it can match a key of the module `M`; else the patterns that can. A text that is only known to be one passes. */
export type Pattern<M, P> = P extends string
  ? string extends P
    ? P
    : string extends Keys<M>
      ? P
      : Matches<P, Keys<M>> extends true
        ? P
        : Offered<Keys<M>>
  : P

/** {@link Pattern} for each item of a list. */
export type Patterns<M, A extends readonly unknown[]> = { [I in keyof A]: Pattern<M, A[I]> }
