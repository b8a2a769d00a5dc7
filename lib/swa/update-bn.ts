/** Source: torch/optim/swa_utils.py, update_bn, PyTorch 2.13 (cf30153c). */
import { BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm } from '../generated/nn.js'
import { takeArguments } from '../nn/arguments.js'
import { isKept } from '../nn/kept-in-eval.js'
import type { Module } from '../nn/module.js'
import { noGrad } from '../tensor/autograd.js'
import type { Device } from '../tensor/dtype.js'
import type { Tensor } from '../tensor/tensor.js'

type Batch = Tensor | readonly [Tensor, ...unknown[]]
type Norm = BatchNorm2d
type Options = { device?: Device | null }

/**
 * Computes the statistics of all BatchNorm layers anew, with one pass over the data in training mode. Those that {@link freeze} froze
 * keep theirs.
 * @param loader - batches: tensors, or arrays whose first item is the input; what can only be iterated with `for await` gives a promise
 * @param options - `device`: where batches go first (default: they stay)
 */
export function updateBn(loader: Iterable<Batch>, model: Module, options?: Options): void
/** The same with the device by position. */
export function updateBn(loader: Iterable<Batch>, model: Module, device: Device | null, options?: Options): void
export function updateBn(loader: AsyncIterable<Batch>, model: Module, options?: Options): Promise<void>
export function updateBn(
  loader: AsyncIterable<Batch>,
  model: Module,
  device: Device | null,
  options?: Options,
): Promise<void>
export function updateBn(
  loader: Iterable<Batch> | AsyncIterable<Batch>,
  model: Module,
  ...args: unknown[]
): undefined | Promise<void> {
  const [device] = takeArguments('updateBn', ['device'], args) as [Device?]
  const use = (batch: Batch): void => {
    const input = Array.isArray(batch) ? (batch as readonly [Tensor])[0] : (batch as Tensor)
    noGrad(() => model.forward(device ? input.to(device) : input))
  }
  if (Symbol.iterator in loader) {
    const end = begin(model)
    if (end) {
      for (const batch of loader) use(batch)
      end()
    }
    return undefined
  }
  return (async () => {
    const end = begin(model)
    if (!end) return
    for await (const batch of loader) use(batch)
    end()
  })()
}

/** Resets the layers and lets them take plain averages; the function that is returned takes that back. */
function begin(model: Module): (() => void) | undefined {
  const types = [BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm]
  // one that freeze() keeps in evaluation would not see the data
  const norms = model
    .modules()
    .filter((module) => types.some((type) => module instanceof type) && !isKept(module)) as Norm[]
  if (norms.length === 0) return undefined
  for (const norm of norms) reset(norm)
  const momenta = norms.map((norm) => norm.momentum)
  const { training } = model
  model.train()
  for (const norm of norms) norm.momentum = null
  return () => {
    for (const [i, norm] of norms.entries()) norm.momentum = momenta[i]!
    model.train(training)
  }
}

function reset(norm: Norm): void {
  if (!norm.trackRunningStats) return
  noGrad(() => {
    norm.running_mean.zero_()
    norm.running_var.fill_(1)
    norm.num_batches_tracked.zero_()
  })
}
