/**
 * Functions that the backward pass calls. Native code knows each by a number, and says which numbers no graph and no tensor
 * refers to any more; see native/autograd/hooks.cpp. A hook runs on the thread that called `backward`, so that only the
 * synchronous calls can have hooks.
 */
import type { HookHomeHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError, TorchError } from '../errors.js'
import type { Tensor } from './tensor.js'

/** Undoes a registration; the second time does nothing. */
export interface RemovableHandle {
  remove(): void
}

type Gradients = (Tensor | null)[]
type Hook = (grads: Gradients) => Gradients | undefined

const hooks = new Map<number, Hook>()
let home: HookHomeHandle | undefined
let last = 0
/** What a hook threw, on its way through native code. */
let thrown: { error: unknown } | undefined

function call(id: number, grads: Gradients): Gradients | undefined | false {
  try {
    return hooks.get(id)?.(grads)
  } catch (error) {
    thrown = { error }
    return false
  }
}

function remember(hook: Hook): [HookHomeHandle, number] {
  home ??= native().newHookHome(call)
  forgetFreed()
  do last = (last + 1) >>> 0
  while (hooks.has(last))
  hooks.set(last, hook)
  return [home, last]
}

function forgetFreed(): void {
  if (home) for (const id of native().freedHooks(home)) hooks.delete(id)
}

/** Runs a synchronous backward pass; what a hook throws comes out of it as it is. @internal */
export function withHooks<T>(run: () => T): T {
  thrown = undefined
  try {
    return run()
  } catch (error) {
    const own = thrown as { error: unknown } | undefined
    thrown = undefined
    throw own ? own.error : error
  } finally {
    if (hooks.size > 0) forgetFreed()
  }
}

function check(what: string, tensor: Tensor, hook: unknown): void {
  if (typeof hook !== 'function') throw new ArgumentError(`${what}(): expected a function, received ${typeof hook}`)
  if (!tensor.requiresGrad) throw new TorchError("cannot register a hook on a tensor that doesn't require gradient")
}

/** `Tensor.registerHook`. @internal */
export function registerHook(tensor: Tensor, hook: (grad: Tensor) => Tensor | null | undefined): RemovableHandle {
  check('registerHook', tensor, hook)
  const [at, id] = remember(([grad]) => {
    const changed = hook(grad!)
    if (changed === undefined || changed === null) return undefined
    if (!native().isTensor(changed)) throw new ArgumentError(`expected Variable, but hook returned '${typeof changed}'`)
    return [changed]
  })
  const position = native().registerTensorHook(at, tensor, id)
  return once(tensor, (target) => native().removeTensorHook(target, position))
}

/** `Tensor.registerPostAccumulateGradHook`. @internal */
export function registerPostAccumulateGradHook<T extends Tensor>(tensor: T, hook: (param: T) => void): RemovableHandle {
  check('registerPostAccumulateGradHook', tensor, hook)
  if (tensor.gradFn !== null)
    throw new TorchError('post accumulate grad hooks cannot be registered on non-leaf tensors')
  // The tensor has the hook, so that the hook must not keep the tensor.
  const own = new WeakRef(tensor)
  const [at, id] = remember(([same]) => {
    hook(own.deref() ?? (same as T))
    return undefined
  })
  native().registerPostAccumulateHook(at, tensor, id)
  return once(tensor, (target) => native().removePostAccumulateHook(target, id))
}

function once(tensor: Tensor, undo: (tensor: Tensor) => void): RemovableHandle {
  let target: WeakRef<Tensor> | undefined = new WeakRef(tensor)
  return {
    remove() {
      const present = target?.deref()
      target = undefined
      if (present && !present.isDisposed) undo(present)
      forgetFreed()
    },
  }
}

/**
 * The same tensors, with a node between that shows their gradients to `hook` and passes on what it returns. With `zeros`,
 * gradients that do not come are zeros. @internal
 */
export function backwardBorder(tensors: Tensor[], zeros: boolean, hook: Hook): Tensor[] {
  const [at, id] = remember(hook)
  return native().backwardBorder(at, tensors, id, zeros)
}

/**
 * Shows `hook` what the node that made a tensor passes on, and what came to it; what it returns replaces the former. The hook stays
 * as long as the node. @internal
 */
export function registerNodeHook(
  tensor: Tensor,
  hook: (gradInput: Gradients, gradOutput: Gradients) => Gradients | undefined,
): void {
  let came = 0
  const [at, id] = remember((grads) => {
    const split = grads.length - came
    const [passed, rest] = [grads.slice(0, split), grads.slice(split)]
    const changed = hook(passed, rest)
    return changed && [...changed, ...rest]
  })
  came = native().registerNodeHook(at, tensor, id)
}
