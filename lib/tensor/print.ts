/** Tensors as text, as `repr(tensor)` prints them in Python. Follows torch/_tensor_str.py of PyTorch 2.13. */

import { native } from '../binding.js'
import { operatorFunction } from './operator.js'
import { isCut, layoutValues, printOptions } from './print-format.js'
import { floatText, tupleText } from './python-text.js'
import type { Tensor } from './tensor.js'
import { readValues } from './to-data.js'

export { getPrintoptions, type PrintOptions, setPrintoptions } from './print-format.js'

/**
 * The text of a tensor: values, and what is not the default of dtype, device, layout and gradient.
 * Of a large tensor only the elements that are shown are read.
 */
export function formatTensor(t: Tensor): string {
  const name = t.constructor.name
  const plain = name === 'Tensor' || name === 'Parameter' || name === 'Buffer'
  const nested = isNested(t)
  const prefix = nested ? 'nested_tensor(' : plain ? 'tensor(' : `${name}(`
  const suffixes: string[] = []
  if (!t.device.startsWith('cpu')) suffixes.push(`device='${t.device}'`)

  const contents = describe(t.detach(), nested, prefix.length, suffixes)
  if (!nested && t.layout !== 'strided') suffixes.push(`layout=torch.${layoutName(t)}`)
  const gradient = gradFnName(t)
  if (gradient) suffixes.push(`grad_fn=<${gradient}>`)
  else if (t.requiresGrad) suffixes.push('requires_grad=True')

  const text = withSuffixes(prefix + contents, suffixes, prefix.length, !nested && t.layout === 'sparse_coo')
  return name === 'Parameter' ? `Parameter containing:\n${text}` : text
}

/** The text between the brackets; what stands after it is added to `suffixes`. `t` is detached. */
function describe(t: Tensor, nested: boolean, indent: number, suffixes: string[]): string {
  if (nested) return `[\n${(t.unbind() as Tensor[]).map((part) => indentLines(formatTensor(part))).join(',\n')}\n]`
  const { layout } = t
  if (layout.startsWith('sparse')) return describeSparse(t, layout, indent, suffixes)
  if (/^qu?int/.test(t.dtype)) return describeQuantized(t, indent, suffixes)
  const defaultDtype = native().getDefaultDtype()
  if (t.device.startsWith('meta')) {
    suffixes.push(`size=${tupleText(t.shape)}`)
    if (t.dtype !== defaultDtype) suffixes.push(`dtype=torch.${t.dtype}`)
    return '...'
  }
  if (t.numel() === 0) {
    if (t.ndim !== 1) suffixes.push(`size=${tupleText(t.shape)}`)
    // No element shows whether an empty tensor holds integers or booleans.
    if (t.dtype !== defaultDtype) suffixes.push(`dtype=torch.${t.dtype}`)
    return '[]'
  }
  if (printOptions().edgeitems === 0) suffixes.push(`size=${tupleText(t.shape)}`)
  addDtype(t, suffixes)
  return formatStrided(layout === 'strided' ? t : t.toDense(), indent)
}

type Part = [label: string, get: (t: Tensor) => Tensor]

// Python's private methods, which are none here.
const nnz = operatorFunction('aten::_nnz')
const isZeroTensor = operatorFunction('aten::_is_zerotensor')

// Component tensors of each sparse layout, with the names that they print under. Blocks change only the values' shape.
const coordinates: Part[] = [
  ['indices', operatorFunction('aten::_indices')],
  ['values', operatorFunction('aten::_values')],
]
const byRows: Part[] = [
  ['crow_indices', (t) => t.crowIndices()],
  ['col_indices', (t) => t.colIndices()],
  ['values', (t) => t.values()],
]
const byColumns: Part[] = [
  ['ccol_indices', (t) => t.ccolIndices()],
  ['row_indices', (t) => t.rowIndices()],
  ['values', (t) => t.values()],
]

function partsOf(layout: string): Part[] {
  if (layout === 'sparse_coo') return coordinates
  return layout === 'sparse_csr' || layout === 'sparse_bsr' ? byRows : byColumns
}

function describeSparse(t: Tensor, layout: string, indent: number, suffixes: string[]): string {
  const meta = t.device.startsWith('meta')
  suffixes.push(`size=${tupleText(t.shape)}`)
  if (!meta) suffixes.push(`nnz=${nnz(t)}`)
  addDtype(t, suffixes)
  const parts = partsOf(layout).map(([label, get]) => {
    const part = get(t).detach()
    const open = `${label}=tensor(`
    const body = meta ? '...' : formatStrided(part, indent + open.length)
    return `${open}${body}${meta || part.numel() === 0 ? `, size=${tupleText(part.shape)}` : ''})`
  })
  return parts.join(`,\n${' '.repeat(indent)}`)
}

// As c10::QScheme numbers them.
const quantizationSchemes = [
  'per_tensor_affine',
  'per_channel_affine',
  'per_tensor_symmetric',
  'per_channel_symmetric',
  'per_channel_affine_float_qparams',
]

function describeQuantized(t: Tensor, indent: number, suffixes: string[]): string {
  const scheme = quantizationSchemes[Number(t.qscheme())]!
  suffixes.push(`size=${tupleText(t.shape)}`)
  addDtype(t, suffixes)
  suffixes.push(`quantization_scheme=torch.${scheme}`)
  if (scheme.startsWith('per_tensor')) {
    suffixes.push(`scale=${floatText(t.qScale())}`, `zero_point=${t.qZeroPoint()}`)
  } else {
    suffixes.push(
      `scale=${formatTensor(t.qPerChannelScales())}`,
      `zero_point=${formatTensor(t.qPerChannelZeroPoints())}`,
      `axis=${t.qPerChannelAxis()}`,
    )
  }
  return formatStrided(t.dequantize(), indent)
}

function formatStrided(t: Tensor, indent: number): string {
  const { shape } = t
  const { threshold, edgeitems } = printOptions()
  const count = shape.reduce((product, size) => product * size, 1)
  if (count === 0) return '[]'
  const summarize = count > threshold
  if (summarize && shape.length > 0 && edgeitems === 0) {
    return layoutValues({ kind: 'int', data: [] }, shape, summarize, indent)
  }
  // A tensor of zeros without storage gets one.
  const real = isZeroTensor(t) ? t.clone() : t
  return layoutValues(readValues(summarize ? edges(real, edgeitems) : real), shape, summarize, indent)
}

/**
 * A view of only the elements that a summary shows: a dimension that is cut becomes two, which side and where in it.
 * Their order is that of the summary.
 */
function edges(t: Tensor, edgeitems: number): Tensor {
  const strides = t.stride()
  const sizes: number[] = []
  const steps: number[] = []
  t.shape.forEach((size, dim) => {
    if (isCut(size, true, edgeitems)) {
      sizes.push(2, edgeitems)
      steps.push((size - edgeitems) * strides[dim]!, strides[dim]!)
    } else {
      sizes.push(size)
      steps.push(strides[dim]!)
    }
  })
  return t.asStrided(sizes, steps)
}

function addDtype(t: Tensor, suffixes: string[]): void {
  const defaultDtype = native().getDefaultDtype()
  const complex = defaultDtype === 'float64' ? 'complex128' : 'complex64'
  if (![defaultDtype, complex, 'int64', 'bool'].includes(t.dtype)) suffixes.push(`dtype=torch.${t.dtype}`)
}

// The one layout whose Python name is private.
function layoutName({ layout }: Tensor): string {
  return layout === ('mkldnn' as string) ? '_mkldnn' : layout
}

function gradFnName(t: Tensor): string {
  try {
    return native().gradFnName(t).split('::').at(-1)!
  } catch {
    // A view made and changed in place without gradient has a history that cannot be asked for.
    return 'Invalid'
  }
}

function isNested(t: Tensor): boolean {
  try {
    return t.shape === undefined
  } catch {
    return true
  }
}

function withSuffixes(text: string, suffixes: string[], indent: number, newLine: boolean): string {
  let result = text
  let column = text.length - text.lastIndexOf('\n') + 1
  for (const suffix of suffixes) {
    if (newLine || column + suffix.length + 2 > printOptions().linewidth) {
      result += `,\n${' '.repeat(indent)}${suffix}`
      column = indent + suffix.length
      newLine = false
    } else {
      result += `, ${suffix}`
      column += suffix.length + 2
    }
  }
  return `${result})`
}

function indentLines(text: string): string {
  return text.replace(/^/gm, '  ')
}
