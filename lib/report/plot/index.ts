/** Curves as a picture. Needs no LibTorch. */
import { createRequire } from 'node:module'
import { ArgumentError } from '../../errors.js'
import { checkOptions } from '../options.js'
import { type Axis, axis, isDrawn, type ScaleKind } from './axis.js'
import { type Legend, legend, look, round, rowHeight } from './legend.js'
import { type Curves, type Series, thinned, toSeries } from './series.js'
import { colours, escaped, styleSheet, type Theme, textWidth } from './style.js'

export type { ScaleKind } from './axis.js'
export type { Curve, Curves, CurveValues } from './series.js'
export type { Theme } from './style.js'

export interface PlotOptions {
  title?: string
  xLabel?: string
  /** What the vertical axis shows, where there is one panel without a name. */
  yLabel?: string
  /** `'log'` leaves out what is not above 0 (default `'linear'`). */
  xScale?: ScaleKind
  /** For all panels, or by the name of the panel. */
  yScale?: ScaleKind | Record<string, ScaleKind>
  /** In pixels (default 800, at least 200). */
  width?: number
  /** In pixels (default 400, and 220 more for each further panel). */
  height?: number
  /** Light, dark, or as whoever looks at it prefers (default `'auto'`). */
  theme?: Theme
}

const require = createRequire(import.meta.url)
const known = ['title', 'xLabel', 'yLabel', 'xScale', 'yScale', 'width', 'height', 'theme']
const edge = 16
const tickLength = 5
/** pixels between two horizontal lines, at least */
const lineSpace = 36
/** points that are also dots: with more, they would be the line */
const mostDots = 40

interface Panel {
  name: string
  series: Series[]
  scale: ScaleKind
  legend: Legend
}

/**
 * Draws curves: with axes, a legend, and a gap wherever a value is NaN, missing, or not on the scale.
 * @param curves - name to values, name to `{ x, y, panel }`, or a list of `{ name, x, y, panel }`
 * @returns the text of an SVG file
 * @throws {@link ArgumentError} for a series that cannot be drawn, and for an unknown option
 * @example
 * const svg = torch.utils.plotCurves({ train: [0.9, 0.5, 0.3], test: [1.0, 0.7, 0.6] }, { title: 'Loss', xLabel: 'epoch' })
 * console.log(svg.slice(0, 4)) // <svg
 */
export function plotCurves(curves: Curves, options: PlotOptions = {}): string {
  checkOptions('plotCurves', options, known)
  const all = toSeries(curves)
  const names = [...new Set(all.map(({ panel }) => panel))]
  const { title = '', xLabel = '', yLabel = '', xScale = 'linear', yScale = 'linear', theme = 'auto' } = options
  const { width = 800, height = 400 + 220 * (names.length - 1) } = options
  checkSize('width', width)
  checkSize('height', height)
  checkOneOf('theme', theme, ['auto', 'light', 'dark'])
  checkOneOf('xScale', xScale, ['linear', 'log'])
  const scales = yScales(yScale, names)

  const panels = names.map((name): Panel => {
    const series = all.filter((one) => one.panel === name)
    const label = name === '' ? yLabel : series.length === 1 && series[0]!.name === name ? '' : name
    const isNamed = series.some((one) => one.name !== '')
    return {
      name,
      series,
      scale: scales[name]!,
      legend: legend(label, isNamed ? series.map((one) => one.name) : [], width - 2 * edge),
    }
  })

  // from top to bottom: the title, each panel under its legend, the labels of the horizontal axis
  const top = edge + (title ? 30 : 0)
  const bottom = height - edge - 18 - (xLabel ? 20 : 0)
  const legends = panels.reduce((sum, panel) => sum + panel.legend.rows * rowHeight + (panel.legend.rows ? 8 : 0), 0)
  const between = 18
  const panelHeight = (bottom - top - legends - between * (panels.length - 1)) / panels.length
  if (!(panelHeight >= 40)) {
    const needed = Math.ceil(height + panels.length * (40 - panelHeight))
    throw new ArgumentError(
      `plotCurves: a height of ${height} leaves no room for the curves; at least ${needed} is needed`,
    )
  }

  let y = top
  const placed = panels.map((panel) => {
    const legendTop = y
    const from = y + panel.legend.rows * rowHeight + (panel.legend.rows ? 8 : 0)
    const to = from + panelHeight
    y = to + between
    const values = panel.series.flatMap((one) => one.y.filter((_, i) => isDrawn(one.x[i]!, xScale)))
    const what = panel.name ? `the panel '${panel.name}'` : 'y'
    return {
      panel,
      legendTop,
      from,
      to,
      axis: axis(what, values, panel.scale, to, from, { space: lineSpace, loose: true }),
    }
  })
  const labels = placed.flatMap((one) => one.axis.ticks.map((tick) => textWidth(tick.label)))
  const left = round(edge + Math.max(20, ...labels) + tickLength + 3)
  const xs = all.flatMap((one) => one.x.filter((_, i) => Number.isFinite(one.y[i]!)))
  // the last label may reach beyond the end of the axis
  const lastLabel = axis('x', xs, xScale, left, width - edge).ticks.at(-1)?.label ?? ''
  const right = width - edge - Math.max(4, textWidth(lastLabel) / 2 - edge / 2)
  const xAxis = axis('x', xs, xScale, left, right)

  const parts = placed.map(({ panel, legendTop, from, to, axis: yAxis }) =>
    [
      panel.legend.draw(edge, legendTop),
      frame(xAxis, yAxis, left, right, round(from), round(to)),
      ...panel.series.map((one, i) => curve(one, i, xAxis, yAxis, xScale, panel.scale, right - left)),
    ].join('\n'),
  )
  const end = round(placed.at(-1)!.to)
  const bottomLabels = xAxis.ticks.map(
    ({ at, label }) => `<text class="faint" x="${round(at)}" y="${end + 20}" text-anchor="middle">${label}</text>`,
  )
  const name = title || [...new Set(all.map((one) => one.name))].join(', ')
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(name)}">
<style>${styleSheet(theme)}</style>
<rect class="surface" width="${width}" height="${height}"/>
${title ? `<text class="title" x="${edge}" y="${edge + 15}">${escaped(title)}</text>\n` : ''}${parts.join('\n')}
${bottomLabels.join('')}
${xLabel ? `<text x="${round((left + right) / 2)}" y="${end + 40}" text-anchor="middle">${escaped(xLabel)}</text>\n` : ''}</svg>
`
}

/** Lines and labels of the axes. */
function frame(x: Axis, y: Axis, left: number, right: number, from: number, to: number): string {
  const vertical = x.ticks.map(({ at }) => `M${round(at)},${from}V${to}`).join('')
  const horizontal = y.ticks.map(({ at }) => `M${left},${round(at)}H${round(right)}`).join('')
  const marks = x.ticks.map(({ at }) => `M${round(at)},${to}v${tickLength}`).join('')
  const labels = y.ticks.map(
    ({ at, label }) =>
      `<text class="faint" x="${left - tickLength - 3}" y="${round(at + 4)}" text-anchor="end">${label}</text>`,
  )
  return `<path class="grid" d="${vertical}${horizontal}"/><path class="axis" fill="none" d="M${left},${from}V${to}H${round(right)}${marks}"/>
${labels.join('')}`
}

function curve(
  series: Series,
  i: number,
  x: Axis,
  y: Axis,
  xScale: ScaleKind,
  yScale: ScaleKind,
  width: number,
): string {
  const { line }: typeof import('d3-shape') = require('d3-shape')
  let points = series.y.map((value, at): [number, number] => {
    const place = series.x[at]!
    const isThere = isDrawn(value, yScale) && isDrawn(place, xScale)
    return isThere ? [x.place(place), y.place(value)] : [Number.NaN, Number.NaN]
  })
  if (points.length > 4 * width) points = thinned(points)
  const path =
    line()
      .defined(([at]) => !Number.isNaN(at))
      .digits(2)(points) ?? ''
  const shown = points.filter(([at]) => !Number.isNaN(at))
  const dots =
    shown.length <= mostDots
      ? shown
          .map(([at, height]) => `<circle class="d${i % colours}" cx="${round(at)}" cy="${round(height)}" r="2.5"/>`)
          .join('')
      : ''
  return `<path class="curve ${look(i)} d="${path}"/>${dots}`
}

function yScales(yScale: unknown, names: string[]): Record<string, ScaleKind> {
  if (typeof yScale !== 'object' || yScale === null) {
    checkOneOf('yScale', yScale, ['linear', 'log'])
    return Object.fromEntries(names.map((name) => [name, yScale as ScaleKind]))
  }
  checkOptions('plotCurves: yScale', yScale, names)
  for (const [name, scale] of Object.entries(yScale)) checkOneOf(`yScale['${name}']`, scale, ['linear', 'log'])
  return Object.fromEntries(names.map((name) => [name, (yScale as Record<string, ScaleKind>)[name] ?? 'linear']))
}

function checkOneOf(name: string, value: unknown, words: string[]): void {
  if (words.includes(value as string)) return
  throw new ArgumentError(
    `plotCurves: ${name} should be ${words.map((word) => `'${word}'`).join(' or ')}, but is ${String(value)}`,
  )
}

function checkSize(name: string, value: number): void {
  if (!(value >= 200 && value <= 20_000)) {
    throw new ArgumentError(`plotCurves: ${name} should be from 200 to 20000 pixels, but is ${String(value)}`)
  }
}
