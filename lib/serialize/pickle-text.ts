/** The text forms of protocol 0. */

/** `'a\n'` in Python's quotes and escapes, as bytes; undefined without quotes. */
export function quotedText(line: string): Buffer | undefined {
  const text = line.trim()
  const quote = text[0]
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote) return undefined
  const simple: Record<string, string> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' }
  const plain = text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[\s\S])/g, (_, code: string) => {
    if (/^x/.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 0xff)
    return Object.hasOwn(simple, code) ? simple[code]! : '\\\'"'.includes(code) ? code : `\\${code}`
  })
  return Buffer.from(plain, 'latin1')
}

/** Latin-1 with `\uXXXX` and `\UXXXXXXXX`. */
export function rawUnicodeEscape(line: string): string {
  return line.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (whole, short?: string, long?: string) => {
    const code = Number.parseInt(short ?? long!, 16)
    return code > 0x10ffff ? whole : String.fromCodePoint(code)
  })
}

/** A float as Python's repr or str has it; undefined when it is none. */
export function pythonFloat(text: string): number | undefined {
  const special: Record<string, number> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity }
  if (Object.hasOwn(special, text)) return special[text]!
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}
