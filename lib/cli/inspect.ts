/** `libtorch-node inspect` */
import { Command } from 'commander'
import { type Inspection, inspectCheckpoint } from '../serialize/inspect/index.js'
import { bytesText, columns, countText, fit, pad, printable, printableJson, several, widthOf } from './text.js'
import { drawTree } from './tree.js'

/** The command `inspect`. */
export function inspectCommand(): Command {
  return new Command('inspect')
    .description('say what is in a checkpoint, without reading its tensors; also where no LibTorch is')
    .argument('<file>', 'a checkpoint of any format, or the folder of a safetensors model')
    .option('--json', 'as JSON')
    .option('--all', 'show all keys: long lists are shortened otherwise')
    .action((file: string, { json, all }: { json?: boolean; all?: boolean }) => {
      const found = inspectCheckpoint(file)
      console.log(json ? printableJson(found) : inspectionText(found, columns(), all === true))
    })
}

const formats: Record<string, string> = {
  pytorch: 'PyTorch checkpoint',
  legacy: 'PyTorch checkpoint in the format before 1.6',
  tar: 'PyTorch checkpoint in the format of 0.1',
  torchscript: 'TorchScript program',
  libtorch: 'archive of C++ (torch::save)',
  safetensors: 'safetensors',
  sharded: 'model in several files',
}

/** What the command prints, in lines of at most `width` columns. */
export function inspectionText(found: Inspection, width: number, all: boolean): string {
  const title = `${printable(found.file)}: ${formats[found.format] ?? found.format}, ${bytesText(found.fileBytes)}`
  const lines = [...wrapped(title, width, ''), ...facts(found, width), '']
  lines.push(...drawTree(found.root, width, all))
  const others = found.classes.filter(({ weightsOnly }) => all || !weightsOnly)
  if (others.length > 0) {
    lines.push('', all ? 'classes and functions' : 'classes and functions that are not plain data of PyTorch')
    const most = all ? others.length : 12
    for (const { name, count } of others.slice(0, most))
      lines.push(fit(`  ${countText(count)} × ${printable(name)}`, width))
    if (others.length > most) lines.push(`  … ${several(others.length - most, 'more', 'more')}`)
  }
  if (found.notes.length > 0) {
    lines.push('', 'notes')
    for (const { level, text } of found.notes) {
      lines.push(...wrapped(`${level === 'info' ? '' : `${level.toUpperCase()}: `}${printable(text)}`, width))
    }
  }
  return lines.join('\n')
}

function facts(found: Inspection, width: number): string[] {
  const rows: [string, string][] = []
  const container = Object.entries(found.container).map(([name, value]) => `${name} ${value}`)
  rows.push(['container', container.join(', ')])
  rows.push([
    'tensors',
    `${countText(found.tensors)}, ${several(found.elements, 'element')}, ${bytesText(found.bytes)}`,
  ])
  rows.push(['dtypes', found.dtypes.map(({ dtype, tensors }) => `${dtype} × ${countText(tensors)}`).join(', ')])
  rows.push(['devices', found.devices.map(({ device, bytes }) => `${device} ${bytesText(bytes)}`).join(', ')])
  for (const { path, value } of found.progress) rows.push([path.slice(2, -2), String(value)])
  for (const { path, rates } of found.learningRates) rows.push(['learning rate', `${ratesText(rates)}${at(path)}`])
  for (const { path, class: name, values } of found.hyperParameters) {
    const pairs = Object.entries(values).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    rows.push(['options', `${pairs.join(', ')}${at(path)}${name === 'dict' ? '' : ` (${name})`}`])
  }
  for (const [key, value] of Object.entries(found.metadata ?? {}))
    rows.push(['metadata', `${key}=${JSON.stringify(value)}`])
  return rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => fit(`  ${pad(fit(printable(name), 16), 15)}${printable(value)}`, width))
}

/** Learning rates of many groups, each once. */
function ratesText(rates: (number | string)[]): string {
  const counts = new Map<string, number>()
  for (const rate of rates) counts.set(String(rate), (counts.get(String(rate)) ?? 0) + 1)
  return [...counts].map(([rate, count]) => (count === 1 ? rate : `${rate} × ${count}`)).join(', ')
}

function at(path: string): string {
  return path === '' ? '' : ` in ${path}`
}

/** Lines of whole words; later ones are indented. */
function wrapped(text: string, width: number, indent = '  '): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? `${indent}${lines.length > 0 ? '  ' : ''}${word}` : `${line} ${word}`
  }
  return [...lines, line].map((each) => fit(each, width))
}
