/**
 * Attention as functions. Rules and texts: torch/nn/functional.py, `multi_head_attention_forward` and what it calls,
 * PyTorch 2.13. Tensors that are one object (self-attention) share one projection, as there.
 */
import { ArgumentError, ShapeError } from '../errors.js'
import * as functions from '../generated/functions.js'
import { nn as operators } from '../generated/namespaces.js'
import type { Dtype } from '../tensor/dtype.js'
import { scope } from '../tensor/scope.js'
import { Tensor } from '../tensor/tensor.js'
import { takeArguments } from './arguments.js'

/**
 * `softmax(Q Kᵀ · scale + mask) V`, in one step where LibTorch can.
 * Shape: query `(N, …, L, E)`, key `(N, …, S, E)`, value `(N, …, S, Ev)`, attnMask: what broadcasts to `(N, …, L, S)`, booleans
 * (true takes part) or numbers that are added → `(N, …, L, Ev)`. `dropoutP` in [0, 1] applies always; `isCausal` masks what comes
 * later; `scale` is `1 / √E` by default; `enableGqa`: query may have a multiple of the heads of key and value.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.scaled_dot_product_attention.html
 */
export const scaledDotProductAttention = operators.scaledDotProductAttention

const tuple = (sizes: readonly number[]): string => (sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(', ')})`)
const sizeText = (sizes: readonly number[]): string => `torch.Size([${sizes.join(', ')}])`
const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i])

/**
 * A mask as numbers to add: booleans become -∞ where true.
 * @param otherType - dtype of the mask beside it, which should be the same
 * @internal
 */
export function canonicalMask(
  mask: Tensor | null,
  name: string,
  other: Tensor | null,
  otherName: string,
  targetType: Dtype,
): Tensor | null {
  if (mask === null) return null
  if (!(mask instanceof Tensor)) throw new ArgumentError(`expected ${name} to be a Tensor or null`)
  const { dtype } = mask
  const isFloat = mask.isFloatingPoint()
  if (dtype !== 'bool' && !isFloat) throw new ArgumentError(`only bool and floating types of ${name} are supported`)
  if (other !== null && other.dtype !== dtype) {
    process.emitWarning(
      `Support for mismatched ${name} and ${otherName} is deprecated. Use same type for both instead.`,
      'UserWarning',
    )
  }
  if (isFloat) return mask
  return functions.zerosLike(mask, { dtype: targetType }).maskedFill_(mask, -Infinity)
}

/** Whether the tensors are batched, after their numbers of dimensions were checked. */
function shapeCheck({ query, key, value, keyPaddingMask, attnMask, numHeads }: Given): boolean {
  const { ndim } = query
  if (ndim !== 2 && ndim !== 3) {
    throw new ShapeError(`query should be unbatched 2D or batched 3D tensor but received ${ndim}-D query tensor`)
  }
  const kind = ndim === 3 ? 'batched (3-D)' : 'unbatched (2-D)'
  if (key.ndim !== ndim || value.ndim !== ndim) {
    throw new ShapeError(
      `For ${kind} \`query\`, expected \`key\` and \`value\` to be ${ndim}-D but found ${key.ndim}-D and ${value.ndim}-D tensors respectively`,
    )
  }
  if (keyPaddingMask !== null && keyPaddingMask.ndim !== ndim - 1) {
    throw new ShapeError(
      `For ${kind} \`query\`, expected \`key_padding_mask\` to be \`None\` or ${ndim - 1}-D but found ${keyPaddingMask.ndim}-D tensor instead`,
    )
  }
  if (attnMask === null) return ndim === 3
  if (attnMask.ndim !== 2 && attnMask.ndim !== 3) {
    throw new ShapeError(
      `For ${kind} \`query\`, expected \`attn_mask\` to be \`None\`, 2-D or 3-D but found ${attnMask.ndim}-D tensor instead`,
    )
  }
  if (ndim === 2 && attnMask.ndim === 3) {
    const expected = [numHeads, query.shape[0]!, key.shape[0]!]
    if (!same(attnMask.shape, expected)) {
      throw new ShapeError(`Expected \`attn_mask\` shape to be ${tuple(expected)} but got ${sizeText(attnMask.shape)}`)
    }
  }
  return ndim === 3
}

type Three = [Tensor, Tensor, Tensor]
type Shift = Tensor | null

/** `parts` results of one projection, each in one piece. */
function unpacked(projection: Tensor, parts: number, size: number): Tensor[] {
  const stacked = projection.unflatten(-1, [parts, size]).unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()
  return Array.from({ length: parts }, (_, i) => stacked.select(0, i))
}

function projectPacked(q: Tensor, k: Tensor, v: Tensor, w: Tensor, b: Shift): Three {
  const size = q.size(-1)
  if (k === v && q === k) return unpacked(operators.linear(q, w, b), 3, size) as Three
  if (k === v) {
    const [wq, wkv] = w.split([size, size * 2]) as [Tensor, Tensor]
    const [bq, bkv] = (b === null ? [null, null] : b.split([size, size * 2])) as [Shift, Shift]
    return [operators.linear(q, wq, bq), ...unpacked(operators.linear(k, wkv, bkv), 2, size)] as Three
  }
  return projectEach([q, k, v], w.chunk(3), b)
}

function projectEach(inputs: Three, weights: Tensor[], b: Shift): Three {
  const shifts = b === null ? [null, null, null] : b.chunk(3)
  return inputs.map((input, i) => operators.linear(input, weights[i]!, shifts[i] ?? null)) as Three
}

function projectSeparately(inputs: Three, weights: (Tensor | null)[], b: Shift): Three {
  const size = inputs[0].size(-1)
  for (const [i, name] of ['q', 'k', 'v'].entries()) {
    if (weights[i] === null) throw new ArgumentError(`use_separate_proj_weight is True but ${name}_proj_weight is None`)
  }
  for (const [i, name] of ['query', 'key', 'value'].entries()) {
    const expected = [size, inputs[i]!.size(-1)]
    const { shape } = weights[i]!
    if (!same(shape, expected))
      throw new ShapeError(`expecting ${name} weights shape of ${tuple(expected)}, but got ${sizeText(shape)}`)
  }
  if (b !== null) {
    for (const [i, part] of b.chunk(3).entries()) {
      if (!same(part.shape, [size])) {
        const name = ['query', 'key', 'value'][i]
        throw new ShapeError(`expecting ${name} bias shape of ${tuple([size])}, but got ${sizeText(part.shape)}`)
      }
    }
  }
  return projectEach(inputs, weights as Tensor[], b)
}

/** Arguments of {@link multiHeadAttentionForward} by name. */
export interface MultiHeadAttentionForwardOptions {
  /** whether dropout applies (default `true`) */
  training?: boolean
  /** `(N, S)`: keys that do not count, true or -∞ */
  keyPaddingMask?: Tensor | null
  /** whether the attention weights are given, too; without is faster (default `true`) */
  needWeights?: boolean
  /** `(L, S)` or `(N · heads, L, S)`: what may not be attended to, true, or numbers that are added */
  attnMask?: Tensor | null
  /** whether the three weights below stand in place of `inProjWeight` (default `false`) */
  useSeparateProjWeight?: boolean
  qProjWeight?: Tensor | null
  kProjWeight?: Tensor | null
  vProjWeight?: Tensor | null
  /** `(N · heads, S, E / heads)`, in place of the projected key */
  staticK?: Tensor | null
  /** `(N · heads, S, E / heads)`, in place of the projected value */
  staticV?: Tensor | null
  /** whether the weights are averaged over the heads (default `true`) */
  averageAttnWeights?: boolean
  /** says that `attnMask` is the causal mask (default `false`) */
  isCausal?: boolean
}

const names = [
  ...['query', 'key', 'value', 'embedDimToCheck', 'numHeads', 'inProjWeight', 'inProjBias', 'biasK', 'biasV'],
  ...[
    'addZeroAttn',
    'dropoutP',
    'outProjWeight',
    'outProjBias',
    'training',
    'keyPaddingMask',
    'needWeights',
    'attnMask',
  ],
  ...['useSeparateProjWeight', 'qProjWeight', 'kProjWeight', 'vProjWeight', 'staticK', 'staticV'],
  ...['averageAttnWeights', 'isCausal'],
]

interface Given extends Required<MultiHeadAttentionForwardOptions> {
  query: Tensor
  key: Tensor
  value: Tensor
  embedDimToCheck: number
  numHeads: number
  inProjWeight: Tensor | null
  inProjBias: Tensor | null
  biasK: Tensor | null
  biasV: Tensor | null
  addZeroAttn: boolean
  dropoutP: number
  outProjWeight: Tensor
  outProjBias: Tensor | null
}
const defaults: Record<string, unknown> = {
  training: true,
  needWeights: true,
  useSeparateProjWeight: false,
  averageAttnWeights: true,
  isCausal: false,
}

/**
 * What `nn.MultiheadAttention` computes, with all its weights given; query, key and value are `(L, N, E)` or `(L, E)`.
 * @returns the output, and the attention weights `(N, L, S)` (without averaging `(N, heads, L, S)`) or null
 */
export function multiHeadAttentionForward(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  embedDimToCheck: number,
  numHeads: number,
  inProjWeight: Tensor | null,
  inProjBias: Tensor | null,
  biasK: Tensor | null,
  biasV: Tensor | null,
  addZeroAttn: boolean,
  dropoutP: number,
  outProjWeight: Tensor,
  outProjBias: Tensor | null,
  options?: MultiHeadAttentionForwardOptions,
): [Tensor, Tensor | null]
export function multiHeadAttentionForward(...args: unknown[]): [Tensor, Tensor | null] {
  const values = takeArguments('multiHeadAttentionForward', names, args)
  const given = Object.fromEntries(names.map((name, i) => [name, values[i] ?? defaults[name] ?? null])) as any as Given
  for (const name of ['query', 'key', 'value'] as const) {
    if (!(given[name] instanceof Tensor))
      throw new ArgumentError(`multiHeadAttentionForward(): expected ${name} to be a Tensor`)
  }
  // some twenty tensors on the way, of which nobody else hears: large ones would wait for the garbage collector
  return scope(() => attend(given))
}

function attend(given: Given): [Tensor, Tensor | null] {
  const isBatched = shapeCheck(given)
  let { query, key, value, keyPaddingMask, attnMask, isCausal } = given
  const { numHeads, needWeights, staticK, staticV } = given
  if (!isBatched) {
    query = query.unsqueeze(1)
    key = key.unsqueeze(1)
    value = value.unsqueeze(1)
    keyPaddingMask = keyPaddingMask?.unsqueeze(0) ?? null
  }
  const [targetLength, batch, size] = query.shape as [number, number, number]
  keyPaddingMask = canonicalMask(keyPaddingMask, 'key_padding_mask', attnMask, 'attn_mask', query.dtype)
  if (isCausal && attnMask === null) {
    throw new ArgumentError(
      'Need attn_mask if specifying the is_causal hint. You may use the Transformer module method `generate_square_subsequent_mask` to create this mask.',
    )
  }
  // Without padding and weights the hint alone says what the mask says.
  if (isCausal && keyPaddingMask === null && !needWeights) attnMask = null
  else {
    attnMask = canonicalMask(attnMask, 'attn_mask', null, '', query.dtype)
    if (keyPaddingMask !== null) isCausal = false
  }
  const headSize = checkSizes(given, key, value, size)

  const inputs: Three = [query, key, value]
  let [q, k, v] = given.useSeparateProjWeight
    ? projectSeparately(inputs, [given.qProjWeight, given.kProjWeight, given.vProjWeight], given.inProjBias)
    : projectPacked(...inputs, given.inProjWeight!, given.inProjBias)

  attnMask = maskOf3d(attnMask, targetLength, key.shape[0]!, batch * numHeads)
  const widen = (): void => {
    if (attnMask !== null) attnMask = operators.pad(attnMask, [0, 1])
    if (keyPaddingMask !== null) keyPaddingMask = operators.pad(keyPaddingMask, [0, 1])
  }
  const { biasK, biasV } = given
  if (biasK !== null && biasV !== null) {
    if (staticK !== null) throw new ArgumentError('bias cannot be added to static key.')
    if (staticV !== null) throw new ArgumentError('bias cannot be added to static value.')
    k = functions.cat([k, biasK.repeat(1, batch, 1)])
    v = functions.cat([v, biasV.repeat(1, batch, 1)])
    widen()
  } else if (biasK !== null) throw new ArgumentError('bias_k is set but bias_v is None')
  else if (biasV !== null) throw new ArgumentError('bias_v is set but bias_k is None')

  const heads = batch * numHeads
  const split = (t: Tensor): Tensor => t.view(t.shape[0]!, heads, headSize).transpose(0, 1)
  q = split(q)
  k = staticK === null ? split(k) : checkStatic(staticK, 'static_k', heads, headSize)
  v = staticV === null ? split(v) : checkStatic(staticV, 'static_v', heads, headSize)
  if (given.addZeroAttn) {
    const zeros = (t: Tensor): Tensor => functions.zeros([heads, 1, headSize], { dtype: t.dtype, device: t.device })
    k = functions.cat([k, zeros(k)], 1)
    v = functions.cat([v, zeros(v)], 1)
    widen()
  }
  const sourceLength = k.shape[1]!
  if (keyPaddingMask !== null) {
    for (const [i, expected] of [batch, sourceLength].entries()) {
      const found = keyPaddingMask.shape[i]
      if (found !== expected)
        throw new ShapeError(`Expected key_padded_mask.shape[${i}] to be ${expected}, but got ${found}`)
    }
    const merged = keyPaddingMask
      .view(batch, 1, 1, sourceLength)
      .expand(-1, numHeads, -1, -1)
      .reshape(heads, 1, sourceLength)
    attnMask = attnMask === null ? merged : attnMask.add(merged)
  }
  const dropoutP = given.training ? given.dropoutP : 0

  if (!needWeights) {
    if (attnMask !== null) {
      const alone = attnMask.shape[0] === 1 && attnMask.ndim === 3
      attnMask = alone ? attnMask.unsqueeze(0) : attnMask.view(batch, numHeads, -1, sourceLength)
    }
    const [query4, key4, value4] = [q, k, v].map((t) => t.view(batch, numHeads, t.shape[1]!, headSize)) as Three
    const attended = scaledDotProductAttention(query4, key4, value4, attnMask, dropoutP, isCausal)
    const joined = attended.permute(2, 0, 1, 3).reshape(batch * targetLength, size)
    return [projectOut(joined, given, targetLength, batch, isBatched), null]
  }
  if (isCausal && attnMask === null) throw new ArgumentError('FIXME: is_causal not implemented for need_weights')
  const scaled = q.mul(Math.sqrt(1 / q.shape[2]!))
  const across = k.transpose(-2, -1)
  let weights = attnMask === null ? functions.bmm(scaled, across) : functions.baddbmm(attnMask, scaled, across)
  weights = functions.softmax(weights, -1, null)
  if (dropoutP > 0) weights = functions.dropout(weights, dropoutP, true)
  const joined = functions
    .bmm(weights, v)
    .transpose(0, 1)
    .reshape(targetLength * batch, size)
  const output = projectOut(joined, given, targetLength, batch, isBatched)
  weights = weights.view(batch, numHeads, targetLength, sourceLength)
  if (given.averageAttnWeights) weights = weights.mean(1)
  return [output, isBatched ? weights : weights.squeeze(0)]
}

/** The size of a head. */
function checkSizes(given: Given, key: Tensor, value: Tensor, size: number): number {
  const { embedDimToCheck, numHeads } = given
  if (size !== embedDimToCheck) {
    throw new ShapeError(`was expecting embedding dimension of ${embedDimToCheck}, but got ${size}`)
  }
  const headSize = Math.floor(size / numHeads)
  if (headSize * numHeads !== size) throw new ShapeError(`embed_dim ${size} not divisible by num_heads ${numHeads}`)
  const [keyShape, valueShape] = [key.shape, value.shape]
  if (given.useSeparateProjWeight) {
    const [k, v] = [keyShape.slice(0, 2), valueShape.slice(0, 2)]
    if (!same(k, v)) {
      throw new ShapeError(`key's sequence and batch dims ${sizeText(k)} do not match value's ${sizeText(v)}`)
    }
  } else if (!same(keyShape, valueShape)) {
    throw new ShapeError(`key shape ${sizeText(keyShape)} does not match value shape ${sizeText(valueShape)}`)
  } else if (given.inProjWeight === null) {
    throw new ArgumentError('use_separate_proj_weight is False but in_proj_weight is None')
  }
  return headSize
}

function maskOf3d(mask: Tensor | null, target: number, source: number, heads: number): Tensor | null {
  if (mask === null) return null
  const { shape } = mask
  const expected = shape.length === 2 ? [target, source] : [heads, target, source]
  if (!same(shape, expected)) {
    throw new ShapeError(
      `The shape of the ${shape.length}D attn_mask is ${sizeText(shape)}, but should be ${tuple(expected)}.`,
    )
  }
  return shape.length === 2 ? mask.unsqueeze(0) : mask
}

function checkStatic(given: Tensor, name: string, heads: number, headSize: number): Tensor {
  for (const [dim, expected] of [
    [0, heads],
    [2, headSize],
  ] as const) {
    const found = given.size(dim)
    if (found !== expected) throw new ShapeError(`expecting ${name}.size(${dim}) of ${expected}, but got ${found}`)
  }
  return given
}

function projectOut(joined: Tensor, given: Given, length: number, batch: number, isBatched: boolean): Tensor {
  const projected = operators.linear(joined, given.outProjWeight, given.outProjBias)
  const output = projected.view(length, batch, projected.shape[1]!)
  return isBatched ? output : output.squeeze(1)
}
