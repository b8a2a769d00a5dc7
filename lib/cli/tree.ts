/** Draws what `inspect` found as a tree, one line for each key. */
import type { ContainerOutline, Entry, ObjectOutline, Outline, TensorOutline } from '../serialize/inspect/index.js'
import { bytesText, fit, pad, printable, several, widthOf } from './text.js'

/** Entries of a container that are shown, by its depth; the last ones of a longer one are shown, too. */
const shown = [40, 24, 16]
const tail = 3

interface Line {
  left: string
  /** dtype, sizes and bytes of a tensor, which stand in columns */
  cells?: [dtype: string, shape: string, bytes: string]
  text: string
  /** `left` is all of the line, and no key */
  whole?: true
}

/** @param all - nothing is left out */
export function drawTree(root: Outline, width: number, all: boolean): string[] {
  const lines: Line[] = [{ left: '', ...described(root) }]
  branches(root, '', 0, all, lines)
  const widest = (texts: string[], most: number) => Math.min(Math.max(0, ...texts.map(widthOf)), most)
  const finite = Number.isFinite(width) ? width : 1000
  const left = widest(
    lines.flatMap((line) => (line.whole ? [] : line.left)),
    Math.max(16, Math.floor(finite * 0.45)),
  )
  const sizes = [0, 1, 2].map((i) =>
    widest(
      lines.flatMap(({ cells }) => cells?.[i] ?? []),
      26,
    ),
  )
  return lines.map((line, i) => {
    const { cells, text } = line
    const columns = cells
      ? [pad(cells[0], sizes[0]!), pad(cells[1], sizes[1]!), cells[2].padStart(sizes[2]!), text].join('  ')
      : text
    if (line.whole) return fit(line.left, width)
    if (i === 0) return fit(columns.trimEnd(), width)
    return fit(`${pad(fit(line.left, left, 'middle'), left)}  ${columns}`.trimEnd(), width)
  })
}

function branches(outline: Outline, prefix: string, depth: number, all: boolean, lines: Line[]): void {
  const entries = entriesOf(outline)
  const most = all ? entries.length : shown[Math.min(depth, shown.length - 1)]!
  const isCut = 'omitted' in outline && !(outline.type === 'container' && isRow(outline))
  const omitted = isCut ? (outline.omitted ?? 0) : 0
  const cut = entries.length > most + 1
  const head = cut ? entries.slice(0, most - tail) : entries
  const end = cut ? entries.slice(-tail) : []
  const rows: (Entry | string)[] = [...head]
  if (cut) rows.push(`… ${several(entries.length - head.length - end.length, 'more', 'more')}`)
  rows.push(...end)
  if (omitted > 0) rows.push(`… ${several(omitted, 'more', 'more')} that are plain values`)
  rows.forEach((row, i) => {
    const last = i === rows.length - 1
    const branch = prefix + (last ? '└─ ' : '├─ ')
    if (typeof row === 'string') {
      lines.push({ left: branch + row, text: '', whole: true })
      return
    }
    lines.push({ left: branch + printable(row.key), ...described(row.value) })
    branches(row.value, prefix + (last ? '   ' : '│  '), depth + 1, all, lines)
  })
}

function entriesOf(outline: Outline): Entry[] {
  if (outline.type === 'tensor') return outline.attributes ?? []
  if (outline.type === 'object') return [...argumentsOf(outline), ...outline.entries]
  if (outline.type !== 'container' || isRow(outline)) return []
  return outline.attributes ? [...outline.entries, ...outline.attributes] : outline.entries
}

/** Arguments of a call that take more than a line. */
function argumentsOf({ args = [] }: ObjectOutline): Entry[] {
  return args.flatMap((value, i) =>
    value.type === 'plain' ? [] : [{ key: `argument ${i + 1}`, step: `.args[${i}]`, value }],
  )
}

/** A long list of numbers or texts, which is shown on one line. */
function isRow({ class: name, entries }: ContainerOutline): boolean {
  const isList = /^(list|tuple|set|frozenset|deque)$/.test(name)
  return isList && entries.length > 0 && entries.every(({ value }) => value.type === 'plain' && value.text.length < 40)
}

function described(outline: Outline): Pick<Line, 'cells' | 'text'> {
  switch (outline.type) {
    case 'plain': {
      const long = outline.length === undefined ? '' : ` (${several(outline.length, 'in all', 'in all')})`
      const type = /^numpy\.(?!dtype)/.test(outline.class) ? ` (${outline.class})` : ''
      return { text: printable(outline.text) + long + type }
    }
    case 'again':
      return { text: printable(`the same object as ${outline.path || 'the whole'}`) }
    case 'tensor':
      return tensor(outline)
    case 'storage':
      return { cells: [outline.dtype, 'storage', bytesText(outline.bytes)], text: onDevice(outline.device) }
    case 'container':
      return { text: container(outline) }
    case 'object':
      return { text: object(outline) }
  }
}

function tensor(outline: TensorOutline): Pick<Line, 'cells' | 'text'> {
  const { dtype, shape, bytes, problem, sharedWith, storageBytes, quantizer, layout } = outline
  const facts = [
    outline.class === 'Tensor' ? '' : outline.class,
    layout ?? '',
    quantizer ?? '',
    outline.device === 'cpu' ? '' : onDevice(outline.device),
    outline.requiresGrad && outline.class !== 'Parameter' ? 'requires grad' : '',
    !outline.requiresGrad && outline.class === 'Parameter' ? 'frozen' : '',
    sharedWith === undefined ? '' : `in the storage of ${sharedWith}`,
    sharedWith === undefined && storageBytes !== undefined && storageBytes > bytes && problem === undefined
      ? `part of a storage of ${bytesText(storageBytes)}`
      : '',
    outline.file ?? '',
    problem === undefined ? '' : `cannot be read: ${problem}`,
  ]
  const text = printable(facts.filter((fact) => fact !== '').join(', '))
  const sizes = shape === undefined ? '[?]' : `[${shape.join(', ')}]`
  return { cells: [printable(dtype), sizes, bytesText(bytes)], text }
}

function onDevice(device: string): string {
  return device === 'cpu' ? '' : printable(`on ${device}`)
}

function container(outline: ContainerOutline): string {
  const head = `${printable(outline.class)}, ${several(outline.length, 'entry', 'entries')}`
  if (!isRow(outline)) return head + sizeOf(outline)
  const texts = outline.entries
    .slice(0, 24)
    .flatMap(({ value }) => (value.type === 'plain' ? printable(value.text) : []))
  return `${head}: ${texts.join(', ')}${texts.length < outline.length ? ', …' : ''}`
}

function object(outline: ObjectOutline): string {
  const name = printable(outline.class)
  if (outline.global) return name
  if (outline.module) return `${name}, a module${sizeOf(outline)}`
  const args = outline.args?.map((arg) => (arg.type === 'plain' ? printable(arg.text) : '…'))
  return name + (args ? `(${args.join(', ')})` : '') + sizeOf(outline)
}

function sizeOf(outline: Outline): string {
  const bytes = bytesIn(outline)
  return bytes > 0 ? `, ${bytesText(bytes)}` : ''
}

/** Bytes of the tensors inside, those of a shared storage once. */
function bytesIn(outline: Outline): number {
  if (outline.type === 'tensor') return outline.sharedWith === undefined ? outline.bytes : 0
  return entriesOf(outline).reduce((sum, { value }) => sum + bytesIn(value), 0)
}
