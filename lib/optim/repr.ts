import { isFloatSlot, PyFloat, Tuple } from '../tensor/python-values.js'
import type { ParamGroup } from './groups.js'

/** Python's `repr()` of an option: `0.001`, `1e-08`, `0`, `(0.9, 0.999)`, `None`, `True`. */
export function formatValue(value: unknown, float: boolean): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (value instanceof PyFloat) return formatNumber(value.value, true)
  if (typeof value === 'number') return formatNumber(value, float)
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) {
    const isFloat = (i: number) => !(value instanceof Tuple) || isFloatSlot(value, i)
    const items = Array.from(value, (item, i) => formatValue(item, isFloat(i))).join(', ')
    return value.some((item) => typeof item === 'string') ? `[${items}]` : `(${items})`
  }
  return String(value)
}

function formatNumber(value: number, float: boolean): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return float && Number.isInteger(value) ? `${value}.0` : String(value)
}

/** A string on its own is printed as it is. */
function formatOption(value: unknown, float: boolean): string {
  return typeof value === 'string' ? value : formatValue(value, float)
}

/** An optimizer as Python prints it: groups with their options in alphabetical order. */
export function formatOptimizer(
  name: string,
  groups: ParamGroup[],
  inFile: (key: string) => string,
  option: (group: ParamGroup, key: string) => unknown,
  isFloat: (group: ParamGroup, key: string) => boolean,
): string {
  const text = groups.map((group, i) => {
    const lines = Object.keys(group)
      .filter((key) => key !== 'params')
      .map((key): [string, string] => [inFile(key), formatOption(option(group, key), isFloat(group, key))])
      .sort(([a], [b]) => (a < b ? -1 : 1))
    return `\nParameter Group ${i}\n${lines.map(([key, value]) => `    ${key}: ${value}\n`).join('')}`
  })
  return `${name} (${text.join('')})`
}
