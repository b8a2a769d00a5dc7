#!/usr/bin/env node
/** `npm run dev`: compiles TypeScript and C++ as they change, and runs the tests of the room that was touched. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, watch } from 'node:fs'
import { join, sep } from 'node:path'
import { buildNative } from './build-native.mjs'
import { main, root, runLines, tsc } from './lib/run.mjs'
import { setup } from './setup.mjs'

/** Rooms of native/ whose tests have another name. */
const testsOf = {
  core: 'tensor',
  ops: 'tensor',
  autograd: 'tensor',
  rng: 'tensor',
  loader: 'libtorch',
  lr_scheduler: 'lr-scheduler',
}

// its own 'exit' event, which ends the compilers, does not come when a signal ends it
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(0))

const touched = new Set()
let nativeChanged = false
let timer
let busy = false

await main(async () => {
  await setup()
  for (const project of ['tsconfig.json', 'tsconfig.test.json']) watchTypes(project)
  for (const folder of ['lib', 'native', 'test', 'examples'])
    watch(join(root, folder), { recursive: true }, (_, file) => onChange(folder, file))
  console.log('watching lib/, native/, test/ and examples/; Ctrl+C ends it')
  await new Promise(() => {})
})

function watchTypes(project) {
  const child = spawn(process.execPath, [tsc(), '-p', project, '--watch', '--preserveWatchOutput'], {
    cwd: root,
    stdio: 'inherit',
  })
  process.on('exit', () => child.kill())
}

function onChange(folder, file) {
  if (!file || !/\.(ts|cpp|h)$/.test(file)) return
  const room = file.includes(sep) ? file.split(sep)[0] : file.replace(/(\.test)?\.\w+$/, '')
  touched.add(testsOf[room] ?? room)
  nativeChanged ||= folder === 'native'
  clearTimeout(timer)
  // long enough for tsc to write what changed
  timer = setTimeout(react, 1000)
}

async function react() {
  if (busy) return void (timer = setTimeout(react, 500))
  busy = true
  const rooms = [...touched]
  touched.clear()
  try {
    if (nativeChanged) {
      nativeChanged = false
      await buildNative()
    }
    const files = rooms.flatMap(testsOfRoom)
    if (files.length > 0)
      await runLines(process.execPath, ['--test', '--test-reporter=spec', ...files], (line) => console.log(line))
  } catch (error) {
    console.error(error.message)
  }
  busy = false
}

function testsOfRoom(room) {
  const alone = join(root, '.build', 'test', `${room}.test.js`)
  const folder = join(root, '.build', 'test', room)
  const inside = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.test.js')) : []
  return [...(existsSync(alone) ? [alone] : []), ...inside.map((name) => join(folder, name))]
}
