import type { Tensor } from './tensor.js'

let made: Set<Tensor> | undefined

/** Called for every Tensor object that comes into being. @internal */
export function track(tensor: Tensor): void {
  made?.add(tensor)
}

function keep(value: unknown, set: Set<Tensor>, seen: Set<unknown>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  if (set.delete(value as Tensor)) return
  if (value instanceof Map) {
    for (const [key, item] of value) {
      keep(key, set, seen)
      keep(item, set, seen)
    }
  } else if (Symbol.iterator in value && (Array.isArray(value) || value instanceof Set)) {
    for (const item of value) keep(item, set, seen)
  } else {
    for (const item of Object.values(value)) keep(item, set, seen)
  }
}

/**
 * Runs `fn`, and at its end disposes of every tensor that was made inside and is not returned: bare, or in arrays, objects,
 * Maps, Sets and modules. Memory is freed at once instead of at the next garbage collection. Gradients (`p.grad`), parameters
 * and optimizer state belong to their native owners and stay.
 * @param fn - a synchronous function; a returned Promise is a TypeError, as the scope ends before it settles
 */
export function scope<T>(fn: () => T): T {
  const outer = made
  const inner = new Set<Tensor>()
  made = inner
  let result: T
  try {
    result = fn()
  } catch (error) {
    made = outer
    for (const tensor of inner) tensor.dispose()
    throw error
  }
  made = outer
  if (isPromise(result)) throw new TypeError('scope(fn): fn returned a Promise; a scope ends when fn returns')
  const returned = new Set(inner)
  keep(result, inner, new Set())
  for (const tensor of inner) {
    returned.delete(tensor)
    tensor.dispose()
  }
  // What survives this scope belongs to the one around it.
  if (outer) for (const tensor of returned) outer.add(tensor)
  return result
}

/** Runs `fn` so that no scope disposes of what it makes: state that lives as long as its optimizer. @internal */
export function unscoped<T>(fn: () => T): T {
  const outer = made
  made = undefined
  try {
    return fn()
  } finally {
    made = outer
  }
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
