/** `libtorch-node curves` */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { ArgumentError } from '../errors.js'
import { parseLog } from '../report/jsonl-text.js'
import type { Theme } from '../report/plot/index.js'
import { curvesOf, type Log } from './log-curves.js'
import { countText, printable, several } from './text.js'

interface Flags {
  output?: string
  x?: string
  y?: string[]
  together?: boolean
  logX?: boolean
  logY?: boolean
  title?: string
  width?: number
  height?: number
  theme: Theme
}

/** The command `curves`. */
export function curvesCommand(): Command {
  return new Command('curves')
    .description('draw the numbers of a log with one JSON object on each line as an SVG picture')
    .argument('<logs...>', 'a log such as JsonlLogger writes; several are drawn into the same picture')
    .option('-o, --output <file>', "the picture; '-' prints it (default: the name of the log with .svg)")
    .option('-x, --x <name>', 'what the horizontal axis shows (default: step, else epoch, else the line)')
    .option('-y, --y <names>', 'what to draw, with commas between (default: every number)', names)
    .option('--together', 'one panel for all, and not one for each measure')
    .option('--log-x', 'a log scale for the horizontal axis')
    .option('--log-y', 'log scales for the vertical axes')
    .option('--title <text>', 'above the picture (default: the name of the log)')
    .option('--width <pixels>', 'of the picture', pixels)
    .option('--height <pixels>', 'of the picture', pixels)
    .addOption(new Option('--theme <theme>', 'colours').choices(['auto', 'light', 'dark']).default('auto'))
    .action(draw)
}

async function draw(files: string[], flags: Flags): Promise<void> {
  const first = files[0]!
  const target = flags.output ?? `${first.slice(0, first.length - extname(first).length)}.svg`
  if (target !== '-') checkPicture(target)
  const logs = files.map((file): Log => {
    const records = parseLog(file, readFileSync(file)).lines.map(({ record }) => record)
    if (records.length === 0) throw new ArgumentError(`${file}: the log is empty`)
    return { label: labelOf(file, files), records }
  })
  const { xLabel, curves } = curvesOf(logs, flags)
  const { plotCurves } = await import('../report/plot/index.js')
  const { title = logs.map(({ label }) => label).join(', '), width, height, theme } = flags
  const svg = plotCurves(curves, {
    title,
    xLabel,
    theme,
    xScale: flags.logX ? 'log' : 'linear',
    yScale: flags.logY ? 'log' : 'linear',
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
  })
  if (target === '-') {
    process.stdout.write(svg)
    return
  }
  writeFileSync(target, svg)
  const points = curves.reduce((sum, { x }) => sum + [...(x ?? [])].length, 0)
  const panels = new Set(curves.map(({ panel }) => panel)).size
  console.log(
    `${printable(target)}: ${several(curves.length, 'curve')} in ${several(panels, 'panel')}, ${countText(points)} values`,
  )
}

/** A picture may take the place of an older one, but of nothing else: the log itself is easily named by mistake. */
function checkPicture(path: string): void {
  let start: string
  try {
    start = readFileSync(path, 'latin1').trimStart().slice(0, 5)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if (start !== '' && start !== '<svg ' && start !== '<?xml') {
    throw new ArgumentError(`${path} is there already and is no SVG picture; give another name with --output`)
  }
}

function labelOf(file: string, files: string[]): string {
  const short = (path: string) => basename(path, extname(path))
  return files.filter((other) => short(other) === short(file)).length > 1 ? file : short(file)
}

function names(text: string): string[] {
  const list = text.split(',').map((name) => name.trim())
  if (list.includes('')) throw new InvalidArgumentError('a name between the commas is missing')
  return list
}

function pixels(text: string): number {
  const size = Number(text)
  if (!Number.isInteger(size) || size <= 0) throw new InvalidArgumentError('should be a number of pixels')
  return size
}
