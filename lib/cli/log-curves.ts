/** Which curves a log holds, and which of them share an axis, for `curves`. */
import { ArgumentError, nearest } from '../errors.js'
import type { JsonValue, LogRecord } from '../report/jsonl-text.js'
import type { Curve } from '../report/plot/index.js'

export interface Log {
  /** in front of the names, where there are several logs */
  label: string
  records: LogRecord[]
}

export interface Choice {
  /** what the horizontal axis shows; by default `step`, else `epoch`, else the number of the line */
  x?: string | undefined
  /** names of values; by default all that are numbers */
  y?: string[] | undefined
  /** one panel for all */
  together?: boolean | undefined
}

/** Numbers that count or date lines. */
const counters = [
  'step',
  'epoch',
  'time',
  'timestamp',
  'wall_time',
  'walltime',
  'elapsed',
  '_step',
  '_timestamp',
  '_runtime',
]
const roles = new Set(['train', 'training', 'val', 'valid', 'validation', 'test', 'eval', 'dev', 'metrics'])

export function curvesOf(logs: Log[], { x, y, together }: Choice): { xLabel: string; curves: Curve[] } {
  const flat = logs.map(({ label, records }) => ({ label, records: records.map(numbersOf) }))
  const names = new Set(flat.flatMap(({ records }) => records.flatMap((record) => [...record.keys()])))
  if (names.size === 0) throw new ArgumentError('there is no number in the log, so that there is nothing to draw')
  const across = x ?? ['step', 'epoch'].find((name) => names.has(name))
  if (across !== undefined) checkName(across, names)
  for (const name of y ?? []) checkName(name, names)
  const wanted = y ?? [...names].filter((name) => name !== across && !counters.includes(name))
  if (wanted.length === 0) {
    throw new ArgumentError(
      `the log counts lines (${[...names].join(', ')}), but holds nothing to draw; --y names what to draw all the same`,
    )
  }
  const curves = wanted.flatMap((name) =>
    flat.map((log) => curveOf(log, name, across, logs.length > 1, together === true)),
  )
  return { xLabel: across ?? 'line', curves: curves.filter((curve) => [...curve.y].length > 0) }
}

function curveOf(
  { label, records }: { label: string; records: Map<string, number>[] },
  name: string,
  across: string | undefined,
  several: boolean,
  together: boolean,
): Curve {
  const [xs, ys]: [number[], number[]] = [[], []]
  let place = Number.NaN
  for (const [i, record] of records.entries()) {
    // a line without a place of its own was written after the last one that has one
    place = across === undefined ? i + 1 : (record.get(across) ?? place)
    const value = record.get(name)
    if (value === undefined) continue
    xs.push(place)
    ys.push(value)
  }
  const panel = together ? {} : { panel: measureOf(name) }
  return { name: several ? `${label} ${name}` : name, x: xs, y: ys, ...panel }
}

/** What a name measures, without on what: `loss` for `train_loss`, `val/loss` and `testLoss`. */
export function measureOf(name: string): string {
  const words = name.split(/[/_.\s-]+|(?<=[a-z])(?=[A-Z])/).map((word) => word.toLowerCase())
  const measure = words.filter((word) => word !== '' && !roles.has(word)).join('_')
  return measure || name
}

/** The numbers of a line, those of nested objects under names with dots. */
function numbersOf(record: LogRecord): Map<string, number> {
  const found = new Map<string, number>()
  const visit = (value: JsonValue, path: string): void => {
    if (typeof value === 'number') found.set(path, value)
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, item] of Object.entries(value)) visit(item, path ? `${path}.${key}` : key)
    }
  }
  visit(record, '')
  return found
}

function checkName(name: string, names: Set<string>): void {
  if (names.has(name)) return
  const near = nearest(name, names)
  throw new ArgumentError(
    near
      ? `there is no number '${name}' in the log; did you mean '${near}'?`
      : `there is no number '${name}' in the log; there are ${[...names].map((one) => `'${one}'`).join(', ')}`,
  )
}
