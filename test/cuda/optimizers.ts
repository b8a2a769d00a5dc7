/** Optimizers and schedulers on parameters of several shapes; optimizers.py is the same program. */
import * as torch from 'libtorch-node'
import { device, type Seen } from './harness.js'

export interface OptimizerCase {
  /** a class of `torch.optim` */
  optimizer: string
  /** with Python's names */
  options: Record<string, unknown>
  dtype: torch.Dtype
  shapes: 'any' | 'matrices' | 'embeddings'
  /** the rate is a tensor on the device */
  tensorLr: boolean
  /** every parameter has a gradient in every step */
  allGradients: boolean
}

export interface SchedulerCase {
  optimizer: string
  options: Record<string, unknown>
  /** a scheduler and its options; in those of several others, further such pairs */
  scheduler: [name: string, options: Record<string, unknown>]
}

const shapesOf = {
  any: [[37], [], [5, 7], [33, 65], [8]],
  matrices: [
    [37, 5],
    [8, 8],
    [64, 48],
  ],
  embeddings: [
    [10, 4],
    [300, 9],
  ],
}
const steps = 5
const more = 2

type Gradient = torch.Tensor | [indices: torch.Tensor, values: torch.Tensor]

/** Parameters and the gradients of each step; the last parameter has none at first. */
function start(shapes: OptimizerCase['shapes'], dtype: torch.Dtype, count: number): [torch.Tensor[], Gradient[][]] {
  const generator = new torch.Generator().manualSeed(1)
  const randn = (shape: number[]) => torch.randn(shape, { generator, dtype: 'float64' })
  const made = (shape: number[]) => (dtype === 'complex64' ? torch.complex(randn(shape), randn(shape)) : randn(shape))
  const params = shapesOf[shapes].map((shape) => made(shape).to(dtype).to(device).requiresGrad_())
  const gradients = Array.from({ length: count }, (): Gradient[] => {
    if (shapes !== 'embeddings') return params.map((p) => made(p.shape).to(dtype).to(device))
    const indices = params.map((p) => torch.randint(0, p.shape[0]!, [1, 6], { generator }))
    return params.map((p, i) => [indices[i]!.to(device), randn([6, p.shape[1]!]).to(dtype).to(device)])
  })
  return [params, gradients]
}

const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
const camelKeys = (options: object) =>
  Object.fromEntries(Object.entries(options).map(([key, value]) => [camel(key), value]))

function make(name: string, options: Record<string, unknown>, params: torch.Tensor[], tensorLr: boolean) {
  const given = camelKeys(options)
  if (tensorLr) given.lr = torch.tensor(options.lr as number, { device })
  return new (torch.optim as any)[name](params, given) as torch.optim.Optimizer<any>
}

function take(
  optimizer: torch.optim.Optimizer<any>,
  params: torch.Tensor[],
  gradients: Gradient[][],
  first = 0,
  all = false,
) {
  for (const [i, step] of gradients.entries()) {
    for (const [j, p] of params.entries()) {
      const g = step[j]!
      if (Array.isArray(g)) p.grad = torch.sparseCooTensor(g[0], g[1], p.shape)
      else p.grad = j === params.length - 1 && first + i < 2 && !all ? null : g.clone()
    }
    optimizer.step()
  }
}

/** A state dict with tensors of its own. */
function copied(value: any): any {
  if (value instanceof torch.Tensor) return value.detach().clone()
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, copied(item)]))
  if (Array.isArray(value)) return [...value].map(copied)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copied(item)]))
}

export function optimizerCase(o: Seen, spec: OptimizerCase): void {
  const [params, gradients] = start(spec.shapes, spec.dtype, steps + more)
  const create = (list: torch.Tensor[]) => make(spec.optimizer, spec.options, list, spec.tensorLr)
  const optimizer = create(params)
  take(optimizer, params, gradients.slice(0, steps), 0, spec.allGradients)
  o.half = params.map((p) => p.detach().clone())
  o.state = copied(optimizer.stateDict())
  // an optimizer that loads the state goes on
  const again = params.map((p) => p.detach().clone().requiresGrad_())
  const other = create(again)
  other.loadStateDict(optimizer.stateDict())
  take(other, again, gradients.slice(steps), steps, spec.allGradients)
  o.end = again
  o['end state'] = other.stateDict()
}

export function lbfgsCase(o: Seen, options: Record<string, unknown>): void {
  const [params] = start('any', 'float32', 1)
  const optimizer = make('LBFGS', options, params, false)
  const closure = () => {
    optimizer.zeroGrad()
    const loss = params.map((p) => p.sub(1).pow(2).add(p.pow(4).mul(0.1)).sum()).reduce((sum, term) => sum.add(term))
    loss.backward()
    return loss
  }
  o.losses = [0, 1, 2].map(() => optimizer.step(closure))
  o.params = params
  o.state = optimizer.stateDict()
}

const lambdas: Record<string, (epoch: number) => number> = { shrinks: (epoch) => 0.95 + 0.01 * (epoch % 3) }

function scheduler(optimizer: torch.optim.Optimizer<any>, [name, options]: SchedulerCase['scheduler']): any {
  const given = camelKeys(options)
  if (given.schedulers) given.schedulers = (given.schedulers as any[]).map((spec) => scheduler(optimizer, spec))
  for (const [key, value] of Object.entries(given)) given[key] = lambdas[value as string] ?? value
  const Kind = (torch.optim.lrScheduler as any)[name]
  return name === 'ChainedScheduler' ? new Kind(given) : new Kind(optimizer, given)
}

export function schedulerCase(o: Seen, spec: SchedulerCase): void {
  const [params, gradients] = start('any', 'float32', 12)
  const optimizer = make(spec.optimizer, spec.options, params, true)
  const schedule = scheduler(optimizer, spec.scheduler)
  const rates: torch.Tensor[] = []
  for (const [i, step] of gradients.entries()) {
    take(optimizer, params, [step], i)
    if (spec.scheduler[0] === 'ReduceLROnPlateau') schedule.step(0.5)
    else schedule.step()
    rates.push((optimizer.paramGroups[0]!.lr as torch.Tensor).clone())
  }
  o.rates = rates
  o.params = params
}
