/**
 * The line search of LBFGS. Source: torch/optim/lbfgs.py, _strong_wolfe and _cubic_interpolate, PyTorch 2.13 (cf30153c).
 */
import { ArgumentError } from '../errors.js'
import type { Tensor } from '../tensor/tensor.js'
import { abs, add, atMost, div, less, max, min, mul, type Real, sub } from './reals.js'

/** The loss and its gradient in one point; `slope` is the gradient along the direction. */
interface Point {
  t: Real
  loss: number
  grad: Tensor
  slope: Tensor
}

/** Asks for the loss and its gradient after a step of this length. */
export type Evaluate = (t: Real) => Generator<void, { loss: number; grad: Tensor }, unknown>

export interface LineSearchResult {
  loss: number
  grad: Tensor
  t: Real
  /** how often the loss was asked for */
  evaluations: number
}

/** Minimum of the cubic polynomial through two points with these slopes, within bounds. */
function cubicInterpolate(a: Point, b: Point, bounds?: [Real, Real]): Real {
  const ascending = atMost(a.t, b.t)
  const [least, most] = bounds ?? (ascending ? [a.t, b.t] : [b.t, a.t])
  const secant = div(mul(3, a.loss - b.loss), sub(a.t, b.t))
  const d1 = sub(a.slope.add(b.slope), secant) as Tensor
  const square = d1.pow(2).sub(a.slope.mul(b.slope))
  if (!atMost(0, square)) return div(add(least, most), 2)
  const d2 = square.sqrt()
  const [near, far] = ascending ? [a, b] : [b, a]
  const part = far.slope
    .add(d2)
    .sub(d1)
    .div(far.slope.sub(near.slope).add(d2.mul(2)))
  return min(max(sub(far.t, mul(sub(far.t, near.t), part)), least), most)
}

const c1 = 1e-4
const c2 = 0.9
const tolerance = 1e-9

/**
 * Looks for a step along `d` that meets the strong Wolfe conditions.
 * @param start - the point where the search begins, its `t` an int 0
 */
export function* strongWolfe(
  evaluate: Evaluate,
  first: Real,
  d: Tensor,
  start: Point,
  maxSteps: number,
): Generator<void, LineSearchResult, unknown> {
  const { loss, slope } = start
  start = { ...start, grad: start.grad.clone({ memoryFormat: 'contiguous_format' }) }
  const longest = d.abs().max()
  let evaluations = 0
  function* at(t: Real): Generator<void, Point, unknown> {
    const point = yield* evaluate(t)
    evaluations += 1
    return { t, ...point, slope: point.grad.dot(d) }
  }
  const tooHigh = (point: Point) => less(add(loss, mul(mul(c1, point.t), slope)), point.loss)
  const flat = (point: Point) => atMost(point.slope.abs(), slope.mul(-c2))
  const result = ({ loss, grad, t }: Point): LineSearchResult => ({ loss, grad, t, evaluations })

  let steps = 0
  let point = yield* at(first)
  let previous = start
  let bracket: [Point, Point] | undefined
  for (; steps < maxSteps; steps++) {
    if (tooHigh(point) || (steps > 1 && point.loss >= previous.loss)) {
      bracket = [previous, point]
      break
    }
    if (flat(point)) return result(point)
    if (atMost(0, point.slope)) {
      bracket = [previous, point]
      break
    }
    const least = add(point.t, mul(0.01, sub(point.t, previous.t)))
    const t = cubicInterpolate(previous, point, [least, mul(point.t, 10n)])
    previous = point
    point = yield* at(t)
  }
  if (steps === maxSteps) bracket = [start, point]
  if (!bracket) throw new ArgumentError('LBFGS: the line search needs at least one evaluation; maxEval is too small')

  let stuck = false
  let low = bracket[0].loss <= bracket[1].loss ? 0 : 1
  while (steps < maxSteps) {
    const [a, b] = bracket as [Point, Point]
    if (less(mul(abs(sub(b.t, a.t)), longest), tolerance)) break
    let t = cubicInterpolate(a, b)
    const most = max(a.t, b.t)
    const least = min(a.t, b.t)
    // a trial near the border of the bracket, or at it for the second time, moves inward by a tenth
    const margin = mul(0.1, sub(most, least))
    if (less(min(sub(most, t), sub(t, least)), margin)) {
      if (stuck || atMost(most, t) || atMost(t, least)) {
        t = less(abs(sub(t, most)), abs(sub(t, least))) ? sub(most, margin) : add(least, margin)
        stuck = false
      } else {
        stuck = true
      }
    } else {
      stuck = false
    }
    point = yield* at(t)
    steps += 1
    const high = 1 - low
    if (tooHigh(point) || point.loss >= bracket[low]!.loss) {
      bracket[high] = point
      low = bracket[0].loss <= bracket[1].loss ? 0 : 1
      continue
    }
    const done = flat(point)
    if (!done && atMost(0, mul(point.slope, sub(bracket[high]!.t, bracket[low]!.t)))) bracket[high] = bracket[low]!
    bracket[low] = point
    if (done) break
  }
  return result(bracket[low]!)
}
