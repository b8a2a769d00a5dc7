/** What the code of a dataset can ask about the worker that it runs in. */

/** The worker of a DataLoader that this code runs in. */
export interface WorkerInfo {
  /** 0 to `numWorkers - 1` */
  readonly id: number
  readonly numWorkers: number
  /** What this worker's random numbers were seeded with: the loader's base seed + `id`. */
  readonly seed: bigint
  /** This worker's own copy of the dataset. */
  readonly dataset: unknown
}

let current: WorkerInfo | null = null

/**
 * The worker that this code runs in; null outside of one. A stream divides itself by it.
 * @example
 * class Lines extends torch.utils.data.IterableDataset<string> {
 *   *[Symbol.iterator]() {
 *     const { id, numWorkers } = torch.utils.data.getWorkerInfo() ?? { id: 0, numWorkers: 1 }
 *     for (let i = id; i < lines.length; i += numWorkers) yield lines[i]!
 *   }
 * }
 */
export function getWorkerInfo(): WorkerInfo | null {
  return current
}

/** @internal */
export function setWorkerInfo(info: WorkerInfo): void {
  current = Object.freeze(info)
}
