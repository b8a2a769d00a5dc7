/** Values as Python writes them in printouts and messages. */

export function pythonBool(value: boolean): string {
  return value ? 'True' : 'False'
}

/** A number as Python's `repr()` of a float: `0.5`, `1.0`, `1e-05`. */
export function floatText(value: number): string {
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/** The name of a value's type in Python. */
export function pythonKind(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'str'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'function') return 'function'
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype ? 'dict' : value.constructor.name
}
