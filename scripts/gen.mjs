#!/usr/bin/env node
/**
 * `npm run gen` rewrites lib/generated and docs/coverage.md from the operators, layers, optimizers and schedulers of the addon.
 * `--check` writes nothing and fails where a file would change; `--python` asks Python's torch anew which names it has.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, main, root, run, tsc } from './lib/run.mjs'

const projects = ['tsconfig.json', 'tsconfig.test.json']
const check = process.argv.includes('--check')

/** Generates once; returns the files that are not as they were. */
async function generateFiles() {
  const { native } = await import('../dist/binding.js')
  // a class written by hand may extend one that is only about to be generated
  const torch = await import('../dist/index.js').catch((error) => ({ error }))
  const { generate } = await import('../.build/lib/codegen/main.js')
  const changed = []
  for (const [path, text] of generate(native(), torch.error ? undefined : torch, root)) {
    if (text === readText(join(root, path))) continue
    changed.push(path)
    if (!check) writeFileSync(join(root, path), text)
  }
  if (torch.error && changed.length === 0) throw torch.error
  return changed
}

/** Compiles. Type errors do not stop it at first: what is wrong may be the very files that are to be made anew. */
function compile() {
  for (const project of projects) spawnSync(process.execPath, [tsc(), '-p', project], { cwd: root, stdio: 'ignore' })
}

await main(async () => {
  if (process.argv.includes('--pass')) {
    const changed = await generateFiles()
    for (const path of changed) console.log(`${check ? 'stale    ' : 'written  '}${path}`)
    return changed.length > 0 ? 3 : 0
  }
  if (process.argv.includes('--python')) run(join(root, '.venv', 'bin', 'python'), ['lib/codegen/python_api.py'])
  // the coverage page asks the compiled package, so names that are new in one pass are in the page after the next
  for (let pass = 0; pass < 3; pass++) {
    compile()
    const flags = check ? ['--pass', '--check'] : ['--pass']
    const { status } = spawnSync(process.execPath, [import.meta.filename, ...flags], { cwd: root, stdio: 'inherit' })
    if (status === 0) break
    if (status !== 3) throw new Failure('the files could not be generated; the error is above')
    if (check) throw new Failure('generated files are stale: run `npm run gen`')
  }
  for (const project of projects) run(process.execPath, [tsc(), '-p', project])
  console.log('the generated files are current')
})

function readText(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}
