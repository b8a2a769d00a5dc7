/** The table of `npm run bench`: rounds of measurements become rows of Markdown. */
import { rows } from './rows.mjs'
import { duration, median } from './sides.mjs'

const others = ['tfjs cpu', 'tfjs wasm']

/**
 * @param rounds - of each round the segments of each trial: `{name: [{node, python, 'tfjs cpu'?, …}, …]}` in nanoseconds
 * @returns the rows that were measured, with their medians
 */
export function evaluate(rounds) {
  return rows
    .filter(({ name }) => rounds[0][name])
    .map((row) => {
      const segments = rounds.flatMap((round) => round[row.name])
      const ratio = (list) => median(list.map(({ node, python }) => node / python))
      const ofRounds = rounds.map((round) => ratio(round[row.name]))
      const times = (side) => {
        const both = segments.filter((segment) => segment[side] !== undefined)
        return both.length === 0 ? undefined : median(both.map((segment) => segment[side] / segment.node))
      }
      return {
        ...row,
        node: median(segments.map(({ node }) => node)),
        python: median(segments.map(({ python }) => python)),
        ratio: ratio(segments),
        least: Math.min(...ofRounds),
        most: Math.max(...ofRounds),
        met: ratio(segments) <= row.goal,
        others: others.map(times),
      }
    })
}

/** `4.2×`, `170×`: of Node's time. */
function multiple(times) {
  if (times === undefined) return '–'
  return `${times < 9.95 ? times.toFixed(1) : Number(times.toPrecision(2)).toLocaleString('en')}×`
}

/** @param brief - without times and ranges */
export function table(evaluated, { brief = false } = {}) {
  const times = (node, python) => (brief ? [] : [node, python])
  const range = (text) => (brief ? [] : [text])
  const cells = [
    ['trial', ...times('Node', 'Python'), 'ratio', ...range('range'), 'goal', '', ...others],
    ...evaluated.map((row) => [
      row.title,
      ...times(duration(row.node), duration(row.python)),
      row.ratio.toFixed(2),
      ...range(`${row.least.toFixed(2)}–${row.most.toFixed(2)}`),
      `≤ ${row.goal}`,
      row.met ? 'met' : 'missed',
      ...row.others.map(multiple),
    ]),
  ]
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  const line = (row) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n')
}
