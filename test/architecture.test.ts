/**
 * The house plan as a check: which room may import which (lib/ and native/), no import cycles, files of a size that can be read,
 * packages that are declared, and Node's own modules under their `node:` names.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { test } from 'node:test'
import { root } from './support/paths.js'

/** What a room of lib/ may import beside itself; whatever those may import, it may, too. */
const arrows: Record<string, string[]> = {
  errors: [],
  download: ['errors'],
  libtorch: ['errors', 'download'],
  binding: ['libtorch', 'errors'],
  version: ['binding', 'errors'],
  // a summary writer takes tensors
  report: ['tensor', 'errors'],
  tensor: ['binding', 'errors'],
  nn: ['tensor'],
  optim: ['tensor'],
  'lr-scheduler': ['optim'],
  swa: ['nn', 'lr-scheduler'],
  amp: ['nn', 'optim'],
  serialize: ['tensor'],
  'state-dict': ['nn', 'optim'],
  vision: ['nn', 'tensor', 'hub'],
  hub: ['serialize', 'download'],
  jit: ['nn', 'serialize'],
  'whole-model': ['nn', 'serialize'],
  data: ['nn', 'tensor'],
  checkpoint: ['serialize', 'nn', 'optim', 'lr-scheduler'],
  utils: ['data', 'report', 'checkpoint'],
  index: [
    'version',
    'utils',
    'hub',
    'jit',
    'state-dict',
    'vision',
    'checkpoint',
    'optim',
    'lr-scheduler',
    'swa',
    'amp',
    'serialize',
    'nn',
    'whole-model',
  ],
  cli: ['index', 'libtorch'],
  codegen: ['index'],
}

/** What is not in a folder named as its room: namespaces put together at the top, and what was generated for a room. */
const roomOfFile: Record<string, string> = {
  'optim.ts': 'index',
  'generated/functions.ts': 'tensor',
  'generated/methods.ts': 'tensor',
  'generated/namespaces.ts': 'tensor',
}

/** Rooms of native/ beside core, which all of them may include; `binding` is binding.cpp. */
const nativeRooms = [
  'autograd',
  'compat',
  'distributed',
  'jit',
  'loader',
  'lr_scheduler',
  'nn',
  'ops',
  'optim',
  'rng',
  'serialize',
]

const maxLines = 400

/** Files below a folder of the package, with `/` between the parts; there must be some. */
function files(folder: string, pattern: RegExp): string[] {
  const found = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.split(sep).join('/')}`)
    .filter((name) => pattern.test(name) && !/(^|\/)(node_modules|__pycache__|out)\//.test(name))
  assert.ok(found.length > 0, `no file of ${folder}/ matches ${pattern}`)
  return found.sort()
}

const read = (name: string) => readFileSync(join(root, name), 'utf8')

/** Specifiers of all imports and re-exports of a TypeScript or JavaScript text, dynamic ones included. */
function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const statements = /^\s*(?:import|export)\b[^'"`;=]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]/gm
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]/g
  return [...code.matchAll(statements), ...code.matchAll(dynamic)].map((match) => (match[1] ?? match[2])!)
}

/** The file of lib/ that a relative import means. */
function target(from: string, specifier: string): string {
  return relative(root, resolve(root, dirname(from), specifier.replace(/\.js$/, '.ts')))
    .split(sep)
    .join('/')
}

function roomOf(file: string): string {
  const inside = file.replace(/^lib\//, '')
  return roomOfFile[inside] ?? /^(?:generated\/)?([\w-]+)/.exec(inside)![1]!
}

function reachable(room: string, seen = new Set<string>()): Set<string> {
  for (const next of arrows[room] ?? []) {
    if (seen.has(next)) continue
    seen.add(next)
    reachable(next, seen)
  }
  return seen
}

test('rooms of lib/ import only what they may', () => {
  const wrong: string[] = []
  let looked = 0
  for (const file of files('lib', /\.ts$/)) {
    const room = roomOf(file)
    assert.ok(arrows[room], `${file} is in room '${room}', which the plan does not have`)
    const allowed = new Set([room, ...reachable(room)])
    for (const specifier of importsOf(read(file))) {
      if (!specifier.startsWith('.')) continue
      looked++
      const to = target(file, specifier)
      if (to === 'binding.ts') continue // the contract of the addon: types alone
      assert.ok(existsSync(join(root, to)), `${file} imports ${specifier}, which is not there`)
      if (!allowed.has(roomOf(to))) wrong.push(`${file} (${room}) imports ${to} (${roomOf(to)})`)
    }
  }
  assert.ok(looked > 100, `only ${looked} imports found`)
  assert.deepEqual(wrong, [])
})

test('only lib/binding.ts loads an addon, and only lib/ knows its contract', () => {
  const loading = files('lib', /\.ts$/).filter((file) => /createRequire|process\.dlopen|\.node['"`]\)/.test(read(file)))
  assert.ok(loading.includes('lib/binding.ts'))
  const others = loading.filter((file) => file !== 'lib/binding.ts' && /\brequire\([^)]*\.node|dlopen/.test(read(file)))
  assert.deepEqual(others, [])
  const outside = [...files('test', /\.ts$/), ...files('examples', /\.ts$/), ...files('bench', /\.ts$/)]
  const knowing = outside.filter((file) => importsOf(read(file)).some((name) => /(^|\/)binding\.js$/.test(name)))
  assert.deepEqual(knowing, [])
})

test('no import cycle in what is compiled from lib/', () => {
  // by the compiled files: there, imports of types alone are gone
  const graph = new Map<string, string[]>()
  for (const file of files('dist', /\.js$/)) {
    const isSource = existsSync(join(root, file.replace(/^dist/, 'lib').replace(/\.js$/, '.ts')))
    if (!isSource) continue
    const relatives = importsOf(read(file)).filter((specifier) => specifier.startsWith('.'))
    graph.set(
      file,
      // a file that exports itself as its default is no cycle
      relatives.map((specifier) => target(file, specifier).replace(/\.ts$/, '.js')).filter((to) => to !== file),
    )
  }
  assert.ok(graph.has('dist/tensor/tensor.js') && graph.size > 50)
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): void => {
    const at = path.indexOf(file)
    assert.equal(at, -1, `import cycle: ${[...path.slice(at), file].join(' → ')}`)
    if (done.has(file)) return
    path.push(file)
    for (const next of graph.get(file) ?? []) visit(next)
    path.pop()
    done.add(file)
  }
  for (const file of graph.keys()) visit(file)
})

test('rooms of native/ include core and themselves, and no CUDA header', () => {
  const wrong: string[] = []
  let looked = 0
  for (const file of files('native', /\.(cpp|h)$/)) {
    const room = file === 'native/binding.cpp' ? 'binding' : file.split('/')[1]!
    assert.ok(['binding', 'core', ...nativeRooms].includes(room), `${file}: no such room in the plan`)
    const includes = [...read(file).matchAll(/^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)/gm)]
    for (const [, own, system] of includes) {
      looked++
      if (own) {
        assert.ok(existsSync(join(root, 'native', own)), `${file} includes "${own}", which is not there`)
        const to = own.split('/')[0]!
        const allowed = room === 'binding' || to === room || (to === 'core' && room !== 'loader')
        if (!allowed) wrong.push(`${file} includes ${own}`)
      } else if (/\bcuda\b/i.test(system!) || system === 'torch/torch.h') {
        wrong.push(`${file} includes <${system}>`)
      } else if (room === 'loader' && /^(torch|ATen|c10|caffe2)\//.test(system!)) {
        wrong.push(`${file} includes <${system}>: the loader must work without LibTorch`)
      }
    }
  }
  assert.ok(looked > 100, `only ${looked} includes found`)
  assert.deepEqual(wrong, [])
})

test('packages are declared, and built-in modules have their node: names', () => {
  const { dependencies, devDependencies, peerDependencies } = JSON.parse(read('package.json'))
  const code = /\.(ts|mjs)$/
  // packages of their own
  const apart = ['scripts/docs/', 'bench/tfjs/'].map(
    (folder) => [folder, JSON.parse(read(`${folder}package.json`)).dependencies] as const,
  )
  const all = [...files('lib', code), ...files('test', code), ...files('scripts', code)]
  all.push(...files('examples', code), ...files('bench', code))
  const wrong: string[] = []
  const used = new Set<string>()
  for (const file of all) {
    for (const specifier of importsOf(read(file))) {
      if (/^(\.|\/|node:|data:|libtorch-node(\/|$))/.test(specifier)) continue
      const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)![0]
      used.add(name)
      if (builtinModules.includes(name)) wrong.push(`${file}: '${specifier}' must be 'node:${specifier}'`)
      else if (apart.some(([folder, packages]) => file.startsWith(folder) && name in packages)) continue
      else if (
        !(name in dependencies) &&
        !(name in peerDependencies) &&
        (file.startsWith('lib/') || !(name in devDependencies))
      )
        wrong.push(`${file}: '${name}' is not a declared package`)
    }
  }
  assert.ok(used.has('commander'), 'the imports of packages are found')
  assert.deepEqual(wrong, [])
})

test(`hand-written files have fewer than ${maxLines} lines`, () => {
  const code = /\.(ts|mjs|cjs|cpp|h|py|sh)$/
  const folders = ['lib', 'native', 'test', 'scripts', 'examples', 'bench']
  const all = ['binding.d.ts', 'CMakeLists.txt', ...folders.flatMap((folder) => files(folder, code))]
  const long = all
    .filter((file) => !/^(lib\/generated|test\/fixtures)\//.test(file))
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines >= maxLines)
  assert.deepEqual(long, [])
})
