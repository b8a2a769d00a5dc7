/** The state of all random numbers as tensors, which every reader of checkpoints knows. */
import { native } from '../binding.js'
import { deviceCount } from '../tensor/cuda.js'
import { defaultGenerator, Generator } from '../tensor/generator.js'
import { Tensor } from '../tensor/tensor.js'

/** `rng` of a checkpoint. Other keys, such as Python's and numpy's states, are kept as they were read. */
export interface RngState {
  cpu?: Tensor
  cuda?: Tensor[]
  generators?: Record<string, Tensor>
  [foreign: string]: unknown
}

const own = ['cpu', 'cuda', 'generators']

function cudaGenerators(): Generator[] {
  return Array.from({ length: deviceCount() }, (_, i) => {
    const generator = Object.create(Generator.prototype) as Generator
    return native().defaultGenerator(generator, `cuda:${i}`)
  })
}

/** The present state of the CPU, every CUDA device and the generators given, and what else a file had. */
export function rngState(generators: ReadonlyMap<string, Generator>, foreign: RngState): RngState {
  const state: RngState = Object.create(null)
  state.cpu = defaultGenerator().getState()
  state.cuda = cudaGenerators().map((generator) => generator.getState())
  if (generators.size > 0) {
    state.generators = Object.create(null) as Record<string, Tensor>
    for (const [name, generator] of generators) state.generators[name] = generator.getState()
  }
  for (const [key, value] of Object.entries(foreign)) if (!own.includes(key)) state[key] = value
  return state
}

/** What of a saved state does not fit here; nothing is changed. */
export function rngProblems(state: RngState, generators: ReadonlyMap<string, Generator>): string[] {
  const problems: string[] = []
  const check = (name: string, saved: unknown, present: Generator): void => {
    if (!(saved instanceof Tensor) || saved.dtype !== 'uint8') problems.push(`rng.${name} is no state of a generator`)
    else if (saved.numel() !== present.getState().numel())
      problems.push(`rng.${name} has ${saved.numel()} bytes; here it would have ${present.getState().numel()}`)
  }
  if (state.cpu !== undefined) check('cpu', state.cpu, defaultGenerator())
  for (const [i, generator] of cudaGenerators().entries())
    if (state.cuda?.[i] !== undefined) check(`cuda[${i}]`, state.cuda[i], generator)
  for (const [name, generator] of generators)
    if (state.generators?.[name] !== undefined) check(`generators.${name}`, state.generators[name], generator)
  return problems
}

/** Restores a state; returns the names of what the file and this program do not both have. */
export function restoreRng(state: RngState, generators: ReadonlyMap<string, Generator>): string[] {
  const missing: string[] = []
  const devices = cudaGenerators()
  const saved = state.cuda ?? []
  for (let i = 0; i < Math.max(devices.length, saved.length); i++) {
    if (devices[i] && saved[i]) devices[i]!.setState(saved[i]!)
    else missing.push(`rng.cuda[${i}]`)
  }
  const names = new Set([...generators.keys(), ...Object.keys(state.generators ?? {})])
  for (const name of names) {
    const [generator, value] = [generators.get(name), state.generators?.[name]]
    if (generator && value) generator.setState(value)
    else missing.push(`rng.generators.${name}`)
  }
  if (state.cpu) defaultGenerator().setState(state.cpu)
  else missing.push('rng.cpu')
  return missing
}
