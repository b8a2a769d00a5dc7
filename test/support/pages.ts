/** The Markdown pages of the repository, cut into what can be executed. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { buildDir, root } from './paths.js'

/** Relative to the root, with `/`: README and its neighbours, docs/, and the page of each example. */
export const pages: string[] = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...markdownOf('docs'),
  ...readdirSync(join(root, 'examples')).flatMap((name) => markdownOf(`examples/${name}`)),
]

function markdownOf(folder: string): string[] {
  const names = readdirSync(join(root, folder), { withFileTypes: true })
  return names.filter((entry) => entry.isFile() && entry.name.endsWith('.md')).map(({ name }) => `${folder}/${name}`)
}

export const textOf = (page: string): string => readFileSync(join(root, page), 'utf8')

export interface Block {
  page: string
  /** line of the opening fence, from 1 */
  line: number
  /** what follows the fence: the language, and `no-run` */
  info: string
  code: string
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const text = textOf(page)
  return [...text.matchAll(/^```([^\n`]*)\n(.*?)^```$/gms)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    info: match[1]!.trim(),
    code: match[2]!,
  }))
}

/** A row of a table: the text of its cells, code without its backticks. */
export interface Row {
  line: number
  cells: string[]
}

/** The rows below the heads of all tables whose head has these cells. */
export function rowsOf(page: string, head: string[]): Row[] {
  const rows: Row[] = []
  let inside = false
  for (const [i, line] of textOf(page).split('\n').entries()) {
    const cells = line.startsWith('|') ? line.slice(1, -1).split('|').map(plain) : undefined
    if (cells && inside && !/^-+$/.test(cells[0]!)) rows.push({ line: i + 1, cells })
    if (!cells || !inside) inside = cells?.join('|') === head.join('|')
  }
  return rows
}

const plain = (cell: string) => cell.trim().replace(/^`(.*)`$/, '$1')

/**
 * Compiles programs under `strict` in a folder below `.build/pages`, from where the package is found by its name.
 * @param programs - by the names that their files get, without an ending
 * @returns the scripts, by the same names
 */
export function compilePrograms(name: string, programs: ReadonlyMap<string, string>): Map<string, string> {
  const folder = join(buildDir, 'pages', name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  // The compiler also emits the sources that the package's own types lead it to: below `out`, out of the way.
  const out = join(folder, 'out')
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const flags = '--ignoreConfig --target es2022 --module nodenext --strict --skipLibCheck --types node'.split(' ')
  const sources = [...programs].map(([title, code]) => {
    const file = join(folder, `${title}.ts`)
    writeFileSync(file, code)
    return file
  })
  if (sources.length === 0) return new Map()
  const args = [tsc, ...flags, '--rootDir', root, '--outDir', out, ...sources]
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: root })
  assert.equal(run.status, 0, run.stdout)
  return new Map([...programs.keys()].map((title) => [title, join(out, relative(root, folder), `${title}.js`)]))
}
