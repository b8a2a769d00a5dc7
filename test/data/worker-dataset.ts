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
    | 'ops'
    | 'broken'
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

/** Numbers of every kind of random function, the functions of this package that are built on them included. */
export function everyDraw(): Record<string, torch.Tensor> {
  const p = torch.full([4], 0.5)
  const fresh = () => torch.empty(4)
  return {
    rand: torch.rand(3),
    randOptions: torch.rand([3], { dtype: 'float64' }),
    randn: torch.randn([2, 2]),
    randint: torch.randint(0, 10, [3]),
    randperm: torch.randperm(6),
    randLike: torch.randLike(p),
    randnLike: torch.randnLike(p),
    normal: torch.normal(0, 1, [3]),
    bernoulli: torch.bernoulli(p),
    bernoulliOf: p.bernoulli(),
    multinomial: p.multinomial(2),
    poisson: torch.poisson(p),
    normal_: fresh().normal_(1, 2),
    uniform_: fresh().uniform_(-1, 1),
    exponential_: fresh().exponential_(),
    random_: torch.empty([3], { dtype: 'int64' }).random_(),
    bernoulli_: fresh().bernoulli_(0.3),
    init: torch.nn.init.kaimingUniform_(torch.empty(3, 3)),
    trunc: torch.nn.init.truncNormal_(torch.empty(3)),
    forked: torch.random.forkRng(() => torch.rand(1)),
    again: torch.rand(1),
    state: torch.getRngState(),
  }
}

class Numbers extends data.IterableDataset<number> {
  constructor(
    readonly length: number,
    readonly broken = false,
  ) {
    super()
  }
  override *[Symbol.iterator]() {
    const { id, numWorkers } = data.getWorkerInfo() ?? { id: 0, numWorkers: 1 }
    for (let i = id; i < this.length; i += numWorkers) {
      if (this.broken && i === 2) throw new Error('line 3 is broken')
      yield i
    }
  }
}

const pause = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

export function dataset({ kind, n, shares, scale }: Wanted): torch.utils.data.Dataset<unknown> | Numbers {
  if (kind === 'stream' || kind === 'broken') return new Numbers(n, kind === 'broken')
  if (kind === 'draws') return new Draws(n)
  if (kind === 'ops') return { length: n, get: everyDraw }
  if (kind === 'throws') throw new TypeError('no such folder')
  if (kind === 'fails' && shares) process.on('exit', () => Atomics.add(shares, 1, 1))
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
