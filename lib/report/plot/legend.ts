/** The line above a panel: what it shows, and the name of each curve beside a piece of its line. */
import { colours, dashes, escaped, fontSize, textWidth } from './style.js'

const sample = 22
const gap = 7
const between = 20
export const rowHeight = 20

export interface Legend {
  rows: number
  draw: (left: number, top: number) => string
}

/** @param label - what the panel shows, in front; '' for nothing */
export function legend(label: string, names: string[], width: number): Legend {
  const parts: { x: number; row: number; draw: (x: number, y: number) => string }[] = []
  let [x, row] = [0, 0]
  const add = (size: number, draw: (x: number, y: number) => string) => {
    if (x > 0 && x + size > width) [x, row] = [0, row + 1]
    parts.push({ x, row, draw })
    x += size + between
  }
  if (label !== '') {
    const shown = fitted(label, width)
    add(textWidth(shown), (left, y) => text(left, y, shown, label, ' class="faint"'))
  }
  for (const [i, name] of names.entries()) {
    const shown = fitted(name, width - sample - gap)
    add(sample + gap + textWidth(shown), (left, y) => {
      const line = `<path class="curve ${look(i)} d="M${left},${y - 4}h${sample}"/>`
      return line + text(left + sample + gap, y, shown, name)
    })
  }
  return {
    rows: parts.length === 0 ? 0 : row + 1,
    draw: (left, top) =>
      parts.map((part) => part.draw(round(left + part.x), top + part.row * rowHeight + fontSize)).join(''),
  }
}

/** Colour and dashes of the curve with this number; the end of a class attribute. */
export function look(i: number): string {
  const dash = dashes[Math.floor(i / colours) % dashes.length]!
  return `c${i % colours}"${dash && ` stroke-dasharray="${dash}"`}`
}

function text(x: number, y: number, shown: string, whole: string, attributes = ''): string {
  const title = shown === whole ? '' : `<title>${escaped(whole)}</title>`
  return `<text x="${x}" y="${y}"${attributes}>${escaped(shown)}${title}</text>`
}

function fitted(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  const characters = [...text]
  while (characters.length > 1 && textWidth(`${characters.join('')}…`) > width) characters.pop()
  return `${characters.join('')}…`
}

export function round(value: number): number {
  return Math.round(value * 100) / 100
}
