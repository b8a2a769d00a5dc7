/** Keys of state dicts as types, from a module's own fields: no registration and no annotation. */
export type { RemovableHandle } from '../tensor/backward-hooks.js'

import type { Buffer, Parameter } from '../tensor/parameter.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Module } from './module.js'

type Entry<V, K extends string> = V extends Parameter | Buffer ? K : V extends Module ? `${K}.${Keys<V>}` : never

/** Keys of the parameters, buffers and children among the fields of `M`. */
export type FieldKeys<M> = { [K in keyof M & string]: Entry<M[K], K> }[keyof M & string]

/**
 * The keys of a module's state dict. Of something that is only known to be a module any key is possible; a container says in
 * `keyBrand` what its keys are.
 */
export type Keys<M> = Module extends M
  ? string
  : M extends { readonly keyBrand?: infer B }
    ? unknown extends B
      ? FieldKeys<M>
      : Extract<B, string>
    : FieldKeys<M>

/** What a state dict of the module `M` looks like: its keys are typed from the module's own fields. */
export type StateDict<M = Module> = { [K in Keys<M>]: Tensor }

/** Keys of modules in a tuple. */
export type TupleKeys<T extends readonly unknown[]> = number extends T['length']
  ? string
  : { [I in Extract<keyof T, `${number}`>]: T[I] extends Module ? `${I}.${Keys<T[I]>}` : never }[Extract<
      keyof T,
      `${number}`
    >]

/** The state dict to load: typed, or any record of tensors; a Map where the order of integer-like keys matters. */
export type AnyStateDict = { readonly [key: string]: Tensor } | ReadonlyMap<string, Tensor>

/** What {@link Module.loadStateDict} reports; both are empty where everything fitted. */
export interface IncompatibleKeys {
  /** keys of the module that the state dict lacks */
  missingKeys: string[]
  /** keys of the state dict that the module has no place for */
  unexpectedKeys: string[]
}

/** What `namedParameters` and its kin take. */
export interface WalkOptions {
  /** Stands before all names (default `''`). */
  prefix?: string
  /** Goes into the children, too (default `true`). */
  recurse?: boolean
  /** Leaves out what was there before under another name (default `true`). */
  removeDuplicate?: boolean
}
