/** The tables of docs/coming-from-pytorch.md: both cells of a row, after the blocks above it, have the same value in Python and in Node. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { blocksOf, compilePrograms, rowsOf } from '../support/pages.js'
import { tempDir } from '../support/paths.js'
import { pinnedCpu, pythonJson, requirePython } from '../support/python.js'

const page = 'docs/coming-from-pytorch.md'
const rows = rowsOf(page, ['Python', 'TypeScript'])

/** Values by the line of their row: what is neither a number, a text, a boolean nor a list is what it prints. */
type Values = Record<string, unknown>

/** The blocks of a language and the rows, in the order of the page. */
function program(language: string, cell: number, row: (line: number, code: string) => string): string {
  const blocks = blocksOf(page).filter(({ info }) => info === language)
  const parts = [...blocks, ...rows.map(({ line, cells }) => ({ line, code: row(line, cells[cell]!) }))]
  return parts
    .sort((a, b) => a.line - b.line)
    .map(({ code }) => code)
    .join('\n')
}

/** The statements of a cell before its last one, and that. */
function split(code: string): [string, string] {
  const last = code.lastIndexOf('; ')
  return last < 0 ? ['', code] : [code.slice(0, last + 1), code.slice(last + 2)]
}

function inPython(dir: string): Values {
  const show = `
import json, os
os.chdir(${JSON.stringify(dir)})
values = {}
def show(value):
    if value is None or isinstance(value, (bool, int, float, str)): return value
    if isinstance(value, torch.Tensor): return str(value)
    if isinstance(value, (list, tuple)): return [show(item) for item in value]
    if isinstance(value, torch.dtype): return str(value).removeprefix('torch.')
    if isinstance(value, torch.device): return str(value)
    raise TypeError(type(value))
`
  const code = program('python', 0, (line, cell) => {
    const [before, last] = split(cell)
    return `${before}\nvalues[${line}] = show(${last})`
  })
  return pythonJson<Values>(`${show}\n${code}\nprint(json.dumps(values))`, [], pinnedCpu)
}

function inNode(dir: string): Values {
  const show = `
const values: Record<string, unknown> = {}
function show(value: unknown): unknown {
  if (value === null || ['boolean', 'number', 'string'].includes(typeof value)) return value
  if (value instanceof torch.Tensor) return String(value)
  if (Array.isArray(value)) return value.map(show)
  throw new TypeError(typeof value)
}
`
  const code = program('ts', 1, (line, cell) => {
    const [before, last] = split(cell)
    return `${before}\nvalues[${line}] = show(${last})`
  })
  const text = `${show}\n${code}\nconsole.log(JSON.stringify(values))`
  const script = compilePrograms('side-by-side', new Map([['rows', text]])).get('rows')!
  const env = { ...pinnedCpu, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
  const run = child(script, [], env, { cwd: dir })
  assert.equal(run.status, 0, run.stderr)
  return JSON.parse(run.stdout) as Values
}

test('every row of the side-by-side tables has the same value in Python and in Node', (t) => {
  assert.ok(rows.length > 80)
  const [node, dir] = [inNode(tempDir(t)), tempDir(t)]
  assert.equal(Object.keys(node).length, rows.length)
  if (!requirePython(t)) return
  const python = inPython(dir)
  for (const { line, cells } of rows)
    assert.deepEqual(node[line], python[line], `${page}:${line}: ${cells.join(' | ')}`)
})

test('no cell of the side-by-side tables is cut at a | of its code', () => {
  for (const { line, cells } of rows) assert.equal(cells.length, 2, `${page}:${line} has a | inside of a cell`)
})
