/** Values as Python writes them in printouts and messages. */
import type { Tensor } from './tensor.js'

/** A float as `repr()` writes it: `0.5`, `1.0`, `1e-05`, `inf`. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  return Number.isInteger(value) ? value.toFixed(1) : String(value)
}

/** A value as `str()` writes it into a message. */
export function pythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  return String(value)
}

/** A value as `repr()` writes it: as {@link pythonText}, but text in quotes. */
export function pythonRepr(value: unknown): string {
  if (typeof value !== 'string') return pythonText(value)
  const text = value.replaceAll('\\', '\\\\')
  if (text.includes("'") && !text.includes('"')) return `"${text}"`
  return `'${text.replaceAll("'", "\\'")}'`
}

/** `torch.Size([2, 3])` */
export function sizeText(of: Tensor | readonly number[]): string {
  return `torch.Size([${('shape' in of ? of.shape : of).join(', ')}])`
}
/** `[2, 3]` */
export function listText(values: readonly unknown[]): string {
  return `[${values.join(', ')}]`
}
/** `(2, 3)`, `(2,)`, `()` */
export function tupleText(values: readonly unknown[]): string {
  return values.length === 1 ? `(${values[0]},)` : `(${values.join(', ')})`
}
