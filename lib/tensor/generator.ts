import { randomBytes } from 'node:crypto'
import type { GeneratorHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import type { Tensor } from './tensor.js'

function seedOf(seed: number | bigint): bigint {
  if (typeof seed !== 'bigint' && !Number.isSafeInteger(seed)) {
    throw new ArgumentError(`a seed must be an integer, received ${String(seed)}; beyond 2^53 pass a bigint`)
  }
  return BigInt.asUintN(64, BigInt(seed))
}

// Not a private member: the default generator is made without the constructor.
const handle = (generator: Generator) => generator as unknown as GeneratorHandle

/**
 * A random number generator with its own state (`torch.Generator`).
 * The CPU's is a Mersenne Twister whose state is the same 5,056 bytes as Python's.
 */
export class Generator {
  constructor(device: string = 'cpu') {
    native().newGenerator(this, device)
  }

  get device(): string {
    return native().generatorDevice(handle(this))
  }
  /** Seeds the generator; the CPU uses the low 32 bits, negative seeds count from 2^64. */
  manualSeed(seed: number | bigint): this {
    native().generatorSeed(handle(this), seedOf(seed))
    return this
  }
  /** Seeds from entropy and returns the seed. */
  seed(): bigint {
    return native().generatorRandomSeed(handle(this))
  }
  initialSeed(): bigint {
    return native().generatorInitialSeed(handle(this))
  }
  /** The state as a uint8 tensor, 5,056 bytes for the CPU. */
  getState(): Tensor {
    return native().generatorState(handle(this))
  }
  setState(state: Tensor): this {
    native().generatorSetState(handle(this), state)
    return this
  }
}

let cpu: Generator | undefined
let ownOfThread: Generator | undefined

/**
 * From now on the random functions of this thread draw from a generator of its own, where they take one: LibTorch's default
 * generator is the process's, and a worker that drew from it would change what the main thread draws. To be called before any
 * operator of this thread. @internal
 */
export function useOwnGenerator(): Generator {
  return (ownOfThread ??= new Generator())
}

/** The default generator of this thread, where it has one of its own. @internal */
export function ownGenerator(): Generator | undefined {
  return ownOfThread
}

/** The default CPU generator, which every random function draws from unless it is given another. */
export function defaultGenerator(): Generator {
  if (ownOfThread) return ownOfThread
  return (cpu ??= native().defaultGenerator(Object.create(Generator.prototype) as Generator, 'cpu'))
}

/** Seeds the default generators of all devices; returns the CPU's. */
export function manualSeed(seed: number | bigint): Generator {
  if (ownOfThread) return ownOfThread.manualSeed(seed)
  native().manualSeed(seedOf(seed))
  return defaultGenerator()
}

/** Seeds the default generators from entropy; returns the seed. */
export function seed(): bigint {
  if (ownOfThread) return ownOfThread.seed()
  const value = randomBytes(8).readBigUInt64LE()
  native().manualSeed(value)
  return value
}

export function initialSeed(): bigint {
  return defaultGenerator().initialSeed()
}

/** State of the default CPU generator. */
export function getRngState(): Tensor {
  return defaultGenerator().getState()
}

/** Restores the state of the default CPU generator; takes what {@link getRngState} gave, here or in Python. */
export function setRngState(state: Tensor): void {
  defaultGenerator().setState(state)
}
