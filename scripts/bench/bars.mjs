/** Stacked bars as a picture, in the colours of `torch.utils.plotCurves`. */
import { join } from 'node:path'
import { root } from '../lib/run.mjs'

const width = 800
const edge = 16
const left = 76
const right = width - 90
const barHeight = 26
const rowHeight = 34

/** `3.51 µs`, `1.91 ms` */
const duration = (ns) => `${ns < 1e6 ? (ns / 1e3).toPrecision(3) : (ns / 1e6).toPrecision(3)} ${ns < 1e6 ? 'µs' : 'ms'}`

/**
 * @param kinds - what the parts of each bar are
 * @param groups - `{title, bars: [{name, parts}, …]}`, parts in nanoseconds; the bars of a group have one scale
 */
export async function bars(title, kinds, groups) {
  const { styleSheet, escaped, textWidth } = await import(join(root, 'dist', 'report', 'plot', 'style.js'))
  const total = ({ parts }) => parts.reduce((sum, part) => sum + part, 0)
  const isShown = kinds.map((_, i) =>
    groups.some((group) => group.bars.some((bar) => bar.parts[i] / total(bar) > 0.005)),
  )

  const text = (x, y, words, attributes = '') =>
    `<text x="${x.toFixed(1)}" y="${y}"${attributes}>${escaped(words)}</text>`
  const drawn = [text(edge, edge + 15, title, ' class="title"')]

  let [x, y] = [edge, edge + 46]
  for (const [i, kind] of kinds.entries()) {
    if (!isShown[i]) continue
    const needed = 18 + textWidth(kind) + 22
    if (x > edge && x + needed > width) [x, y] = [edge, y + 20]
    drawn.push(
      `<rect class="d${i}" x="${x.toFixed(1)}" y="${y - 10}" width="12" height="12" rx="2"/>`,
      text(x + 18, y, kind),
    )
    x += needed
  }

  y += 34
  for (const group of groups) {
    drawn.push(text(edge, y, group.title, ' font-weight="600"'))
    y += 12
    const scale = (right - left) / Math.max(...group.bars.map(total))
    for (const bar of group.bars) {
      drawn.push(text(edge, y + 17, bar.name))
      let at = left
      for (const [i, part] of bar.parts.entries()) {
        const size = part * scale
        // a line of the background between two parts
        if (size > 0)
          drawn.push(
            `<rect class="d${i}" x="${at.toFixed(1)}" y="${y}" width="${Math.max(size - 1, 0.5).toFixed(1)}" height="${barHeight}"/>`,
          )
        const percent = `${Math.round((part / total(bar)) * 100)} %`
        if (size > textWidth(percent) + 6)
          drawn.push(text(at + size / 2, y + 17, percent, ' class="surface" text-anchor="middle"'))
        at += size
      }
      drawn.push(text(at + 8, y + 17, duration(total(bar))))
      y += rowHeight
    }
    y += 28
  }
  const height = y - 28 + edge - 8
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
<style>${styleSheet('auto')}</style>
<rect class="surface" width="${width}" height="${height}"/>
${drawn.join('\n')}
</svg>
`
}
