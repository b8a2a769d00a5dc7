/** Modules as text, as Python prints them. */
import type { Module } from './module.js'

/** Indents all lines but the first. */
function indent(text: string): string {
  return text.replaceAll('\n', '\n  ')
}

/** `Name(extra)` on one line, or with a line for each line of `extra` and each child. */
export function moduleText(module: Module): string {
  const extra = module.extraRepr()
  const extraLines = extra === '' ? [] : extra.split('\n')
  const children = module._children().map(([name, child]) => `(${name}): ${indent(String(child))}`)
  const name = module._getName()
  if (extraLines.length === 0 && children.length === 0) return `${name}()`
  if (extraLines.length === 1 && children.length === 0) return `${name}(${extraLines[0]})`
  return `${name}(\n  ${[...extraLines, ...children].join('\n  ')}\n)`
}

/** A list in which equal neighbours are counted: `(0-2): 3 x ReLU()`. */
export function listText(name: string, modules: Iterable<Module>): string {
  const runs: { text: string; first: number; last: number }[] = []
  let at = 0
  for (const module of modules) {
    const text = String(module)
    const run = runs[runs.length - 1]
    if (run?.text === text) run.last = at
    else runs.push({ text, first: at, last: at })
    at++
  }
  if (runs.length === 0) return `${name}()`
  const lines = runs.map(({ text, first, last }) =>
    first === last ? `(${first}): ${indent(text)}` : `(${first}-${last}): ${last - first + 1} x ${indent(text)}`,
  )
  return `${name}(\n  ${lines.join('\n  ')}\n)`
}
