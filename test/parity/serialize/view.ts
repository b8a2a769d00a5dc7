/** What JavaScript sees of a value: the counterpart of `view` in legacy.py. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as torch from 'libtorch-node'

/** A description of the value that Python makes too, and that JSON can hold. */
export function view(value: unknown, above: unknown[] = []): unknown {
  if (typeof value === 'object' && value !== null && above.includes(value))
    return ['again', above.length - above.indexOf(value)]
  const inside = [...above, value]
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return ['number', Number.isNaN(value) ? 'nan' : hex(value)]
  if (typeof value === 'bigint') return ['bigint', String(value)]
  if (typeof value === 'string')
    return ['string', /\p{Surrogate}/u.test(value) ? [...value].map((c) => c.codePointAt(0)) : value]
  if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('hex')]
  if (value instanceof torch.Tensor) return tensorView(value)
  if (value instanceof torch.Tuple) return ['tuple', Array.from(value, (item) => view(item, inside))]
  if (Array.isArray(value)) return ['list', value.map((item) => view(item, inside))]
  if (value instanceof Set) return ['set', [...value].map((item) => view(item, inside)).sort(byText)]
  if (value instanceof Map) return ['map', [...value].map(([k, v]) => [view(k, inside), view(v, inside)])]
  if (value instanceof torch.PyObject) return ['python']
  assert.equal(Object.getPrototypeOf(value), null)
  const items = Object.entries(value as object).map(([k, v]) => [view(k, inside), view(v, inside)])
  return ['object', Object.keys(value as object).some((key) => /^\d+$/.test(key)) ? items.sort(byText) : items]
}

export function tensorView(t: torch.Tensor): unknown[] {
  const kind = t instanceof torch.Parameter ? 'Parameter' : t instanceof torch.Buffer ? 'Buffer' : 'Tensor'
  const head = ['tensor', kind, t.dtype, [...t.shape]]
  if (t.device === 'meta') return [...head, 'meta']
  if (/^quint|^qint/.test(t.dtype)) return [...head, 'quantized', tensorView(t.dequantize())]
  if (t.layout !== 'strided') return [...head, t.layout, tensorView(t.toDense())]
  const { buffer, byteOffset, byteLength } = t
    .detach()
    .resolveConj()
    .resolveNeg()
    .contiguous()
    .flatten()
    .view('uint8')
    .typedArray()
  const digest = createHash('sha256')
    .update(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength))
    .digest('hex')
  return [...head, [...t.stride()], t.requiresGrad, digest]
}

function hex(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('hex')
}
function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}

/** Order of what Python and JavaScript sort differently does not count. */
function sorted(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  const items = value.map(sorted)
  const [kind, list] = items
  const numeric = kind === 'object' && (list as [[string, string]][]).some(([key]) => /^\d+$/.test(String(key![1])))
  return kind === 'set' || numeric ? [kind, (list as unknown[]).sort(byText)] : items
}
export function same(actual: unknown, expected: unknown): void {
  assert.deepEqual(sorted(actual), sorted(expected))
}
