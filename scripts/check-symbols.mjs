#!/usr/bin/env node
/**
 * Says whether addons run on old Linux systems: fails when one needs a symbol of a newer glibc, libstdc++ or libgcc than those
 * of the systems that PyTorch's wheels are for. `node scripts/check-symbols.mjs [--limit GLIBC=2.28] build/Release/*.node`
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { Failure, main } from './lib/run.mjs'

/** The newest versions that may be needed: glibc 2.28 and GCC 8, as manylinux_2_28. */
const limits = { GLIBC: '2.28', GLIBCXX: '3.4.25', CXXABI: '1.3.11', GCC: '7.0.0' }

/**
 * What an addon needs that the old systems lack.
 * @returns {string[]} lines such as `fstat needs GLIBC_2.33 (at most GLIBC_2.28)`
 */
export function newerSymbols(file, allowed = limits) {
  const { status, stdout, stderr, error } = spawnSync('readelf', ['-W', '--dyn-syms', '--version-info', file], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, LC_ALL: 'C' },
  })
  if (error) throw new Failure(`readelf could not be started (Debian: apt-get install binutils): ${error.message}`)
  if (status !== 0 || /^readelf: (Error|Warning)/m.test(stderr)) throw new Failure(`${file}: ${stderr.trim()}`)
  // every version that the file asks for, also one that no symbol has (the loader refuses a file for these, too)
  const needed = new Set([...stdout.matchAll(/Name: (\S+) +Flags:/g)].map(([, version]) => version))
  const symbols = [...stdout.matchAll(/ UND (\S+?)@(\S+) \(\d+\)/g)]
  if (needed.size === 0 || symbols.length === 0) throw new Failure(`${file}: no symbol with a version was found in it`)
  return [...needed].sort().flatMap((version) => {
    const [, library, number] = /^([A-Z]+)_([\d.]+)$/.exec(version) ?? []
    if (library in allowed && compare(number, allowed[library]) <= 0) return []
    const most =
      library in allowed ? ` (at most ${library}_${allowed[library]})` : ' (not a version of the old systems)'
    const names = symbols.filter((symbol) => symbol[2] === version).map(([, name]) => name)
    return (names.length > 0 ? names : [file]).map((name) => `${name} needs ${version}${most}`)
  })
}

/** @throws {Failure} with every symbol that is too new */
export function checkSymbols(files, allowed = limits) {
  const found = files.flatMap((file) => newerSymbols(file, allowed).map((line) => `  ${file}: ${line}`))
  if (found.length === 0) return
  const remedy =
    'Build with GCC 11 or 12 (later ones need more of libstdc++), write the code without it, or give it an old version in native/compat/glibc.cpp.'
  throw new Failure(`These need newer systems than the package is for:\n${found.join('\n')}\n${remedy}`)
}

/** Whether `a` is older (negative) or newer (positive) than `b`, of numbers with points between. */
function compare(a, b) {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number))
  const at = left.findIndex((part, i) => part !== (right[i] ?? 0))
  return at < 0 ? left.length - right.length : left[at] - (right[at] ?? 0)
}

if (process.argv[1] === import.meta.filename) {
  await main(() => {
    const { values, positionals } = parseArgs({
      options: { limit: { type: 'string', multiple: true, default: [] } },
      allowPositionals: true,
    })
    if (positionals.length === 0) throw new Failure('which files? node scripts/check-symbols.mjs build/Release/*.node')
    const own = Object.fromEntries(values.limit.map((text) => text.split('=')))
    const unknown = Object.keys(own).find((name) => !(name in limits))
    if (unknown) throw new Failure(`--limit knows ${Object.keys(limits).join(', ')}, not ${unknown}`)
    checkSymbols(positionals, { ...limits, ...own })
    console.log(`no symbol is too new: ${positionals.join(' ')}`)
  })
}
