/** What the hooks of modules look like. */
import type { Tensor } from '../tensor/tensor.js'
import type { Module } from './module.js'

/** What `forward` got by name: the plain object that was its last argument, or an empty one. */
export type ForwardKwargs = Record<string, any>
/** Called before `forward` with its arguments; what it returns replaces them (an array, or the one argument). */
export type ForwardPreHook<M = Module> = (module: M, args: any[]) => unknown
/** The same with `withKwargs`; a pair `[args, kwargs]` that it returns replaces both. */
export type ForwardPreHookWithKwargs<M = Module> = (module: M, args: any[], kwargs: ForwardKwargs) => unknown
/** Called after `forward` with its arguments and result; what it returns replaces the result. */
export type ForwardHook<M = Module> = (module: M, args: any[], output: any) => unknown
/** The same with `withKwargs`. */
export type ForwardHookWithKwargs<M = Module> = (module: M, args: any[], kwargs: ForwardKwargs, output: any) => unknown
/** Gradients by position; null for what is no Tensor. */
export type ModuleGradients = readonly (Tensor | null)[]
/** Called with the gradients of `forward`'s result; an array that it returns replaces them. */
export type FullBackwardPreHook<M = Module> = (
  module: M,
  gradOutput: ModuleGradients,
) => ModuleGradients | null | undefined
/** Called with the gradients of `forward`'s arguments and of its result; an array that it returns replaces the former. */
export type FullBackwardHook<M = Module> = (
  module: M,
  gradInput: ModuleGradients,
  gradOutput: ModuleGradients,
) => ModuleGradients | null | undefined

/**
 * Called with the gradients that the last operation of `forward` passes on, and those that came to it; an array that it returns
 * replaces the former.
 */
export type BackwardHook<M = Module> = FullBackwardHook<M>

export interface ForwardPreHookOptions {
  /** Goes before the hooks that are there (default `false`). */
  prepend?: boolean
  /** Is called with `forward`'s options, too (default `false`). */
  withKwargs?: boolean
}

export interface ForwardHookOptions extends ForwardPreHookOptions {
  /** Is called, with null for the result, also when `forward` throws (default `false`). */
  alwaysCall?: boolean
}

/** Of a hook of all modules. */
export type GlobalForwardHookOptions = Omit<ForwardHookOptions, 'prepend'>
