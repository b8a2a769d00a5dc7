/** `libtorch-node diff` */
import { Command } from 'commander'
import type { Comparison, Difference } from './compare.js'
import { loadFile } from './files.js'
import { columns, countText, fit, pad, printable, printableJson, several, widthOf } from './text.js'

/** Differences that are listed without `--all`. */
const shown = 100

/** The command `diff`. */
export function diffCommand(): Command {
  return new Command('diff')
    .description(
      'say what differs between two checkpoints: keys, shapes, dtypes, values; exit code 1 when anything does',
    )
    .argument('<a>', 'a checkpoint of any format')
    .argument('<b>', 'another one, of any format')
    .option('--json', 'as JSON')
    .option('--all', `list all differences, not the first ${shown}`)
    .action(async (a: string, b: string, { json, all }: { json?: boolean; all?: boolean }) => {
      const [left, right] = [await loadFile(a), await loadFile(b)]
      const { compare } = await import('./compare.js')
      const found = compare(left, right)
      console.log(json ? printableJson({ a, b, ...found }) : report(a, b, found, columns(), all === true).join('\n'))
      if (!found.equal) process.exitCode = 1
    })
}

function report(a: string, b: string, found: Comparison, width: number, all: boolean): string[] {
  const { tensors, elements, values, differences } = found
  const size = `${several(tensors, 'tensor')} of ${several(elements, 'element')} and ${several(values, 'other value')}`
  if (found.equal) return [`equal: ${size}`]
  const rows = differences.slice(0, all ? differences.length : shown)
  const paths = rows.map(({ path }) => printable(path || 'the whole'))
  const finite = Number.isFinite(width) ? width : 1000
  const left = Math.min(Math.max(...paths.map(widthOf)), Math.max(16, Math.floor(finite * 0.5)))
  const lines = [`a: ${printable(a)}`, `b: ${printable(b)}`, '']
  for (const [i, row] of rows.entries()) {
    const sign = row.b === null ? '-' : row.a === null ? '+' : '~'
    lines.push(fit(`${sign} ${pad(fit(paths[i]!, left, 'middle'), left)}  ${printable(described(row))}`, width))
  }
  if (rows.length < differences.length) lines.push(`… ${several(differences.length - rows.length, 'more', 'more')}`)
  const counts = kinds.flatMap(([kind, name]) => {
    const count = differences.filter((row) => row.kind === kind).length
    return count > 0 ? [`${countText(count)} ${name}`] : []
  })
  return [...lines, '', `${several(differences.length, 'difference')}: ${counts.join(', ')}; in both: ${size}`]
}

const kinds: [Difference['kind'], string][] = [
  ['only', 'only in one'],
  ['type', 'of another type'],
  ['shape', 'of another shape'],
  ['dtype', 'of another dtype'],
  ['values', 'of other values'],
]

function described({ kind, a, b, differing, elements, largest }: Difference): string {
  if (b === null) return `only in a: ${a}`
  if (a === null) return `only in b: ${b}`
  const change = a === b ? a : `${a} → ${b}`
  if (differing === undefined) return kind === 'values' && a === b ? `${a}, another number of elements` : change
  if (differing === 0) return `${change}, the same values`
  const some = `${countText(differing)} of ${several(elements ?? 0, 'element')}`
  return `${change}, ${some}, largest difference ${largest === 0 ? '0: bits alone differ' : largest}`
}
