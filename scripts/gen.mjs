#!/usr/bin/env node
/**
 * `npm run gen` rewrites lib/generated and docs/coverage.md from the operators, layers, optimizers and schedulers of the addon.
 * `--python` asks Python's torch anew which names it has. Run it again after a change that adds names: the coverage page
 * asks the compiled package.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { main, root, run, tsc } from './lib/run.mjs'

await main(async () => {
  if (process.argv.includes('--python')) run(join(root, '.venv', 'bin', 'python'), ['lib/codegen/python_api.py'])
  for (const project of ['tsconfig.json', 'tsconfig.test.json']) run(process.execPath, [tsc(), '-p', project])
  const { native } = await import('../dist/binding.js')
  const torch = await import('../dist/index.js')
  const { generate } = await import('../.build/lib/codegen/main.js')
  for (const [path, text] of generate(native(), torch, root)) {
    const changed = text !== readText(join(root, path))
    if (changed) writeFileSync(join(root, path), text)
    console.log(`${changed ? 'written ' : 'the same'}  ${path}`)
  }
})

function readText(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}
