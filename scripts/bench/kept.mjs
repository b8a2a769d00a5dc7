/** What measurements leave behind: numbers in bench/, pictures in docs/images/. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { Failure, readJson, referenceVersion, root } from '../lib/run.mjs'

const file = (name) => join(root, 'bench', `${name}.json`)

export function keep(name, values) {
  // lists of numbers on one line each, so that a new measurement is a short diff
  const text = JSON.stringify(values, null, 2).replace(/\[[^[\]{}]*\]/g, (list) => list.replace(/\s+/g, ' '))
  writeFileSync(file(name), `${text}\n`)
}

export function kept(name) {
  const values = readJson(file(name))
  if (!values) throw new Failure(`there is no bench/${name}.json: measure first, without --draw`)
  return values
}

/** Where it was measured, in general terms. */
export async function machine() {
  return {
    cpu: cpus()[0].model,
    cores: cpus().length,
    node: process.version,
    libtorch: await referenceVersion(),
  }
}

/** Says on the page of the pictures where they were measured. */
export function writeMachine(name, { node, libtorch, cpu, cores }) {
  const where = `Node.js ${node} and Python on LibTorch ${libtorch}, one thread, on one of ${cores} cores of an ${cpu}`
  writeSection('performance.md', name, `Measured with ${where}; other programs may have run beside.`)
}

export function writePicture(name, svg) {
  const folder = join(root, 'docs', 'images')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.svg`), svg)
  console.log(`docs/images/${name}.svg`)
}

/** Writes what lies between two comments of a page of docs/. */
export function writeSection(page, name, markdown) {
  const path = join(root, 'docs', page)
  const [begin, end] = [`<!-- ${name}: npm run bench -->`, `<!-- end of ${name} -->`]
  const text = readFileSync(path, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Failure(`docs/${page} has no section between ${begin} and ${end}`)
  writeFileSync(path, `${text.slice(0, from + begin.length)}\n\n${markdown}\n\n${text.slice(to)}`)
}
