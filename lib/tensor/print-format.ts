/**
 * The layout of printed tensors: numbers to text, text to rows. Works on plain arrays, so that it knows nothing of where the
 * values come from. Follows torch/_tensor_str.py of PyTorch 2.13.
 */
import { ArgumentError, nearest } from '../errors.js'

/** How tensors print; see {@link setPrintoptions}. */
export interface PrintOptions {
  /** Digits after the decimal point, 0 to 100 (default 4). */
  precision: number
  /** Tensors with more elements than this are summarised (default 1000; `Infinity` for never). */
  threshold: number
  /** Items shown at the beginning and the end of each summarised dimension (default 3). */
  edgeitems: number
  /** Characters in a line (default 80). */
  linewidth: number
  /** Scientific notation always or never; `null` leaves it to the values (default). */
  sciMode: boolean | null
}

const profiles = {
  default: { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80 },
  short: { precision: 2, threshold: 1000, edgeitems: 2, linewidth: 80 },
  full: { precision: 4, threshold: Number.POSITIVE_INFINITY, edgeitems: 3, linewidth: 80 },
}

const current: PrintOptions = { ...profiles.default, sciMode: null }

/** A copy of the options in force, to give back to {@link setPrintoptions} later. */
export function getPrintoptions(): PrintOptions {
  return { ...current }
}

/**
 * Sets how tensors print, for this thread. What is not named stays as it is, but `sciMode` goes back to automatic.
 * @param options - see {@link PrintOptions}; `profile` (`'default'`, `'short'`, `'full'`) is applied before the others
 * @throws {@link ArgumentError} for an unknown option, or a value out of its range
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.set_printoptions.html
 */
export function setPrintoptions(
  options: Partial<PrintOptions> & { profile?: keyof typeof profiles | null } = {},
): void {
  const { profile, sciMode, ...counts } = options
  const next = { ...current }
  if (profile != null) {
    if (!Object.hasOwn(profiles, profile)) {
      throw new ArgumentError(
        `setPrintoptions: expected profile to be 'default', 'short' or 'full', received '${profile}'`,
      )
    }
    Object.assign(next, profiles[profile])
  }
  for (const [name, value] of Object.entries(counts)) {
    if (value == null) continue
    if (!Object.hasOwn(profiles.default, name)) {
      const near = nearest(name, [...Object.keys(current), 'profile'])
      throw new ArgumentError(`setPrintoptions: unknown option '${name}'${near ? `; did you mean '${near}'?` : ''}`)
    }
    checkCount(name as keyof typeof counts, value)
    next[name as keyof typeof counts] = value
  }
  if (sciMode != null && typeof sciMode !== 'boolean') {
    throw new ArgumentError(`setPrintoptions: expected sciMode to be a boolean or null, received ${String(sciMode)}`)
  }
  Object.assign(current, next, { sciMode: sciMode ?? null })
}

function checkCount(name: string, value: unknown): void {
  const most = name === 'precision' ? 100 : Number.MAX_SAFE_INTEGER
  const whole = Number.isInteger(value) || (name === 'threshold' && value === Number.POSITIVE_INFINITY)
  if (!whole || (value as number) < 0 || ((value as number) > most && name !== 'threshold')) {
    const range = name === 'precision' ? 'an integer from 0 to 100' : 'a non-negative integer'
    throw new ArgumentError(`setPrintoptions: expected ${name} to be ${range}, received ${String(value)}`)
  }
}

/** The options in force. Read only. */
export function printOptions(): Readonly<PrintOptions> {
  return current
}

/** Values in row order; `complex` holds pairs. */
export interface PrintValues {
  kind: 'float' | 'complex' | 'int' | 'bool'
  /** The value that equals zero, where the dtype has no zero. */
  zero?: number
  data: ArrayLike<number | bigint>
}

/** The sizes along which only the edges are shown, where `summarize`. */
export function isCut(size: number, summarize: boolean, edgeitems: number): boolean {
  return summarize && size > 2 * edgeitems
}

/**
 * The nested brackets of a tensor.
 * @param values - only what is shown: `2 * edgeitems` along each dimension that is cut
 * @param shape - sizes of the whole tensor
 * @param indent - columns that stand before the text
 */
export function layoutValues(
  values: PrintValues,
  shape: readonly number[],
  summarize: boolean,
  indent: number,
): string {
  if (summarize && shape.length > 0 && current.edgeitems === 0) return '[...]'
  const cells = formatCells(values)
  const shown = shape.map((size) => (isCut(size, summarize, current.edgeitems) ? 2 * current.edgeitems : size))
  let next = 0

  const row = (size: number, count: number, column: number): string => {
    const items = cells.texts.slice(next, next + count)
    next += count
    if (count < size) items.splice(current.edgeitems, 0, ' ...')
    const perLine = Math.max(1, Math.floor((current.linewidth - column) / cells.width))
    const lines: string[] = []
    for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(', '))
    return `[${lines.join(`,\n${' '.repeat(column + 1)}`)}]`
  }

  const block = (dim: number, column: number): string => {
    const size = shape[dim]!
    const count = shown[dim]!
    if (dim === shape.length - 1) return row(size, count, column)
    const parts: string[] = []
    for (let i = 0; i < count; i++) parts.push(block(dim + 1, column + 1))
    if (count < size) parts.splice(current.edgeitems, 0, '...')
    return `[${parts.join(`,${'\n'.repeat(shape.length - dim - 1)}${' '.repeat(column + 1)}`)}]`
  }

  return shape.length === 0 ? cells.texts[0]! : block(0, indent)
}

/** Every element as text, and the columns that one takes with the comma and the space after it. */
function formatCells({ kind, data, zero }: PrintValues): { texts: string[]; width: number } {
  if (kind === 'complex') {
    const numbers = data as ArrayLike<number>
    const half = Array.from({ length: numbers.length / 2 }, (_, i) => 2 * i)
    const real = formatFloats(half.map((i) => numbers[i]!))
    const imaginary = formatFloats(half.map((i) => numbers[i + 1]!))
    const texts = real.texts.map((text, i) => {
      const second = `${imaginary.texts[i]}j`.trimStart()
      return second.startsWith('-') ? text + second : `${text}+${second}`
    })
    return { texts, width: real.width + imaginary.width + 3 }
  }
  const { texts, width } =
    kind === 'float'
      ? formatFloats(Array.from(data as ArrayLike<number>), zero)
      : formatOthers(Array.from(data, kind === 'bool' ? (v) => (v ? 'True' : 'False') : String))
  return { texts, width: width + 2 }
}

function formatOthers(texts: string[]): { texts: string[]; width: number } {
  const width = texts.reduce((most, text) => Math.max(most, text.length), 1)
  return { texts: texts.map((text) => text.padStart(width)), width }
}

function formatFloats(values: number[], zero = 0): { texts: string[]; width: number } {
  let least = Number.POSITIVE_INFINITY
  let most = 0
  let whole = true
  for (const value of values) {
    const size = Math.abs(value)
    if (size === zero || !Number.isFinite(size)) continue
    least = Math.min(least, size)
    most = Math.max(most, size)
    whole &&= Number.isInteger(value)
  }
  // Zeros, infinities and NaN have no say in width and notation, and without others nothing is aligned.
  if (most === 0) return { texts: values.map(formatWhole), width: 1 }

  const scientific = current.sciMode ?? (most / least > 1000 || most > 1e8 || least < 1e-4)
  const format = scientific
    ? (value: number) => formatExponential(value, current.precision)
    : whole
      ? formatWhole
      : (value: number) => formatFixed(value, current.precision)
  const texts = values.map(format)
  let width = 1
  values.forEach((value, i) => {
    if (Math.abs(value) !== zero && Number.isFinite(value)) width = Math.max(width, texts[i]!.length)
  })
  return { texts: texts.map((text) => text.padStart(width)), width }
}

// The point tells a whole float from an integer.
function formatWhole(value: number): string {
  const text = formatFixed(value, 0)
  return Number.isFinite(value) ? `${text}.` : text
}

function notFinite(value: number): string {
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
}

/** As Python's `format(value, '.{digits}f')`: the exact binary value, rounded half to even. */
export function formatFixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return notFinite(value)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const size = Math.abs(value)
  // `toFixed` differs in two cases: it changes its notation at 1e21, and it rounds a tie up. A tie needs a value with no
  // bits below 2^-(digits + 1), which is why most values take the fast path.
  const tie = !Number.isInteger(size) && Number.isInteger(size * 2 ** (digits + 1))
  if (size < 1e21 && !tie) return sign + size.toFixed(digits)
  const text = String(scaled(size, digits)).padStart(digits + 1, '0')
  return sign + (digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`)
}

/** As Python's `format(value, '.{digits}e')`. */
export function formatExponential(value: number, digits: number): string {
  if (!Number.isFinite(value)) return notFinite(value)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const size = Math.abs(value)
  const [mantissa, exponent] = size.toExponential(digits).split('e') as [string, string]
  const power = Math.abs(Number(exponent))
  const tail = `e${exponent[0]}${String(power).padStart(2, '0')}`
  // Only a tie can be off, rounded up where it should go to the even neighbour below; it has a 5 as its next digit.
  if (/[13579]$/.test(mantissa) && digits < 100 && /5e/.test(size.toExponential(digits + 1))) {
    const shift = digits - Number(exponent)
    const even = scaled(size, shift)
    if (even >= 10n ** BigInt(digits)) {
      const text = String(even)
      return `${sign}${text[0]}${digits === 0 ? '' : `.${text.slice(1)}`}${tail}`
    }
  }
  return sign + mantissa + tail
}

/** `value * 10^power` as an integer, exactly rounded half to even; `value` is finite and not negative. */
function scaled(value: number, power: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(value).buffer)[0]!
  const field = Number(bits >> 52n)
  let top = (bits & 0xfffffffffffffn) | (field === 0 ? 0n : 0x10000000000000n)
  let bottom = 1n
  const exponent = Math.max(field, 1) - 1075
  if (exponent > 0) top <<= BigInt(exponent)
  else bottom <<= BigInt(-exponent)
  if (power > 0) top *= 10n ** BigInt(power)
  else bottom *= 10n ** BigInt(-power)
  const quotient = top / bottom
  const twice = 2n * (top % bottom)
  return twice > bottom || (twice === bottom && quotient % 2n === 1n) ? quotient + 1n : quotient
}
