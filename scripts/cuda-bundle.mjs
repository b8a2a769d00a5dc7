#!/usr/bin/env node
/**
 * `npm run cuda:bundle`: one archive with all that scripts/cuda-check.sh needs on a bare machine: compiled code, the sources of the
 * addons, the npm packages that run it, and Node itself. `--out FILE` (default .build/cuda-bundle.tgz); `--no-node` leaves Node out.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Failure, main, readJson, root, run } from './lib/run.mjs'

/** What is sent, beside packages and Node. */
const parts = [
  ...['CMakeLists.txt', 'package.json', 'native', 'dist'],
  ...['.build/test/cuda', '.build/test/support', '.build/bench', 'test/cuda', 'bench'],
  ...['scripts/cuda-check.sh', 'scripts/lib/cuda-results.mjs', 'scripts/lib/test-counts.mjs', 'scripts/lib/run.mjs'],
]

/** The folders of the packages that the library needs, and of those that they need, as Node finds them. */
function packages() {
  const found = new Set()
  const visit = (name, from) => {
    let folder = from
    while (!existsSync(join(folder, 'node_modules', name, 'package.json'))) {
      if (folder === dirname(folder)) throw new Failure(`the package ${name} is not installed: npm ci`)
      folder = dirname(folder)
    }
    const path = join(folder, 'node_modules', name)
    if (found.has(path)) return
    found.add(path)
    for (const next of Object.keys(readJson(join(path, 'package.json')).dependencies ?? {})) visit(next, path)
  }
  for (const name of Object.keys(readJson(join(root, 'package.json')).dependencies)) visit(name, root)
  return [...found].map((path) => relative(root, path))
}

/** Refuses what was compiled before its sources changed. */
function checkCompiled() {
  for (const [folder, compiled] of [
    ['lib', 'dist'],
    ['test/cuda', '.build/test/cuda'],
    ['bench', '.build/bench'],
  ]) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts') || name.startsWith('codegen') || name.includes('node_modules')) continue
      const made = join(root, compiled, name.replace(/\.ts$/, '.js'))
      if (existsSync(made) && statSync(made).mtimeMs >= statSync(join(root, folder, name)).mtimeMs) continue
      throw new Failure(`${folder}/${name} is newer than what was compiled of it: npm run build`)
    }
  }
}

await main(() => {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(root, '.build', 'cuda-bundle.tgz') },
      node: { type: 'boolean', default: true },
    },
    allowNegative: true,
  })
  checkCompiled()
  const out = resolve(values.out)
  mkdirSync(dirname(out), { recursive: true })
  const extra = mkdtempSync(join(tmpdir(), 'cuda-bundle-'))
  try {
    const node = []
    if (values.node) {
      mkdirSync(join(extra, 'node', 'bin'), { recursive: true })
      copyFileSync(process.execPath, join(extra, 'node', 'bin', 'node'))
      node.push('-C', extra, 'node')
    }
    const leaveOut = ['*.map', '.tsbuildinfo', '__pycache__', 'bench/tfjs', '.build/bench/floor'].map(
      (pattern) => `--exclude=${pattern}`,
    )
    // node_modules may be a link to those of another checkout
    run('tar', ['-czhf', out, ...leaveOut, '-C', root, ...parts, ...packages(), ...node])
  } finally {
    rmSync(extra, { recursive: true })
  }
  console.log(`${out}: ${(statSync(out).size / 1e6).toFixed(0)} MB`)
})
