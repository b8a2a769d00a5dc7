import { badFormat, type Where } from '../where.js'

/**
 * Reads JSON of a known form from front to back. JSON.parse would take the last of two equal keys, round large numbers and not
 * say where an error is.
 */
export class JsonText {
  private at = 0

  /**
   * @param base - byte of the file at which the text begins
   * @param what - names the text in errors
   */
  constructor(
    private readonly text: string,
    private readonly base: number,
    private readonly where: Where,
    private readonly what: string,
  ) {}

  fail(message: string, at = this.at, record?: string): never {
    const offset = this.base + Buffer.byteLength(this.text.slice(0, at))
    throw badFormat({ ...this.where, ...(record !== undefined && { record }), offset }, `${this.what}: ${message}`)
  }

  /** The next character that is no space; empty at the end. */
  peek(): string {
    for (; this.at < this.text.length; this.at++) {
      const code = this.text.charCodeAt(this.at)
      if (code !== 32 && code !== 9 && code !== 10 && code !== 13) break
    }
    return this.text.charAt(this.at)
  }

  /** Where the next value begins, for {@link fail}. */
  position(): number {
    this.peek()
    return this.at
  }

  private take(wanted: string): void {
    const found = this.peek()
    if (found !== wanted) this.fail(found === '' ? `it ends where '${wanted}' should be` : `'${wanted}' expected`)
    this.at++
  }

  end(): void {
    if (this.peek() !== '') this.fail('there is more after its end')
  }

  string(): string {
    const start = this.position()
    this.take('"')
    let end = start
    do {
      end = this.text.indexOf('"', end + 1)
      if (end < 0) this.fail('a string does not end', start)
    } while (this.isEscaped(end))
    this.at = end + 1
    let value: string
    try {
      value = JSON.parse(this.text.slice(start, end + 1)) as string
    } catch {
      this.fail('a string that is not valid', start)
    }
    if (/\p{Surrogate}/u.test(value)) this.fail('a string with half a character', start)
    return value
  }
  private isEscaped(quote: number): boolean {
    let first = quote
    while (this.text.charCodeAt(first - 1) === 92) first--
    return (quote - first) % 2 === 1
  }

  /** A whole number that is not negative and exact in JavaScript. */
  integer(what: string): number {
    const start = this.position()
    while (isWord(this.text.charCodeAt(this.at))) this.at++
    if (this.at === start) this.fail(`${what} is no number`, start)
    const end = this.at - start > 24 ? start + 24 : this.at
    const digits = this.text.slice(start, end)
    if (!/^(0|[1-9]\d*)$/.test(digits)) this.fail(`${what} is ${digits}, not a whole number from 0 on`, start)
    const value = Number(digits)
    if (!Number.isSafeInteger(value)) this.fail(`${what} overflows: ${digits}`, start)
    return value
  }

  /** Calls `entry` for every key, when the text stands before its value; a key that comes twice is an error. */
  object(what: string, entry: (key: string, at: number) => void): void {
    if (this.peek() !== '{') this.fail(`${what} is no object`)
    this.at++
    if (this.peek() === '}') {
      this.at++
      return
    }
    const seen = new Set<string>()
    for (;;) {
      const at = this.position()
      const key = this.string()
      if (seen.has(key)) this.fail(`${what} has the key ${JSON.stringify(key)} twice`, at)
      seen.add(key)
      this.take(':')
      this.peek()
      entry(key, at)
      if (this.peek() !== ',') break
      this.at++
    }
    this.take('}')
  }

  array(what: string, item: () => void): void {
    if (this.peek() !== '[') this.fail(`${what} is no array`)
    this.at++
    if (this.peek() === ']') {
      this.at++
      return
    }
    for (;;) {
      item()
      if (this.peek() !== ',') break
      this.at++
    }
    this.take(']')
  }

  /** Moves over a value that means nothing here; it has to be JSON all the same. */
  skip(depth = 0): void {
    if (depth > maxDepth) this.fail(`values are more than ${maxDepth} levels deep`)
    const next = this.peek()
    if (next === '"') this.string()
    else if (next === '{') this.object('a value', () => this.skip(depth + 1))
    else if (next === '[') this.array('a value', () => this.skip(depth + 1))
    else {
      const start = this.at
      while (isWord(this.text.charCodeAt(this.at))) this.at++
      const word = this.text.slice(start, this.at)
      if (!/^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)$/.test(word.slice(0, 400)))
        this.fail('a value that is not JSON', start)
    }
  }

  /** True, and the text is behind it, where `null` is next. */
  null(): boolean {
    this.peek()
    if (!this.text.startsWith('null', this.at)) return false
    this.at += 4
    return true
  }
}

/** Of what numbers and words are made: + - . digits letters _ */
function isWord(code: number): boolean {
  if (code >= 48 && code <= 57) return true
  return (
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 43 ||
    code === 45 ||
    code === 46 ||
    code === 95
  )
}

/** As deep as the format's own library goes. */
const maxDepth = 128
