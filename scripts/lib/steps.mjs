/** The steps of the set-up: each says cheaply whether it is done already, and shows that it lives while it works. */
import { spawn } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, isTerminal, root, status } from './run.mjs'

/**
 * Runs the steps in order. A step that is done prints nothing, so that a second run is quiet; one that sees only while it
 * runs whether there is work has `quiet`, and calls `announce` when there is.
 * @param {{title: string, quiet?: boolean, done: () => boolean | Promise<boolean>, run: (announce: () => void) => void | Promise<void>}[]} steps
 */
export async function runSteps(steps) {
  for (const [i, { title, quiet, done, run }] of steps.entries()) {
    if (await done()) continue
    const started = Date.now()
    let announced = false
    const announce = () => {
      if (!announced) console.log(`[${i + 1}/${steps.length}] ${title}`)
      announced = true
    }
    if (!quiet) announce()
    await run(announce)
    const seconds = (Date.now() - started) / 1000
    if (announced && seconds >= 1) console.log(`      ${seconds.toFixed(0)} s`)
  }
}

/** Runs a program whose output matters only when it fails; a terminal shows the seconds meanwhile. */
export async function runQuietly(program, args, options = {}) {
  const started = Date.now()
  let output = ''
  const timer = setInterval(
    () => status(`      ${Math.round((Date.now() - started) / 1000)} s …`),
    isTerminal ? 1000 : 2 ** 30,
  )
  const code = await new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options })
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', reject)
    child.on('close', resolve)
  }).finally(() => {
    clearInterval(timer)
    status('')
  })
  if (code !== 0) throw new Failure(`failed (exit code ${code}): ${[program, ...args].join(' ')}\n${output.trim()}`)
}

/** The newest change below files and folders, installed packages left out, in milliseconds; 0 when there are none. */
export function newest(...paths) {
  let latest = 0
  for (const path of paths) {
    const entry = statSync(join(root, path), { throwIfNoEntry: false })
    if (!entry) continue
    // a folder's own time tells of files that were removed or renamed
    latest = Math.max(latest, entry.mtimeMs)
    if (!entry.isDirectory()) continue
    const names = readdirSync(join(root, path)).filter((name) => name !== 'node_modules')
    latest = Math.max(latest, newest(...names.map((name) => join(path, name))))
  }
  return latest
}
