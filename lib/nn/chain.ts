import type { ChainHandle, ModuleHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { describe } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'
import { Layer } from './layer.js'
import { Module } from './module.js'

/** A part of the way: native layers in one call, or another module. */
type Step = Module | { chain: ChainHandle }

// Hooks of all modules put other functions in their places, and part all chains so.
const layerForward = Layer.prototype.forward
function isNative(module: Module): boolean {
  return module.forward === layerForward && (module as Layer)._takesOne
}

/**
 * The way through modules of which each takes what the one before it gives. A run of native layers without hooks is one native
 * call; what lies between them never becomes a JavaScript object, and is freed as soon as the next layer has read it.
 */
export class Chain {
  /** The modules that the steps were made for, and whether each was native then. */
  #modules: readonly Module[] = []
  #native: boolean[] = []
  #steps: Step[] = []

  forward(modules: readonly Module[], input: any): any {
    if (!this.#isPlanned(modules)) this.#plan(modules)
    let value = input
    for (const step of this.#steps) {
      value = step instanceof Module ? step.forward(value) : native().chainForward(new Tensor(), step.chain, value)
    }
    return value
  }

  // A layer that got a hook, or a forward of its own, is no longer native.
  #isPlanned(modules: readonly Module[]): boolean {
    if (modules.length !== this.#modules.length) return false
    for (let i = 0; i < modules.length; i++) {
      if (modules[i] !== this.#modules[i] || isNative(modules[i]!) !== this.#native[i]) return false
    }
    return true
  }

  #plan(modules: readonly Module[]): void {
    for (const module of modules) {
      if (!(module instanceof Module))
        throw new ArgumentError(`forward: ${describe(module)} is in the place of a layer`)
    }
    const steps: Step[] = []
    let run: Module[] = []
    const endRun = (): void => {
      if (run.length > 1) steps.push({ chain: native().newChain({}, run as unknown as ModuleHandle[]) })
      else steps.push(...run)
      run = []
    }
    for (const module of modules) {
      if (isNative(module)) run.push(module)
      else {
        endRun()
        steps.push(module)
      }
    }
    endRun()
    this.#modules = modules
    this.#native = modules.map(isNative)
    this.#steps = steps
  }
}

const chains = new WeakMap<Module, Chain>()

/** What the last of some modules gives, when each takes what the one before it gave; `modules[0]` begins no other list. */
export function forwardInTurn(modules: readonly Module[], input: Tensor): Tensor {
  const first = modules[0]!
  const chain = chains.get(first) ?? new Chain()
  const output = chain.forward(modules, input)
  // only now: it has been seen that the first is a module
  chains.set(first, chain)
  return output
}
