#!/usr/bin/env node
/**
 * Makes a fresh clone ready: packages, dist/, LibTorch, addons, compiled tests and examples; with `--parity` also the Python
 * environment that the tests compare with and the tool that builds the site. What is done already is skipped. Node's own modules only, as
 * it runs before `npm ci`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildNative } from './build-native.mjs'
import { Failure, libtorchModule, main, readJson, referenceVersion, root, run, tsc, which } from './lib/run.mjs'
import { newest, runQuietly, runSteps } from './lib/steps.mjs'

const python = 'python3.11'
const wheels = join(root, '.libtorch', 'wheels')

/** @param {{parity?: boolean}} options - `parity`: with the Python environment `.venv`, where Python is there */
export async function setup({ parity = false } = {}) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    throw new Failure(`Node.js ${process.version} is too old: >= 20.19 is needed`)
  const withPython = parity && pythonIsThere()
  await runSteps([
    packagesStep,
    compileStep('compiling lib/', 'tsconfig.json', 'dist', ['lib', 'binding.d.ts']),
    { title: 'fetching LibTorch', done: () => libtorchIsThere(withPython), run: fetchLibTorch },
    { title: 'building the addons', quiet: true, done: prebuiltFits, run: (announce) => buildNative({ announce }) },
    compileStep('compiling tests and examples', 'tsconfig.test.json', '.build', [
      'test',
      'examples',
      'bench',
      'lib',
      'binding.d.ts',
    ]),
    ...(withPython
      ? [{ title: 'making .venv, the Python to compare with', done: environmentIsThere, run: makeEnvironment }]
      : []),
    ...(parity ? [siteStep] : []),
  ])
}

/** What `npm run docs` needs. */
export const setupSite = () => runSteps([packagesStep, siteStep])

/** What `npm run bench` compares with beside Python. */
export const setupTfjs = () => runSteps([installStep('installing TensorFlow.js', join(root, 'bench', 'tfjs'))])

/** The modules of dist/ in few files, as the package has them. */
export const setupBundle = () => runSteps([{ title: 'bundling dist/', done: bundleIsThere, run: makeBundle }])

const packagesStep = installStep('installing the npm packages', root)
const siteStep = installStep('installing what builds the site', join(root, 'scripts', 'docs'))

function installStep(title, folder) {
  const run = () => runQuietly(npm(), ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder })
  return { title, done: () => packagesAreThere(folder), run }
}

function npm() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm'
}

/** npm writes what it installed to a lock file of its own; nothing is missing when it has all of ours. */
function packagesAreThere(folder) {
  const wanted = readJson(join(folder, 'package-lock.json'))?.packages ?? {}
  const installed = readJson(join(folder, 'node_modules', '.package-lock.json'))?.packages ?? {}
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || installed[path]?.version === version || (optional && !installed[path]),
  )
}

/** Compiles a project, unless nothing changed since it last compiled without an error. */
function compileStep(title, project, outDir, sources) {
  const stamp = join(root, outDir, '.compiled')
  return {
    title,
    done: () =>
      existsSync(stamp) && statSync(stamp).mtimeMs > newest(project, 'tsconfig.json', 'package-lock.json', ...sources),
    async run() {
      const started = new Date()
      await runQuietly(process.execPath, [tsc(), '-p', project])
      mkdirSync(join(root, outDir), { recursive: true })
      // its time is that of the start: a file that was saved meanwhile is newer
      writeFileSync(stamp, started.toISOString())
      utimesSync(stamp, started, started)
    },
  }
}

function bundleIsThere() {
  const made = join(root, 'dist', 'bundle', '.bundled')
  const compiled = join(root, 'dist', '.compiled')
  return existsSync(made) && statSync(made).mtimeMs > statSync(compiled).mtimeMs
}

async function makeBundle() {
  // its bundler is among the packages, which an earlier step installs
  const { bundle } = await import('./lib/bundle.mjs')
  await bundle(join(root, 'dist'))
}

async function libtorchIsThere(withPython) {
  const { reference } = await libtorchModule('versions')
  const { searchLibTorch } = await libtorchModule('find')
  if (!searchLibTorch({ minors: [reference.minor], headers: true, root, cwd: root }).found) return false
  return !withPython || environmentIsThere() || keptWheel() !== undefined
}

/** Into the checkout's own folder; with Python the wheel stays, so that .venv gets the same LibTorch without a second download. */
async function fetchLibTorch() {
  const dir = join(root, '.libtorch', await referenceVersion())
  const keep = which(python) ? ['--keep-wheel', wheels] : []
  run(process.execPath, [join(root, 'dist', 'cli', 'main.js'), 'install', '--cpu', '--dir', dir, ...keep])
}

async function prebuiltFits() {
  if (existsSync(join(root, 'build'))) return false
  const { coreAddons } = await libtorchModule('addons')
  const { reference } = await libtorchModule('versions')
  return coreAddons(root).some(({ minor, prebuilt }) => prebuilt && minor === reference.minor)
}

function pythonIsThere() {
  if (existsSync(join(root, '.venv', 'bin', 'python')) || which(python)) return true
  const words = `${python} is not there: the tests that compare with live Python need it (Debian: apt-get install python3.11 python3.11-venv)`
  if (process.env.CI) throw new Failure(words)
  console.log(`${words}; they will be skipped`)
  return false
}

function requirements() {
  const text = readFileSync(join(root, 'test', 'requirements.txt'), 'utf8')
  return [...text.matchAll(/^([\w-]+)==(\S+)/gm)].map(([, name, version]) => `${name.replaceAll('-', '_')}-${version}`)
}

/** True when .venv has torch and everything that test/requirements.txt names, in these versions. */
function environmentIsThere() {
  const lib = join(root, '.venv', 'lib')
  const site =
    existsSync(lib) &&
    readdirSync(lib)
      .map((name) => join(lib, name, 'site-packages'))
      .find(existsSync)
  if (!site) return false
  const installed = new Set(readdirSync(site))
  return [...requirements(), `torch-${torchVersion()}`].every((name) => installed.has(`${name}.dist-info`))
}

/** The version of the wheel, with its build: that of the LibTorch that was fetched. */
function torchVersion() {
  const wheel = keptWheel()
  if (wheel) return /torch-([^-]+)-/.exec(wheel)[1]
  const releases = readFileSync(join(root, 'lib', 'libtorch', 'versions.ts'), 'utf8')
  return `${/version: '([\d.]+)'/.exec(releases)[1]}${process.platform === 'darwin' ? '' : '+cpu'}`
}

function keptWheel() {
  return existsSync(wheels) ? readdirSync(wheels).find((name) => /^torch-.*\.whl$/.test(name)) : undefined
}

async function makeEnvironment() {
  const environment = join(root, '.venv')
  try {
    await runQuietly(python, ['-m', 'venv', '--clear', environment])
  } catch (error) {
    throw new Failure(`${error.message}\nOn Debian: apt-get install python3.11-venv`)
  }
  const wheel = join(wheels, keptWheel())
  const pip = [
    '-m',
    'pip',
    'install',
    '--disable-pip-version-check',
    '--no-input',
    wheel,
    '-r',
    join(root, 'test', 'requirements.txt'),
  ]
  await runQuietly(join(environment, 'bin', 'python'), pip)
}

if (process.argv[1] === import.meta.filename) {
  await main(() => setup({ parity: process.argv.includes('--parity') }))
}
