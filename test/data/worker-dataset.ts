/** Datasets for workers, named by what the tests pass as workerData. */
import * as torch from 'libtorch-node'

const { data } = torch.utils

export interface Wanted {
  kind:
    | 'draws'
    | 'fails'
    | 'exits'
    | 'hangs'
    | 'slow'
    | 'function'
    | 'many'
    | 'stream'
    | 'throws'
    | 'uncaught'
    | 'counted'
  n: number
  shares?: Int32Array
  scale?: torch.Tensor
}

/** Index, a number drawn, the seed, and the worker: what Python's dataset of the parity test gives as well. */
class Draws extends data.Dataset<unknown> {
  constructor(readonly length: number) {
    super()
  }
  get(index: number): unknown {
    const info = data.getWorkerInfo()
    const x = torch.rand(2)
    const noise = torch.empty(20).normal_()
    return {
      index,
      x,
      noise,
      m: torch.randperm(5),
      seed: torch.initialSeed(),
      id: BigInt(info?.id ?? -1),
      of: info?.numWorkers,
    }
  }
}

class Numbers extends data.IterableDataset<number> {
  constructor(
    readonly length: number,
    readonly shares?: Int32Array,
  ) {
    super()
  }
  override *[Symbol.iterator]() {
    const { id, numWorkers } = data.getWorkerInfo() ?? { id: 0, numWorkers: 1 }
    for (let i = id; i < this.length; i += numWorkers) yield i
  }
}

const pause = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

export function dataset({ kind, n, shares, scale }: Wanted): torch.utils.data.Dataset<unknown> | Numbers {
  if (kind === 'stream') return new Numbers(n)
  if (kind === 'draws') return new Draws(n)
  if (kind === 'throws') throw new TypeError('no such folder')
  return {
    length: n,
    get(index: number): unknown {
      if (kind === 'fails' && index === 5)
        throw Object.assign(new RangeError('picture 5 is broken'), { code: 'EBROKEN' })
      if (kind === 'exits' && index === 5) process.exit(3)
      if (kind === 'hangs' && index === 5) pause(60_000)
      if (kind === 'slow') pause(20)
      if (kind === 'function' && index === 5) return { callback: () => {} }
      if (kind === 'uncaught' && index === 5) {
        setTimeout(() => {
          throw new Error('out of the blue')
        })
        return new Promise(() => {})
      }
      if (shares) Atomics.add(shares, 0, 1)
      if (scale) return scale.mul(index)
      return kind === 'many'
        ? { list: [torch.tensor(index)], map: new Map([['t', torch.full([2], index)]]), name: `n${index}` }
        : index
    },
  }
}
