/**
 * Where a loader is, so that a run can go on from the middle of an epoch with the same batches and the same random numbers.
 * Iterators cannot be saved. So the state says how the generators were before the iterator was made, and how many batches it
 * delivered; a new iterator, made from the same generators and moved on by as many batches without looking at the data, is
 * where the old one was. What this draws is undone: afterwards all generators are as they were before.
 */
import { ArgumentError, StateDictError } from '../errors.js'
import { defaultGenerator, Generator } from '../tensor/generator.js'
import { Tensor } from '../tensor/tensor.js'

/** Part of a loader's state for one generator that the loader or a sampler was given. */
export interface GeneratorStates {
  /** Before the iterator was made; null between epochs. */
  before: Tensor | null
  now: Tensor
}

/**
 * What {@link DataLoader.stateDict} returns: tensors and numbers alone, which Python reads with `weights_only=True`.
 * The keys travel in files, and so are not camelCase.
 */
export interface DataLoaderState {
  version: 1
  /** Samples in a batch; null where a batch sampler decides, or without batches. */
  batch_size: number | null
  /** Samples in the dataset; null where that is not known. */
  samples: number | null
  /** Batches delivered in this epoch. */
  batches: number
  /** The default generator before the iterator was made; null between epochs. */
  rng_state: Tensor | null
  generators: GeneratorStates[]
  /** The default generators of the workers after the last batch that each delivered, where there are workers. */
  workers?: (Tensor | null)[]
}

/** The states of the default generator and of a loader's own. */
export interface Snapshot {
  rng: Tensor
  own: Tensor[]
}

/** The generators of a loader, of its samplers and of the samplers in these, each once. */
export function generatorsOf(...owners: unknown[]): Generator[] {
  const found = new Set<Generator>()
  const seen = new Set<unknown>()
  for (const owner of owners) {
    let at = owner as { generator?: unknown; sampler?: unknown } | null | undefined
    while (typeof at === 'object' && at !== null && !seen.has(at)) {
      seen.add(at)
      if (at.generator instanceof Generator) found.add(at.generator)
      at = at.sampler as typeof at
    }
  }
  return [...found]
}

export function takeSnapshot(own: readonly Generator[]): Snapshot {
  return { rng: defaultGenerator().getState(), own: own.map((generator) => generator.getState()) }
}

export function restore(own: readonly Generator[], snapshot: Snapshot): void {
  defaultGenerator().setState(snapshot.rng)
  for (const [i, generator] of own.entries()) generator.setState(snapshot.own[i]!)
}

/** What must be the same for a state to be of use. */
export interface Shape {
  batch_size: number | null
  samples: number | null
  generators: number
}

/** Refuses what is no state of such a loader, before anything is changed. @throws {@link StateDictError} */
export function checkState(state: unknown, shape: Shape): DataLoaderState {
  const given = state as Partial<DataLoaderState> | null
  if (typeof given !== 'object' || given === null || !('batches' in given) || !Array.isArray(given.generators)) {
    throw new ArgumentError(
      'DataLoader.loadStateDict: expected what stateDict() of a DataLoader returned, also after torch.save and torch.load',
    )
  }
  if (given.version !== 1) {
    throw new StateDictError(
      `DataLoader.loadStateDict: the state has version ${String(given.version)}; this release reads version 1. Update libtorch-node`,
    )
  }
  const { batches, rng_state: rng, generators } = given
  const mid = rng instanceof Tensor
  const whole =
    Number.isSafeInteger(batches) &&
    batches! >= 0 &&
    (mid || (rng === null && batches === 0)) &&
    (given.workers ?? []).every((state) => state === null || state instanceof Tensor) &&
    generators.every((g) => g?.now instanceof Tensor && (mid ? g.before instanceof Tensor : g.before === null))
  if (!whole)
    throw new StateDictError('DataLoader.loadStateDict: the state is damaged: parts of it do not fit together')
  const differ = (what: string, was: unknown, is: unknown, hint: string): void => {
    if (was === is) return
    throw new StateDictError(
      `DataLoader.loadStateDict: the state is of a loader with ${what} ${String(was)}, but this one has ${String(is)}; ${hint}`,
    )
  }
  // between epochs nothing is skipped, and another size does no harm
  if (mid) {
    const remake = 'make the loader as it was made in the run that saved the state'
    differ('batchSize', given.batch_size, shape.batch_size, remake)
    differ('a dataset of length', given.samples, shape.samples, remake)
  }
  const pass = 'give the loader and its samplers generators as in the run that saved the state'
  differ('generators in number', generators.length, shape.generators, pass)
  return given as DataLoaderState
}
