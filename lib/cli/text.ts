/** Text for terminals. What comes from a file may hold anything, and is never printed as it is. */

/** Characters that steer a terminal or hide what is written: controls, directions of writing, halves of characters. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu
const known: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** The text with all that is no visible character written as Python writes it: `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => known[character] ?? escaped(character.codePointAt(0)!))
}

/** {@link printable} for texts of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

function escaped(code: number): string {
  if (code < 256) return `\\x${hex(code, 2)}`
  return code < 65536 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}

/** JSON in which such characters are escaped, too: `JSON.stringify` leaves some of them. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(unprintable, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, i) => `\\u${hex(character.charCodeAt(i), 4)}`).join(''),
  )
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

/** Columns that a printable text takes. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += wide.test(character) ? 2 : /\p{Mn}/u.test(character) ? 0 : 1
  return width
}

/** Cuts a text to so many columns; a mark stands for what is missing at its end, or in its middle. */
export function fit(text: string, width: number, where: 'end' | 'middle' = 'end'): string {
  if (widthOf(text) <= width) return text
  const characters = [...text]
  const tail = where === 'middle' ? Math.floor((width - 1) / 2) : 0
  const end = tail === 0 ? [] : characters.slice(-tail)
  while (end.length > 0 && widthOf(end.join('')) > tail) end.shift()
  const room = Math.max(width - 1 - widthOf(end.join('')), 0)
  let start = ''
  let used = 0
  for (const character of characters) {
    used += widthOf(character)
    if (used > room) break
    start += character
  }
  return `${start}…${end.join('')}`
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(width - widthOf(text), 0))
}

/** Columns of the terminal; a file has no end of them. */
export function columns(): number {
  const wanted = Number(process.env.COLUMNS)
  if (Number.isInteger(wanted) && wanted > 0) return Math.max(wanted, 20)
  return process.stdout.isTTY ? Math.max(process.stdout.columns || 80, 20) : Number.POSITIVE_INFINITY
}

/** `512 B`, `4.1 kB`, `1.3 GB` */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB', 'PB']
  let size = bytes / 1000
  let unit = 0
  while (size >= 999.95 && unit < units.length - 1) {
    size /= 1000
    unit++
  }
  return `${size.toFixed(1)} ${units[unit]}`
}

/** `1,234,567` */
export function countText(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 entry`, `2 entries` */
export function several(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}
