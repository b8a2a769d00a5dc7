/** Datasets that can be sent to a worker as they are: those that are made of data alone. */
import { ArgumentError } from '../../errors.js'
import type { SharedTensor } from '../../tensor/share.js'
import { ConcatDataset, StackDataset, Subset, TensorDataset } from '../dataset.js'
import { pack, unpack } from './protocol.js'

type Sent =
  | { kind: 'samples'; samples: unknown }
  | { kind: 'tensors'; tensors: unknown }
  | { kind: 'subset'; dataset: Sent; indices: readonly number[] }
  | { kind: 'concat'; datasets: Sent[] }
  | { kind: 'stack'; names: string[] | null; datasets: Sent[] }

/**
 * A dataset in a form that a message carries.
 * @param handles - collects the handles of its tensors
 * @throws {@link ArgumentError} for one with code of its own
 */
export function sendable(dataset: unknown, handles: SharedTensor[]): Sent {
  const all = (datasets: readonly unknown[]) => datasets.map((inner) => sendable(inner, handles))
  if (Array.isArray(dataset)) return { kind: 'samples', samples: pack(dataset, handles) }
  // not of a subclass: its methods would stay behind
  switch ((dataset as object | null)?.constructor) {
    case TensorDataset:
      return { kind: 'tensors', tensors: pack((dataset as TensorDataset<[]>).tensors, handles) }
    case Subset: {
      const { dataset: inner, indices } = dataset as Subset<unknown>
      return { kind: 'subset', dataset: sendable(inner, handles), indices: [...indices] }
    }
    case ConcatDataset:
      return { kind: 'concat', datasets: all((dataset as ConcatDataset<unknown>).datasets) }
    case StackDataset: {
      const { datasets } = dataset as { datasets: Record<string, unknown> | unknown[] }
      const names = Array.isArray(datasets) ? null : Object.keys(datasets)
      return { kind: 'stack', names, datasets: all(Object.values(datasets)) }
    }
  }
  throw cannotSend(`${(dataset as object | null)?.constructor?.name ?? 'it'} has methods`)
}

export function cannotSend(why: string, cause?: unknown): ArgumentError {
  return new ArgumentError(
    `DataLoader: the dataset cannot be sent to a worker, as ${why}, and code stays in its thread. Put it into a module of its own ` +
      "that exports it as `dataset` (or a function that makes it of workerData), and pass workerModule: new URL('./dataset.js', import.meta.url)",
    cause === undefined ? {} : { cause },
  )
}

/** The dataset that {@link sendable} sent. */
export function received(sent: unknown): unknown {
  const of = sent as Sent
  switch (of.kind) {
    case 'samples':
      return unpack(of.samples)
    case 'tensors':
      return new TensorDataset(...(unpack(of.tensors) as []))
    case 'subset':
      return new Subset(received(of.dataset) as unknown[], of.indices)
    case 'concat':
      return new ConcatDataset(of.datasets.map(received) as unknown[][])
    case 'stack': {
      const datasets = of.datasets.map(received) as unknown[][]
      if (of.names === null) return new StackDataset<unknown[][]>(...datasets)
      return new StackDataset(Object.fromEntries(of.names.map((name, i) => [name, datasets[i]!])))
    }
  }
}
