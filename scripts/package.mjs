#!/usr/bin/env node
/**
 * `npm run package` makes .build/libtorch-node-<version>.tgz: for this platform a `loader` and, for each LibTorch of
 * lib/libtorch/versions.ts, a `core` built against it; the compiled lib/, and the sources of the addons. What is built and
 * current is kept. `--only 2.13` builds and packs that `core` alone (may be given more than once). `--no-build` packs
 * the addons that are in .build/prebuilds, where those of other machines can be put beside.
 *
 * Each LibTorch is fetched into .libtorch/ by pip once; pip's own settings say from where, such as PIP_FIND_LINKS=<folder>.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildNative } from './build-native.mjs'
import { checkSymbols } from './check-symbols.mjs'
import { bundle } from './lib/bundle.mjs'
import { fetchForBuild } from './lib/fetch-libtorch.mjs'
import { compileLib, Failure, libtorchModule, main, readJson, root, run, tsc } from './lib/run.mjs'
import { newest } from './lib/steps.mjs'

const prebuilds = join(root, '.build', 'prebuilds')
const packed = join(root, '.build', 'package')
const mostBytes = 10e6

/** Strips what is linked: symbols are two fifths of an addon. */
const defines = process.platform === 'linux' ? ['-DCMAKE_MODULE_LINKER_FLAGS=-s'] : []

await main(async () => {
  const { values } = parseArgs({
    options: { only: { type: 'string', multiple: true }, build: { type: 'boolean', default: true } },
    allowNegative: true,
  })
  compileLib({ tolerant: true })
  const { releases } = await libtorchModule('versions')
  const unknown = values.only?.find((minor) => !releases.some((release) => release.minor === minor))
  if (unknown) throw new Failure(`--only knows ${releases.map(({ minor }) => minor).join(', ')}, not ${unknown}`)
  const chosen = releases.filter(({ minor }) => values.only?.includes(minor) ?? true)
  if (values.build) await buildAddons(chosen)
  await compile()
  stage()
  pack()
})

async function buildAddons(chosen) {
  const { reference } = await libtorchModule('versions')
  for (const name of existsSync(prebuilds) ? readdirSync(prebuilds) : [])
    rmSync(join(prebuilds, name, 'prebuilds', platform()), { recursive: true, force: true })
  for (const release of chosen) {
    const build = join(root, '.build', 'addons', `torch-${release.minor}`)
    const libtorch = await fetchForBuild(release, release === reference)
    await buildNative({
      build,
      libtorch,
      defines,
      announce: () => console.log(`the addons for LibTorch ${release.version}`),
    })
    keep(join(build, 'Release', 'core.node'), `torch-${release.minor}`)
    // the same in each of the builds
    if (release === chosen[0]) keep(join(build, 'Release', 'loader.node'), 'loader')
  }
}

/**
 * Puts an addon where lib/libtorch/addons.ts has node-gyp-build look: the layout of prebuildify, in two lines, as prebuildify
 * itself starts node-gyp, which builds nothing here. Its name has the C library, so that musl is not given what needs glibc.
 */
function keep(addon, folder) {
  checkSymbols([addon])
  const libc = process.platform === 'linux' ? `.${existsSync('/etc/alpine-release') ? 'musl' : 'glibc'}` : ''
  const target = join(prebuilds, folder, 'prebuilds', platform(), `libtorch-node${libc}.node`)
  mkdirSync(dirname(target), { recursive: true })
  cpSync(addon, target)
}

function platform() {
  return `${process.platform}-${process.arch}`
}

/** Compiles lib/ into a folder of its own: dist/ may hold files whose sources are gone. */
async function compile() {
  const dist = join(packed, 'dist')
  const stamp = join(root, '.build', 'package.compiled')
  const current = existsSync(stamp) && existsSync(dist) ? statSync(stamp).mtimeMs : 0
  if (current > newest('lib', 'binding.d.ts', 'tsconfig.json', 'package-lock.json')) return
  rmSync(dist, { recursive: true, force: true })
  // no maps: they would lead to sources that are not in the package
  const own = ['--outDir', dist, '--incremental', 'false', '--sourceMap', 'false', '--tsBuildInfoFile', 'null']
  run(process.execPath, [tsc(), '-p', 'tsconfig.json', ...own])
  await bundle(dist)
  // types and the bundle are what the package exports
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.js') && !/^bundle[/\\]/.test(name)) rmSync(join(dist, name))
  writeFileSync(stamp, '')
}

/** Puts together what `files` of package.json names. */
function stage() {
  const manifest = readJson(join(root, 'package.json'))
  for (const name of readdirSync(packed)) if (name !== 'dist') rmSync(join(packed, name), { recursive: true })
  const wanted = [...manifest.files.filter((name) => name !== 'dist'), 'README.md']
  for (const name of wanted) cpSync(join(root, name), join(packed, name), { recursive: true })
  // its types are those of lib/, which is in the package as dist/ alone
  const contract = readFileSync(join(root, 'binding.d.ts'), 'utf8')
  writeFileSync(join(packed, 'binding.d.ts'), contract.replaceAll("'./lib/", "'./dist/"))
  if (!existsSync(prebuilds)) throw new Failure('.build/prebuilds has no addon yet')
  cpSync(prebuilds, join(packed, 'native'), { recursive: true })
  // the scripts and what they need are not in the package
  const { scripts, devDependencies, ...published } = manifest
  for (const entry of Object.values(published.exports)) {
    if (!entry.bundle) continue
    entry.default = entry.bundle
    delete entry.bundle
  }
  published.bin['libtorch-node'] = './dist/bundle/cli.js'
  writeFileSync(join(packed, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
}

function pack() {
  const { status, stdout, stderr } = spawnSync(
    process.platform === 'win32' ? 'npm.cmd' : 'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', join(root, '.build')],
    { cwd: packed, encoding: 'utf8', maxBuffer: 2 ** 28, shell: process.platform === 'win32' },
  )
  if (status !== 0) throw new Failure(`npm pack failed:\n${stderr}`)
  const [{ filename, size, unpackedSize, files }] = JSON.parse(stdout)
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
  const addons = files.filter(({ path }) => path.endsWith('.node'))
  for (const { path, size: bytes } of addons) console.log(`${megabytes(bytes).padStart(8)}  ${path}`)
  if (addons.length < 2) throw new Failure('the package has no loader and core')
  console.log(`.build/${filename}: ${megabytes(size)}, ${files.length} files, ${megabytes(unpackedSize)} unpacked`)
  if (size >= mostBytes) throw new Failure(`the package must be smaller than ${megabytes(mostBytes)}`)
}
