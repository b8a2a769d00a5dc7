/** Full backward hooks of modules. Rules: BackwardHook of torch/utils/hooks.py, PyTorch 2.13. */
import { TorchError } from '../errors.js'
import { isGradEnabled } from '../tensor/autograd.js'
import { backwardBorder } from '../tensor/backward-hooks.js'
import { Tensor } from '../tensor/tensor.js'
import type { FullBackwardHook, FullBackwardPreHook, ModuleGradients } from './hook-types.js'
import type { Module } from './module.js'
import { pythonClass } from './python-type.js'

type Gradients = (Tensor | null)[]

/** The two places where gradients pass in and out of one call of a module. */
export class BackwardBorders {
  readonly #module: Module
  readonly #hooks: FullBackwardHook[]
  readonly #preHooks: FullBackwardPreHook[]
  #gradOutput: ModuleGradients | undefined
  /** How many arguments there were, and which of them are tensors; undefined when none needs a gradient. */
  #inputs = 0
  #inputTensors: number[] | undefined

  constructor(module: Module, hooks: FullBackwardHook[], preHooks: FullBackwardPreHook[]) {
    this.#module = module
    this.#hooks = hooks
    this.#preHooks = preHooks
  }

  /** The arguments for `forward`. */
  enter(args: unknown[]): unknown[] {
    this.#inputs = args.length
    const [marked, at] = mark(args, true, (grads) => this.#leaveBackward(grads))
    this.#inputTensors = at
    return marked
  }

  /** The result to give. */
  leave(result: unknown): unknown {
    const isTuple = Array.isArray(result)
    if (!isTuple && !(result instanceof Tensor)) {
      warn(
        `For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received ${pythonClass(result)}`,
      )
    }
    const results = isTuple ? result : [result]
    const [marked] = mark(results, false, (grads, at) => this.#enterBackward(grads, at, results.length))
    return isTuple ? marked : marked[0]
  }

  /** The gradients of the result came. */
  #enterBackward(grads: Gradients, at: number[], size: number): Gradients {
    let gradOutput: ModuleGradients = spread(grads, at, size)
    for (const hook of this.#preHooks) {
      const changed = hook(this.#module, gradOutput)
      if (changed === undefined || changed === null) continue
      checkCount('Backward pre hook returned an invalid number of grad_output', changed, size)
      gradOutput = changed
    }
    this.#gradOutput = gradOutput
    if (this.#inputTensors === undefined) {
      warn(
        'Full backward hook is firing when gradients are computed with respect to module outputs since no inputs require gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook for more details.',
      )
      const nothing: Gradients = Array(this.#inputs).fill(null)
      for (const hook of this.#hooks) {
        const changed = hook(this.#module, nothing, gradOutput)
        if (changed && !(Array.isArray(changed) && changed.every((grad) => grad === null))) {
          throw new TorchError(
            'Backward hook for Modules where no input requires gradient should always return None or None for all gradients.',
          )
        }
      }
      this.#gradOutput = undefined
    }
    return at.map((i) => gradOutput[i]!)
  }

  /** The gradients of the arguments are there. */
  #leaveBackward(grads: Gradients): Gradients | undefined {
    const gradOutput = this.#gradOutput
    // They did not come by the result, as in a double backward.
    if (gradOutput === undefined) return undefined
    const at = this.#inputTensors!
    let gradInput: ModuleGradients = spread(grads, at, this.#inputs)
    for (const hook of this.#hooks) {
      const changed = hook(this.#module, gradInput, gradOutput)
      if (changed === undefined || changed === null) continue
      checkCount('Backward hook returned an invalid number of grad_input', changed, this.#inputs)
      gradInput = changed
    }
    this.#gradOutput = undefined
    return at.map((i) => gradInput[i]!)
  }
}

/** `values` with their tensors behind a border, and where these are; undefined where there is nothing to differentiate. */
function mark(
  values: unknown[],
  zeros: boolean,
  hook: (grads: Gradients, at: number[]) => Gradients | undefined,
): [unknown[], number[] | undefined] {
  const at = [...values.keys()].filter((i) => values[i] instanceof Tensor)
  const tensors = at.map((i) => values[i] as Tensor)
  if (!isGradEnabled() || !tensors.some((tensor) => tensor.requiresGrad)) return [values, undefined]
  const marked = [...values]
  for (const [i, tensor] of backwardBorder(tensors, zeros, (grads) => hook(grads, at)).entries())
    marked[at[i]!] = tensor
  return [marked, at]
}

function spread(grads: Gradients, at: number[], size: number): Gradients {
  const all: Gradients = Array(size).fill(null)
  for (const [i, grad] of grads.entries()) all[at[i]!] = grad
  return all
}

function checkCount(text: string, changed: ModuleGradients, expected: number): void {
  if (Array.isArray(changed) && changed.length === expected) return
  throw new TorchError(`${text}, got ${(changed as { length?: number }).length ?? 0}, but expected ${expected}`)
}

function warn(text: string): void {
  process.emitWarning(text, 'UserWarning')
}
