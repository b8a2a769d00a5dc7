#!/usr/bin/env node
/**
 * Builds the two addons into build/Release: cmake-js configures once, Ninja builds what changed. One build at a time: a
 * second one waits. `--fresh` starts from nothing; `-DNAME=VALUE` goes to CMake (LTN_STABLE_NAPI, LTN_SANITIZE, …).
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { Failure, isTerminal, libtorchModule, main, root, run, runLines, status, which } from './lib/run.mjs'

/**
 * @param {{build?: string, libtorch?: string, fresh?: boolean, defines?: string[], announce?: () => void}} options
 *   - `libtorch`: default is the one that is found; `announce` is called once there is work
 */
export async function buildNative({
  build = join(root, 'build'),
  libtorch,
  fresh = false,
  defines = [],
  announce = () => {},
} = {}) {
  checkTools()
  const { withLock } = await libtorchModule('lock')
  const onWait = (owner) => {
    announce()
    console.log(`another native build is running (${owner}): waiting for it`)
  }
  mkdirSync(join(root, '.build'), { recursive: true })
  await withLock(
    join(root, '.build', 'native.lock'),
    async () => {
      configure(build, libtorch ?? (await findHeaders()), defines, fresh, announce)
      await compile(build, announce)
    },
    { onWait },
  )
}

/** Whatever addon was built before, this build is for the reference, unless LIBTORCH names another. */
async function findHeaders() {
  const { findLibTorch } = await libtorchModule('find')
  const { buildable, reference } = await libtorchModule('versions')
  const minors = process.env.LIBTORCH ? buildable : [reference.minor]
  return findLibTorch({ minors, headers: true, root, cwd: root }).dir
}

function checkTools() {
  const missing = []
  if (!which('cmake')) missing.push('CMake >= 3.18 (Debian: apt-get install cmake)')
  if (process.platform !== 'win32' && !which(process.env.CXX ?? 'c++') && !which('g++')) {
    missing.push('a C++20 compiler, such as g++ >= 11 (Debian: apt-get install g++)')
  }
  if (process.platform !== 'win32' && !which('ninja') && !which('make'))
    missing.push('Ninja (Debian: apt-get install ninja-build)')
  if (!existsSync(join(root, 'node_modules', 'cmake-js'))) missing.push('the npm packages (npm ci)')
  if (missing.length > 0) throw new Failure(`The native build needs:\n  ${missing.join('\n  ')}`)
}

/** Configures when there is no build folder yet, or when it is one for other settings. */
function configure(build, libtorch, defines, fresh, announce) {
  const configuration = join(build, 'configuration.json')
  const wanted = JSON.stringify({ libtorch, defines, generator: which('ninja') ? 'Ninja' : 'default', root })
  const present =
    existsSync(configuration) && existsSync(join(build, 'CMakeCache.txt')) && readFileSync(configuration, 'utf8')
  if (!fresh && present === wanted) return
  rmSync(build, { recursive: true, force: true })
  mkdirSync(build, { recursive: true })
  announce()
  console.log(`configuring for LibTorch in ${libtorch}`)
  const cmakeJs = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js')
  const options = [
    '--out',
    build,
    `--CDLIBTORCH=${libtorch}`,
    ...defines.map((define) => `--CD${define.replace(/^-D/, '')}`),
  ]
  if (which('ninja')) options.push('-G', 'Ninja')
  run(process.execPath, [cmakeJs, 'configure', '--log-level', 'warn', ...options], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  writeFileSync(configuration, wanted)
}

async function compile(build, announce) {
  // a LibTorch source takes about 1.5 GB to compile
  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 2 ** 31)))
  const started = Date.now()
  let steps = 0
  let progressShown = false
  const code = await runLines('cmake', ['--build', build, '--parallel', String(jobs)], (line) => {
    const step = /^\[ *[1-9]\d*(?:\/\d+|%)\] /.exec(line)
    if (step) {
      announce()
      steps++
      const text = line.replace(/Building CXX object CMakeFiles\/(core|loader|nn)\.dir\//, '').replace(/\.o$/, '')
      if (isTerminal) status(text)
      else console.log(text)
      progressShown = isTerminal
    } else if (line && !/^ninja: (no work|Entering)|^\[0\/|Built target|^Consolidate|^-- /.test(line)) {
      if (progressShown) console.log()
      progressShown = false
      console.log(line)
    }
  })
  status('')
  if (code !== 0) throw new Failure('the native build failed; its messages are above')
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  if (steps > 0)
    console.log(
      `built the addons in ${seconds} s (${Math.round(statSync(join(build, 'Release', 'core.node')).size / 1024)} KiB)`,
    )
}

if (process.argv[1] === import.meta.filename) {
  const args = process.argv.slice(2)
  const unknown = args.find((arg) => arg !== '--fresh' && !arg.startsWith('-D'))
  await main(async () => {
    if (unknown) throw new Failure(`unknown argument ${unknown}; known: --fresh, -DNAME=VALUE`)
    await buildNative({ fresh: args.includes('--fresh'), defines: args.filter((arg) => arg.startsWith('-D')) })
  })
}
