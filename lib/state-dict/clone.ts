/** Real copies of state dicts. */
import { native } from '../binding.js'
import { deepcopy, Memo } from '../nn/deepcopy.js'
import { noGrad } from '../tensor/autograd.js'
import { Tensor } from '../tensor/tensor.js'
import { isLazy } from '../tensor/uninitialized.js'
import { entriesOf, likeStateDict } from './keys.js'
import type { SameKeys, StateDictLike } from './types.js'

/** The part of a storage that some tensors of one dtype see, in elements. */
interface Span {
  dtype: string | undefined
  from: number
  to: number
  copy?: Tensor
}

/**
 * A copy with memory of its own, which training does not change: `stateDict()` itself gives tensors that share the model's. Tensors that
 * share memory with each other share it in the copy, too; memory that no tensor of the state dict sees is not copied. The copies
 * are plain tensors outside of autograd.
 * @param stateDict - stays as it is
 * @throws {@link ArgumentError} for what is no state dict
 * @example
 * if (loss < bestLoss) best = torch.cloneStateDict(model.stateDict())
 */
export function cloneStateDict<S extends StateDictLike>(stateDict: S): SameKeys<S> {
  const entries = entriesOf('cloneStateDict', stateDict)
  const tensors = new Set(entries.map(([, value]) => value).filter((value) => value instanceof Tensor))
  return noGrad(() => {
    const plain = new Map([...tensors].map((tensor) => [tensor, isLazy(tensor) ? tensor : tensor.detach()]))
    const spans = spansOf(plain.values())
    const memo = new Memo()
    const copies = new Map([...plain].map(([tensor, own]) => [tensor, copyOf(own, spans, memo)]))
    return likeStateDict(
      stateDict,
      entries.map(([key, value]) => [key, value instanceof Tensor ? copies.get(value) : deepcopy(value, memo)]),
    )
  })
}

/** Whether it lies in a storage in the plain way, so that it can be put over another one. */
function isPlain(tensor: Tensor): boolean {
  if (isLazy(tensor)) return false
  return tensor.layout === 'strided' && !tensor.isMeta && !tensor.isConj() && !tensor.isNeg() && tensor.numel() > 0
}

function spansOf(tensors: Iterable<Tensor>): Map<bigint, Span> {
  const spans = new Map<bigint, Span>()
  for (const tensor of tensors) {
    if (!isPlain(tensor)) continue
    const { id, offset } = native().tensorStorage(tensor)
    const strides = tensor.stride()
    const to = offset + tensor.shape.reduce((end, size, i) => end + (size - 1) * strides[i]!, 1)
    const span = spans.get(id)
    if (span === undefined) spans.set(id, { dtype: tensor.dtype, from: offset, to })
    else {
      if (span.dtype !== tensor.dtype) span.dtype = undefined
      span.from = Math.min(span.from, offset)
      span.to = Math.max(span.to, to)
    }
  }
  return spans
}

function copyOf(tensor: Tensor, spans: Map<bigint, Span>, memo: Memo): Tensor {
  // a parameter without a size has no memory to copy
  if (isLazy(tensor)) return tensor
  if (!isPlain(tensor)) return deepcopy(tensor, memo)
  const { id, offset } = native().tensorStorage(tensor)
  const span = spans.get(id)!
  // of several dtypes the whole storage is copied
  if (span.dtype === undefined) return deepcopy(tensor, memo)
  span.copy ??= tensor.asStrided([span.to - span.from], [1], span.from).clone()
  return span.copy.asStrided(tensor.shape, tensor.stride(), offset - span.from)
}
