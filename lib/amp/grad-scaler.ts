/** Source: torch/amp/grad_scaler.py, PyTorch 2.13 (cf30153c). */
import { ArgumentError, StateDictError, TorchError } from '../errors.js'
import { takeArguments } from '../nn/arguments.js'
import type { Optimizer } from '../optim/optimizer.js'
import { RowOptimizer } from '../optim/row-optimizer.js'
import { type Dict, entriesOf, isFloat, keep, pack } from '../optim/values.js'
import { tensor } from '../tensor/creation.js'
import { isAvailable } from '../tensor/cuda.js'
import { operatorFunction } from '../tensor/operator.js'
import { Tuple } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import { checkGradients, type FoundInf, unscaleGradients } from './unscale.js'

const updateScale = operatorFunction('aten::_amp_update_scale_')

/** Options of {@link GradScaler}. */
export interface GradScalerOptions {
  /** Type of the device that the losses are on: 'cuda' or 'cpu' (default `'cuda'`). */
  device?: string
  /** the first scale (default `65536`) */
  initScale?: number
  /** factor of the scale after `growthInterval` good steps, > 1 (default `2`) */
  growthFactor?: number
  /** factor of the scale after a step with gradients that are not finite, < 1 (default `0.5`) */
  backoffFactor?: number
  /** good steps in a row before the scale grows (default `2000`) */
  growthInterval?: number
  /** with `false` all methods do nothing, and `step` only steps (default `true`) */
  enabled?: boolean
}
const names = ['device', 'initScale', 'growthFactor', 'backoffFactor', 'growthInterval', 'enabled']

/** Python's `scaler.state_dict()`, empty where the scaler is not enabled. */
export interface GradScalerStateDict {
  scale?: number
  growth_factor?: number
  backoff_factor?: number
  growth_interval?: number
  _growth_tracker?: number
}
const stateKeys = ['scale', 'growth_factor', 'backoff_factor', 'growth_interval', '_growth_tracker']

/** A tensor, or arrays of them. */
export type Scaled = Tensor | readonly Scaled[]

type Stage = 'ready' | 'unscaled' | 'stepped'
interface Progress {
  stage: Stage
  foundInf: FoundInf
}

interface FusedStep {
  optimizer: RowOptimizer<any>
  gradScale: Tensor | null
  foundInf: Tensor
}

/** Runs a fused step, which divides by the scale and leaves itself out where a gradient is not finite. */
function withScaling<T>({ optimizer, gradScale, foundInf }: FusedStep, step: () => T): T {
  Object.assign(optimizer, { gradScale, foundInf })
  try {
    return step()
  } finally {
    // the values are taken at the start of a step, also of one off the main thread
    Object.assign(optimizer, { gradScale: null, foundInf: null })
  }
}

/**
 * Keeps small gradients of float16 from becoming zero: the loss is multiplied by a scale before `backward()`, the gradients are
 * divided by it before the step, and a step whose gradients are not finite is left out and makes the scale smaller.
 * @example
 * const scaler = new torch.amp.GradScaler('cuda')
 * for (const [x, y] of loader) {
 *   optimizer.zeroGrad()
 *   const loss = torch.autocast('cuda', () => F.crossEntropy(model.forward(x), y))
 *   scaler.scale(loss).backward()
 *   scaler.step(optimizer)
 *   scaler.update()
 * }
 * @throws {@link ArgumentError} for a factor that is out of range
 * @see https://docs.pytorch.org/docs/2.13/amp.html#torch.amp.GradScaler
 */
export class GradScaler {
  readonly #device: string
  readonly #enabled: boolean
  /** Values of the state dict, with what is known of their kinds; `scale` and `_growth_tracker` are those to begin with. */
  readonly #values: Dict = {}
  /** Made by the first call of {@link GradScaler.scale}, on the device of its argument. */
  #scale: Tensor | undefined
  #growthTracker: Tensor | undefined
  #progress = new Map<Optimizer<any>, Progress>()

  constructor(options?: GradScalerOptions)
  constructor(
    device: string,
    initScale?: number,
    growthFactor?: number,
    backoffFactor?: number,
    growthInterval?: number,
    enabled?: boolean,
  )
  constructor(device: string, options?: GradScalerOptions)
  constructor(device: string, initScale: number, options?: GradScalerOptions)
  constructor(...args: unknown[]) {
    const values = takeArguments('GradScaler', names, args)
    const [device = 'cuda', initScale = 2 ** 16, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000] = values
    this.#device = device as string
    let enabled = (values[5] as boolean | undefined) ?? true
    if (enabled && device === 'cuda' && !isAvailable()) {
      process.emitWarning('torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.', 'UserWarning')
      enabled = false
    }
    this.#enabled = enabled
    if (enabled && !((growthFactor as number) > 1)) throw new ArgumentError('The growth factor must be > 1.0.')
    if (enabled && !((backoffFactor as number) < 1)) throw new ArgumentError('The backoff factor must be < 1.0.')
    const state = [initScale, growthFactor, backoffFactor, growthInterval, 0]
    for (const [i, key] of stateKeys.entries()) keep(this.#values, key, state[i])
  }

  /** Multiplies a loss, or several, by the scale; gives them back as they are where the scaler is not enabled. */
  scale<T extends Scaled>(outputs: T): T {
    return this.#enabled ? (this.#apply(outputs) as T) : outputs
  }
  #apply(outputs: unknown): unknown {
    if (outputs instanceof Tensor) {
      if (!this.#scale) this.#begin(outputs.device)
      return outputs.mul(this.#scale!.to({ device: outputs.device, nonBlocking: true }))
    }
    if (typeof outputs !== 'object' || outputs === null || !(Symbol.iterator in outputs))
      throw new ArgumentError('outputs must be a Tensor or an iterable of Tensors')
    const scaled = Array.from(outputs as Iterable<unknown>, (item) => this.#apply(item))
    return outputs instanceof Tuple ? Tuple.from(scaled) : scaled
  }
  #begin(device: string): void {
    const { scale, _growth_tracker: tracker } = this.#values as { scale: number; _growth_tracker: number }
    this.#scale = tensor(scale, { dtype: 'float32', device })
    this.#growthTracker = tensor(tracker, { dtype: 'int32', device })
  }

  #needScale(what: string): Tensor {
    if (this.#scale) return this.#scale
    throw new TorchError(
      `Attempted ${what} but _scale is None.  This may indicate your script did not use scaler.scale(loss or outputs) earlier in the iteration.`,
    )
  }
  #progressOf(optimizer: Optimizer<any>): Progress {
    let progress = this.#progress.get(optimizer)
    if (!progress) this.#progress.set(optimizer, (progress = { stage: 'ready', foundInf: new Map() }))
    return progress
  }

  /**
   * Divides the gradients of an optimizer's parameters by the scale, so that they can be clipped before {@link GradScaler.step},
   * which else does it itself. The gradients are changed in place.
   * @throws {@link TorchError} when it ran already since the last {@link GradScaler.update}, or for float16 gradients
   */
  unscale_(optimizer: Optimizer<any>): void {
    if (!this.#enabled) return
    const scale = this.#needScale('unscale_')
    const progress = this.#progressOf(optimizer)
    if (progress.stage === 'unscaled')
      throw new TorchError('unscale_() has already been called on this optimizer since the last update().')
    if (progress.stage === 'stepped') throw new TorchError('unscale_() is being called after step().')
    progress.foundInf = unscaleGradients(optimizer, scale)
    progress.stage = 'unscaled'
  }

  /**
   * Unscales the gradients, if that was not done, and runs `optimizer.step()` if all of them are finite.
   * @returns what the optimizer's step returned, undefined where it was left out
   * @throws {@link TorchError} when it ran already since the last {@link GradScaler.update}, or for a closure
   */
  step(optimizer: Optimizer<any>, ...args: unknown[]): unknown {
    const fused = this.#prepare(optimizer, args)
    if (fused) return withScaling(fused, () => optimizer.step())
    return this.#mayStep(optimizer) ? optimizer.step(...(args as [])) : undefined
  }
  /** {@link GradScaler.step} with the optimizer's step off the main thread. */
  async stepAsync(optimizer: Optimizer<any>): Promise<void> {
    const fused = this.#prepare(optimizer, [])
    if (fused) await withScaling(fused, () => optimizer.stepAsync())
    else if (this.#mayStep(optimizer)) await optimizer.stepAsync()
  }

  /** Looks at the gradients; for an optimizer whose step scales by itself, what it needs for that. */
  #prepare(optimizer: Optimizer<any>, args: unknown[]): FusedStep | undefined {
    if (!this.#enabled) return undefined
    if (args.some((arg) => arg !== undefined))
      throw new TorchError('Closure use is not currently supported if GradScaler is enabled.')
    const scale = this.#needScale('step')
    const progress = this.#progressOf(optimizer)
    if (progress.stage === 'stepped') throw new TorchError('step() has already been called since the last update().')
    const fused = optimizer instanceof RowOptimizer && optimizer.scalesGradients ? optimizer : undefined
    const ready = progress.stage === 'ready'
    if (ready && fused) progress.foundInf = checkGradients(optimizer, scale)
    else if (ready) this.unscale_(optimizer)
    if (progress.foundInf.size === 0) throw new TorchError('No inf checks were recorded for this optimizer.')
    progress.stage = 'stepped'
    if (!fused) return undefined
    const found = [...progress.foundInf.values()].map((each) => each.to(scale.device))
    const foundInf = found.slice(1).reduce((sum, each) => sum.add(each), found[0]!)
    return { optimizer: fused, gradScale: ready ? scale : null, foundInf }
  }
  #mayStep(optimizer: Optimizer<any>): boolean {
    if (!this.#enabled) return true
    return [...this.#progressOf(optimizer).foundInf.values()].every((found) => Number(found.item()) === 0)
  }

  /**
   * Makes the scale smaller if a step was left out, or larger after enough good ones. Call it once after the steps of all optimizers.
   * @param newScale - sets the scale instead
   */
  update(newScale?: number | Tensor): void {
    if (!this.#enabled) return
    const scale = this.#needScale('update')
    if (typeof newScale === 'number') scale.fill_(newScale)
    else if (newScale !== undefined) this.#copyScale(scale, newScale)
    else {
      const found = [...this.#progress.values()].flatMap(({ foundInf }) => [...foundInf.values()])
      if (found.length === 0) throw new TorchError('No inf checks were recorded prior to update.')
      const here = found.map((each) => each.to({ device: scale.device, nonBlocking: true }))
      const any = here.slice(1).reduce((sum, each) => sum.add_(each), here[0]!)
      const { growth_factor, backoff_factor, growth_interval } = this.#values
      updateScale(scale, this.#growthTracker, any, growth_factor, backoff_factor, growth_interval)
    }
    this.#progress = new Map()
  }
  #copyScale(scale: Tensor, given: Tensor): void {
    const fits =
      given instanceof Tensor &&
      given.device.split(':')[0] === this.#device &&
      given.numel() === 1 &&
      !given.requiresGrad
    if (!fits) {
      throw new ArgumentError(
        'new_scale should be a float or a 1-element torch.cuda.FloatTensor or torch.FloatTensor with requires_grad=False.',
      )
    }
    scale.copy_(given)
  }

  /** The scale, 1 where the scaler is not enabled. Waits for the device. */
  getScale(): number {
    if (!this.#enabled) return 1
    return this.#scale ? Number(this.#scale.item()) : (this.#values.scale as number)
  }
  getGrowthFactor(): number {
    return this.#values.growth_factor as number
  }
  setGrowthFactor(newFactor: number): void {
    keep(this.#values, 'growth_factor', newFactor)
  }
  getBackoffFactor(): number {
    return this.#values.backoff_factor as number
  }
  setBackoffFactor(newFactor: number): void {
    keep(this.#values, 'backoff_factor', newFactor)
  }
  getGrowthInterval(): number {
    return this.#values.growth_interval as number
  }
  setGrowthInterval(newInterval: number): void {
    keep(this.#values, 'growth_interval', newInterval)
  }
  isEnabled(): boolean {
    return this.#enabled
  }

  /** The scale and what it grows by, under Python's names. Take it after {@link GradScaler.update}. */
  stateDict(): GradScalerStateDict {
    const dict: Dict = Object.create(null)
    if (!this.#enabled) return dict
    const tracker = this.#growthTracker ? Number(this.#growthTracker.item()) : this.#values._growth_tracker
    for (const key of stateKeys) {
      if (key === '_growth_tracker') dict[key] = tracker
      // what a tensor held is always a float
      else if (key === 'scale' && this.#scale) pack(dict, key, this.getScale(), true)
      else pack(dict, key, this.#values[key], isFloat(this.#values, key, key !== 'growth_interval'))
    }
    return dict
  }
  /**
   * Loads what {@link GradScaler.stateDict} or Python gave; does nothing where the scaler is not enabled.
   * @throws {@link StateDictError} for an empty dict, and for one that lacks a key
   */
  loadStateDict(stateDict: GradScalerStateDict | object): void {
    if (!this.#enabled) return
    const given = new Map(entriesOf(stateDict, 'the state of a GradScaler'))
    if (given.size === 0) {
      throw new StateDictError(
        'The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler.',
      )
    }
    const missing = stateKeys.filter((key) => typeof given.get(key) !== 'number')
    if (missing.length > 0) throw new StateDictError(`the state of a GradScaler should have a number '${missing[0]}'`)
    for (const key of stateKeys) keep(this.#values, key, given.get(key), { dict: stateDict, key })
    this.#scale?.fill_(given.get('scale') as number)
    this.#growthTracker?.fill_(given.get('_growth_tracker') as number)
  }
}
