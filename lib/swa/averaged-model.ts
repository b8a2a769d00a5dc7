/** Source: torch/optim/swa_utils.py, AveragedModel, PyTorch 2.13 (cf30153c). */
import { ArgumentError } from '../errors.js'
import { takeArguments } from '../nn/arguments.js'
import { Module } from '../nn/module.js'
import { announceFields } from '../nn/registration-hooks.js'
import { tensor } from '../tensor/creation.js'
import type { Device } from '../tensor/dtype.js'
import { describe } from '../tensor/operator.js'
import { Buffer } from '../tensor/parameter.js'
import type { Tensor } from '../tensor/tensor.js'
import { type AvgFn, getSwaAvgFn, getSwaMultiAvgFn, type MultiAvgFn } from './averages.js'

/** Options of {@link AveragedModel}. */
export interface AveragedModelOptions {
  /** Where the averages are kept (default: where the model is). */
  device?: Device | null
  /** Averages tensor by tensor (default: the mean of all models). */
  avgFn?: AvgFn | null
  /** Averages all tensors of one device and dtype at once, in place; not together with `avgFn`. */
  multiAvgFn?: MultiAvgFn | null
  /** Averages the buffers, too, instead of copying the model's (default `false`). */
  useBuffers?: boolean
}
const names = ['device', 'avgFn', 'multiAvgFn', 'useBuffers']

/**
 * A copy of a model that keeps a running average of its weights (stochastic weight averaging, or an exponential moving average).
 * The copy is its child `module`, and so keys of the state dict begin with `module.`; the functions are not in the state dict.
 * @example
 * const { AveragedModel, getEmaMultiAvgFn } = torch.optim.swaUtils
 * const ema = new AveragedModel(model, { multiAvgFn: getEmaMultiAvgFn(0.999), useBuffers: true })
 * // after each step of the optimizer
 * ema.updateParameters(model)
 * @throws {@link ArgumentError} for both functions, or something that is no module
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.swa_utils.AveragedModel.html
 */
export class AveragedModel<M extends Module = Module> extends Module {
  /** The averages, as a model. */
  module: M
  /** How many models the average has, an int64 tensor. */
  n_averaged: Buffer
  avgFn: AvgFn | null
  multiAvgFn: MultiAvgFn | null
  useBuffers: boolean

  constructor(model: M, options?: AveragedModelOptions)
  constructor(
    model: M,
    device?: Device | null,
    avgFn?: AvgFn | null,
    multiAvgFn?: MultiAvgFn | null,
    useBuffers?: boolean,
    options?: AveragedModelOptions,
  )
  constructor(model: M, ...args: unknown[]) {
    super()
    if (!(model instanceof Module)) throw new ArgumentError(`AveragedModel: ${describe(model)} is not a Module`)
    const values = takeArguments('AveragedModel', names, args)
    const [device, avgFn, multiAvgFn, useBuffers] = values as [Device?, AvgFn?, MultiAvgFn?, boolean?]
    if (avgFn && multiAvgFn) throw new ArgumentError('Only one of avg_fn and multi_avg_fn should be provided')
    this.module = model.clone()
    if (device) this.module.to(device)
    this.n_averaged = new Buffer(tensor(0, { dtype: 'int64', ...(device ? { device } : {}) }))
    this.avgFn = avgFn ?? null
    this.multiAvgFn = multiAvgFn ?? null
    this.useBuffers = useBuffers ?? false
    announceFields(this)
  }

  override forward(...args: Parameters<M['forward']>): ReturnType<M['forward']> {
    return this.module.forward(...args)
  }

  /** Takes a model's present weights into the average; the first time, and with it the average, is a copy of them. */
  updateParameters(model: Module): void {
    const { useBuffers } = this
    const own = useBuffers ? [...this.module.parameters(), ...this.module.buffers()] : this.parameters()
    const theirs = useBuffers ? [...model.parameters(), ...model.buffers()] : model.parameters()
    const count = Number(this.n_averaged.item())
    const pairs: Pair[] = []
    // Python's zip(), which ends with the shorter one
    for (let i = 0; i < Math.min(own.length, theirs.length); i++) {
      const averaged = own[i]!.detach()
      const current = theirs[i]!.detach().to(averaged.device)
      if (count === 0) averaged.copy_(current)
      pairs.push([averaged, current])
    }
    if (count > 0) this.#average(pairs)
    if (!useBuffers) copyBuffers(model, this.module)
    this.n_averaged.add_(1)
  }

  #average(pairs: Pair[]): void {
    const { avgFn, multiAvgFn } = this
    if (avgFn && !multiAvgFn) {
      for (const [averaged, current] of pairs)
        averaged.copy_(avgFn(averaged.detach(), current, this.n_averaged.to(averaged.device)))
      return
    }
    for (const group of groups(pairs)) {
      const { device } = group[0]![0]
      const count = this.n_averaged.to(device)
      const update = multiAvgFn ?? (device.startsWith('cpu') ? eachByItself : getSwaMultiAvgFn())
      update(
        group.map(([averaged]) => averaged),
        group.map(([, current]) => current),
        count,
      )
    }
  }
}

type Pair = [averaged: Tensor, current: Tensor]

/** On the CPU Python takes the tensors one by one, which rounds differently. */
function eachByItself(averaged: Tensor[], current: Tensor[], count: Tensor | number): void {
  const mean = getSwaAvgFn()
  for (const [i, average] of averaged.entries()) average.copy_(mean(average, current[i]!, count))
}

function groups(pairs: Pair[]): Pair[][] {
  const found = new Map<string, Pair[]>()
  for (const pair of pairs) {
    const key = `${pair[0].device} ${pair[0].dtype}`
    const group = found.get(key)
    if (group) group.push(pair)
    else found.set(key, [pair])
  }
  return [...found.values()]
}

function copyBuffers(from: Module, to: Module): void {
  const own = to.buffers()
  const theirs = from.buffers()
  for (const [i, buffer] of own.slice(0, theirs.length).entries())
    buffer.detach().copy_(theirs[i]!.detach().to(buffer.device))
  if (own.length === theirs.length) return
  throw new ArgumentError(`zip() argument 2 is ${own.length > theirs.length ? 'shorter' : 'longer'} than argument 1`)
}
