/** Source: torch/optim/lbfgs.py, PyTorch 2.13 (cf30153c). Written by hand: each step calls the closure many times. */
import type { OptionRow } from '../../binding.js'
import { ArgumentError } from '../errors.js'
import { cat, viewAsReal, zerosLike } from '../generated/functions.js'
import { enableGrad, noGrad } from '../tensor/autograd.js'
import { describe } from '../tensor/operator.js'
import { isFloatSlot, markFloats } from '../tensor/python-values.js'
import { isPromise, unscoped } from '../tensor/scope.js'
import { Tensor } from '../tensor/tensor.js'
import { readArguments } from './arguments.js'
import type { ParamGroup, Params } from './groups.js'
import { type Closure, Optimizer } from './optimizer.js'
import { atMost, less, min, mul, type Real, sub, toNumber } from './reals.js'
import { formatValue } from './repr.js'
import { type Evaluate, strongWolfe } from './strong-wolfe.js'
import { type Dict, isFloat } from './values.js'

/** Options of {@link LBFGS}. */
export interface LBFGSOptions {
  /** learning rate, ≥ 0 (default `1`) */
  lr?: number | Tensor
  /** iterations of a step at most (default `20`) */
  maxIter?: number
  /** calls of the closure in a step at most; `null`: a quarter more than `maxIter` (default `null`) */
  maxEval?: number | null
  /** largest part of the gradient at which a step ends (default `1e-7`) */
  toleranceGrad?: number
  /** change of the loss and of the parameters at which a step ends (default `1e-9`) */
  toleranceChange?: number
  /** how many of the last iterations are remembered (default `100`) */
  historySize?: number
  /** `'strong_wolfe'` looks for the length of each iteration; `null` takes `lr` (default `null`) */
  lineSearchFn?: 'strong_wolfe' | null
}

const option = (name: string, kind: OptionRow['kind'], value: number | null): OptionRow => {
  return { name, kind, type: '', doc: '', required: false, default: value }
}
const rows = [
  option('lr', 'int', 1),
  option('max_iter', 'int', 20),
  option('max_eval', 'int', null),
  option('tolerance_grad', 'float', 1e-7),
  option('tolerance_change', 'float', 1e-9),
  option('history_size', 'int', 100),
  option('line_search_fn', 'none', null),
]

interface State {
  func_evals: number
  n_iter: number
  al?: (Tensor | null)[]
  d?: Tensor
  t?: number | Tensor
  old_dirs?: Tensor[]
  old_stps?: Tensor[]
  ro?: Tensor[]
  H_diag?: number | Tensor
  prev_flat_grad?: Tensor
  prev_loss?: number
}

/**
 * L-BFGS: steps along directions from a history of gradients, as an approximation of Newton's method. `step()` needs a
 * closure, which it calls several times; with `stepAsync()` the closure may be async. There can be one group only, of
 * parameters on one device. State, kept with the first parameter: `func_evals`, `n_iter`, `al`, `d`, `t`, `old_dirs`,
 * `old_stps`, `ro`, `H_diag`, `prev_flat_grad`, `prev_loss`.
 * @param params - parameters, or pairs of name and parameter
 * @throws {@link ArgumentError} for a negative rate, an unknown option, or more than one group
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.LBFGS.html
 * @example
 * optimizer.step(() => {
 *   optimizer.zeroGrad()
 *   const loss = lossOf(model)
 *   loss.backward()
 *   return loss
 * })
 */
export class LBFGS extends Optimizer<LBFGSOptions> {
  constructor(params: Params<LBFGSOptions>, options?: LBFGSOptions)
  constructor(params: Params<LBFGSOptions>, lr: number | Tensor, options?: LBFGSOptions)
  constructor(params: Params<LBFGSOptions>, lr: number | Tensor, maxIter: number, options?: LBFGSOptions)
  constructor(
    params: Params<LBFGSOptions>,
    lr: number | Tensor,
    maxIter: number,
    maxEval: number | null,
    ...rest: [
      toleranceGrad?: number | LBFGSOptions,
      toleranceChange?: number | LBFGSOptions,
      historySize?: number | LBFGSOptions,
      lineSearchFn?: 'strong_wolfe' | null | LBFGSOptions,
      options?: LBFGSOptions,
    ]
  )
  constructor(params: Params<LBFGSOptions>, ...args: unknown[]) {
    const given = readArguments('LBFGS', rows, [], args) as LBFGSOptions
    const { lr = 1, maxIter = 20, lineSearchFn = null } = given
    const { toleranceGrad = 1e-7, toleranceChange = 1e-9, historySize = 100 } = given
    if (lr instanceof Tensor && lr.numel() !== 1) throw new ArgumentError('LBFGS: Tensor lr must be 1-element')
    if (!(toNumber(lr) >= 0)) {
      throw new ArgumentError(`LBFGS: Invalid learning rate: ${formatValue(toNumber(lr), false)}`)
    }
    const maxEval = given.maxEval ?? Math.floor((maxIter * 5) / 4)
    const defaults = { lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, lineSearchFn }
    super(params, defaults, {
      names: rows.map(({ name }) => name),
      kinds: Object.fromEntries(Object.keys(defaults).map((key, i) => [key, rows[i]!.kind])),
    })
    if (this.paramGroups.length !== 1) {
      throw new ArgumentError("LBFGS: LBFGS doesn't support per-parameter options (parameter groups)")
    }
  }

  /** Python's default rate is an int, and stays one in files. @internal */
  override isFloatOption(group: ParamGroup<any>, key: string): boolean {
    return key === 'lr' || key === 'initialLr' ? isFloat(group, key, false) : super.isFloatOption(group, key)
  }

  protected override update(): void {
    throw new ArgumentError("LBFGS.step() missing 1 required positional argument: 'closure'")
  }

  protected override perform<T>(closure?: Closure<T>): T | undefined {
    if (!closure) return this.update() as undefined
    let result: { value: T } | undefined
    const work = this.#minimize()
    let loss: T | undefined
    while (!noGrad(() => unscoped(() => work.next(loss))).done) {
      loss = enableGrad(() => {
        const loss = closure()
        if (isPromise(loss)) throw new ArgumentError('LBFGS.step(closure): closure returned a Promise; use stepAsync()')
        return loss
      })
      result ??= { value: loss }
    }
    return result!.value
  }

  protected override async performAsync<T>(closure?: Closure<T | Promise<T>>): Promise<T | undefined> {
    if (!closure) return this.update() as undefined
    let result: { value: T } | undefined
    const work = this.#minimize()
    let loss: T | undefined
    while (!noGrad(() => unscoped(() => work.next(loss))).done) {
      loss = await closure()
      result ??= { value: loss }
    }
    return result!.value
  }

  get #params(): Tensor[] {
    return this.paramGroups[0]!.params
  }

  /** All gradients in one row. */
  #gradient(): Tensor {
    const views = this.#params.map((p) => {
      const { grad } = p
      const view = grad ? (grad.isSparse ? grad.toDense() : grad).view([-1]) : zerosLike(p).reshape([-1])
      return view.isComplex() ? viewAsReal(view).view([-1]) : view
    })
    return cat(views, 0)
  }

  #move(t: Real, direction: Tensor): void {
    const alpha = toNumber(t)
    let offset = 0
    for (const parameter of this.#params) {
      const p = parameter.isComplex() ? viewAsReal(parameter) : parameter
      const length = p.numel()
      p.add_(direction.narrow(0, offset, length).viewAs(p), { alpha })
      offset += length
    }
  }

  /** One step. Wherever it yields it wants the loss of now, and gradients. */
  *#minimize(): Generator<void, void, unknown> {
    if (this.paramGroups.length !== 1) {
      throw new ArgumentError(`LBFGS: Expected exactly one param_group, but got ${this.paramGroups.length}`)
    }
    const group = this.paramGroups[0]!
    const lr = realOf(group.lr, this.isFloatOption(group, 'lr'))
    const { toleranceChange, maxIter, historySize, lineSearchFn } = group
    const maxEval = group.maxEval as number
    const [owner] = this.#params
    let state = this.state.get(owner!) as unknown as State
    if (!state) {
      state = Object.assign(Object.create(null), { func_evals: 0, n_iter: 0 }) as State
      this.state.set(owner!, state as unknown as Dict)
    }
    state.func_evals ??= 0
    state.n_iter ??= 0

    let loss = lossOf(yield)
    let evaluations = 1
    state.func_evals += 1
    let grad = this.#gradient()
    const largest = (t: Tensor) => t.abs().max()
    const isOptimal = () => atMost(largest(grad), group.toleranceGrad!)
    if (isOptimal()) return

    let { d, old_dirs: dirs, old_stps: steps, ro, H_diag: scale, prev_flat_grad: previous, prev_loss: before } = state
    let t: Real | undefined = state.t == null ? undefined : realOf(state.t, isFloatSlot(state, 't'))
    let iterations = 0
    while (iterations < maxIter) {
      iterations += 1
      state.n_iter += 1
      if (state.n_iter === 1) {
        d = grad.neg()
        dirs = []
        steps = []
        ro = []
        scale = 1
      } else {
        const y = grad.sub(previous!)
        const s = mul(d!, t!) as Tensor
        const ys = y.dot(s)
        if (less(1e-10, ys)) {
          if (dirs!.length === historySize) for (const list of [dirs!, steps!, ro!]) list.shift()
          dirs!.push(y)
          steps!.push(s)
          ro!.push(ys.reciprocal().mul(1))
          scale = ys.div(y.dot(y))
        }
        const al = (state.al ??= Array(historySize).fill(null))
        d = direction(grad, dirs!, steps!, ro!, scale!, al)
      }
      if (previous) previous.copy_(grad)
      else previous = grad.clone({ memoryFormat: 'contiguous_format' })
      before = loss

      t = state.n_iter === 1 ? mul(min(1, grad.abs().sum().reciprocal().mul(1)), lr) : lr
      const slope = grad.dot(d)
      if (less(-toleranceChange!, slope)) break

      let optimal = false
      let asked = 0
      if (lineSearchFn !== null) {
        if (lineSearchFn !== 'strong_wolfe') throw new ArgumentError("LBFGS: only 'strong_wolfe' is supported")
        const start = { t: 0n, loss, grad, slope }
        const found = yield* strongWolfe(this.#evaluator(d), t, d, start, maxEval - evaluations)
        ;({ loss, grad, t, evaluations: asked } = found)
        this.#move(t, d)
        optimal = isOptimal()
      } else {
        this.#move(t, d)
        if (iterations !== maxIter) {
          loss = lossOf(yield)
          grad = this.#gradient()
          optimal = isOptimal()
          asked = 1
        }
      }
      evaluations += asked
      state.func_evals += asked
      if (iterations === maxIter || evaluations >= maxEval || optimal) break
      if (atMost(largest(mul(d, t) as Tensor), toleranceChange!)) break
      if (Math.abs(loss - before) < toleranceChange!) break
    }
    this.#keep(owner!, state, t, {
      d,
      t: undefined,
      old_dirs: dirs,
      old_stps: steps,
      ro,
      H_diag: scale,
      prev_flat_grad: previous,
      prev_loss: before,
    })
  }

  /** The loss and gradient some way along a direction, from where the parameters are now. */
  #evaluator(direction: Tensor): Evaluate {
    const start = this.#params.map((p) => p.clone({ memoryFormat: 'contiguous_format' }))
    const move = (t: Real) => this.#move(t, direction)
    const finish = (loss: unknown) => {
      const point = { loss: lossOf(loss), grad: this.#gradient() }
      for (const [i, p] of this.#params.entries()) p.copy_(start[i]!)
      return point
    }
    return function* (t) {
      move(t)
      return finish(yield)
    }
  }

  #keep(owner: Tensor, state: State, t: Real | undefined, values: Partial<State>): void {
    // a place once marked as a float stays one: an int needs a new record
    const target = typeof t === 'bigint' && isFloatSlot(state, 't') ? (Object.create(null) as State) : state
    if (target !== state) this.state.set(owner, Object.assign(target, state) as unknown as Dict)
    const all = { ...values, t: typeof t === 'bigint' ? Number(t) : t }
    for (const [key, value] of Object.entries(all)) (target as any)[key] = value ?? null
    markFloats(target, typeof t === 'number' ? ['t', 'prev_loss'] : ['prev_loss'])
  }

  protected override replaceState(loaded: Map<number, Dict>): void {
    const { params } = this.paramGroups[0]!
    this.state.clear()
    for (const [index, record] of loaded) {
      const copy: Dict = Object.create(null)
      for (const [key, value] of Object.entries(record)) copy[key] = castTo(params[index]!, value)
      markFloats(
        copy,
        Object.keys(copy).filter((key) => isFloatSlot(record, key)),
      )
      this.state.set(params[index]!, copy)
    }
  }
}

/** The gradient's negative times the approximate inverse of the Hessian. */
function direction(
  grad: Tensor,
  dirs: Tensor[],
  steps: Tensor[],
  ro: Tensor[],
  scale: number | Tensor,
  al: (Tensor | null)[],
): Tensor {
  const q = grad.neg()
  for (let i = dirs.length - 1; i >= 0; i--) {
    al[i] = steps[i]!.dot(q).mul(ro[i]!)
    q.add_(dirs[i]!, { alpha: -toNumber(al[i]!) })
  }
  const d = q.mul(scale)
  for (let i = 0; i < dirs.length; i++) {
    const beta = dirs[i]!.dot(d).mul(ro[i]!)
    d.add_(steps[i]!, { alpha: toNumber(sub(al[i]!, beta)) })
  }
  return d
}

/** Python's `float(loss)`. */
function lossOf(loss: unknown): number {
  if (loss instanceof Tensor) return Number(loss.item())
  if (typeof loss === 'number') return loss
  throw new ArgumentError(
    `LBFGS: the closure should return the loss, a number or a tensor, but it is ${describe(loss)}`,
  )
}

/** A rate as Python has it: an int as a bigint, a tensor without dimensions. */
function realOf(value: unknown, float: boolean): Real {
  if (value instanceof Tensor) return value.dim() === 0 ? value : value.squeeze()
  const number = Number(value)
  return float || !Number.isInteger(number) ? number : BigInt(number)
}

function castTo(parameter: Tensor, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => castTo(parameter, item))
  if (!(value instanceof Tensor)) return value
  const dtype = parameter.isFloatingPoint() ? { dtype: parameter.dtype } : {}
  return value.detach().to({ device: parameter.device, ...dtype, copy: true })
}
