#!/usr/bin/env node
/** Formats native/ with the clang-format that test/requirements.txt pins; `--check` only says what is not formatted. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, main, root, run, which } from './lib/run.mjs'

/** @param {{check?: boolean}} options */
export function formatNative({ check = false } = {}) {
  const pinned = join(root, '.venv', 'bin', 'clang-format')
  const program = existsSync(pinned) ? pinned : which('clang-format')
  if (!program) {
    const words = 'clang-format is not there: node scripts/setup.mjs --parity puts it into .venv'
    if (!check || process.env.CI) throw new Failure(words)
    console.log(`${words}; the format of native/ is not checked`)
    return
  }
  const files = readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(cpp|h)$/.test(name))
    .map((name) => join('native', name))
  if (files.length === 0) throw new Failure('native/ has no C++ file: is the pattern right?')
  run(program, [...(check ? ['--dry-run', '-Werror'] : ['-i']), ...files])
}

if (process.argv[1] === import.meta.filename)
  await main(() => formatNative({ check: process.argv.includes('--check') }))
