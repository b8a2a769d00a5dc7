/** How Python writes values in messages, and its warnings. */
import { isTensor } from '../../tensor/creation.js'

/** `torch.Size([2, 3])` */
export const sizeText = (shape: readonly number[]): string => `torch.Size([${shape.join(', ')}])`
/** `[2, 3]` */
export const listText = (values: readonly unknown[]): string => `[${values.join(', ')}]`
/** `(2, 3)`, `(2,)` */
export const tupleText = (values: readonly unknown[]): string =>
  values.length === 1 ? `(${values[0]},)` : `(${values.join(', ')})`

/** What Python calls the type of a value. */
export function pythonType(value: unknown): string {
  if (isTensor(value)) return 'Tensor'
  if (value === null || value === undefined) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  const names: Record<string, string> = { boolean: 'bool', string: 'str', bigint: 'int', object: 'dict' }
  return names[typeof value] ?? typeof value
}

/** `<class 'int'>` */
export const pythonClass = (value: unknown): string =>
  `<class '${isTensor(value) ? 'torch.Tensor' : pythonType(value)}'>`

const seen = new Set<string>()

/** A warning as Python's filter shows it by default: each text once. */
export function warn(message: string): void {
  if (seen.has(message)) return
  seen.add(message)
  process.emitWarning(message, 'UserWarning')
}
