#!/usr/bin/env node
/**
 * `npm run test:slow`: what takes too long for `npm test`, two at a time, in an hour at most; what is not over by then has failed.
 * `npm run test:slow -- fuzz soak` runs these alone. Each writes to `.build/slow/<name>.log`.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, main, readJson, root } from './lib/run.mjs'
import { setup } from './setup.mjs'

const minutes = 60

/** The longest first. `npm`: a script of package.json with its arguments. */
const checks = [
  { name: 'asan', npm: ['test:asan'] },
  { name: 'fuzz', npm: ['fuzz', '--minutes', '10'] },
  { name: 'leaks', npm: ['test:leaks'] },
  { name: 'libtorch-matrix', npm: ['test:libtorch-matrix'] },
  { name: 'exits', npm: ['test', 'test/threads/exits.test.ts'], env: { LIBTORCH_NODE_EXITS: '200' } },
  { name: 'package', npm: ['test:package'] },
  { name: 'zip64', npm: ['test', 'test/parity/serialize/zip64.ts'] },
  { name: 'soak', npm: ['soak', '--minutes', '3'] },
]

const logs = join(root, '.build', 'slow')
const logOf = (name) => join(logs, `${name}.log`)

/** Runs a check to its end, or to that of the hour. */
function check({ name, npm: [script, ...args], env = {} }, end) {
  if (!readJson(join(root, 'package.json')).scripts[script]) return { name, result: 'not there', seconds: 0 }
  const started = Date.now()
  if (started >= end) return { name, result: 'no time left', seconds: 0, failed: true }
  console.log(`${name}: npm run ${[script, ...args].join(' ')}`)
  const log = openSync(logOf(name), 'w')
  const child = spawn('npm', ['run', script, '--', ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
    detached: true,
  })
  let late = false
  const timer = setTimeout(() => {
    late = true
    process.kill(-child.pid, 'SIGKILL')
  }, end - started)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      const result = late ? 'took too long' : code === 0 ? 'passed' : `failed (${signal ?? code})`
      const seconds = (Date.now() - started) / 1000
      console.log(`${name}: ${result} after ${seconds.toFixed(0)} s`)
      resolve({ name, result, seconds, failed: result !== 'passed' })
    })
  })
}

function chosenChecks() {
  const chosen = process.argv.slice(2)
  const unknown = chosen.find((name) => !checks.some((check) => check.name === name))
  if (unknown) throw new Failure(`no check '${unknown}'; there are: ${checks.map(({ name }) => name).join(', ')}`)
  return chosen.length > 0 ? checks.filter(({ name }) => chosen.includes(name)) : checks
}

await main(async () => {
  const waiting = chosenChecks()
  await setup({ parity: true })
  mkdirSync(logs, { recursive: true })
  const started = Date.now()
  const end = started + minutes * 60_000
  const results = []
  const queue = [...waiting]
  const lane = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) results.push(await check(next, end))
  }
  await Promise.all([lane(), lane()])
  for (const { name, failed } of results) {
    if (failed) console.log(`\n---- ${name}: the end of ${logOf(name)}\n${lastLines(logOf(name), 40)}`)
  }
  console.log('')
  for (const { name } of waiting) {
    const { result, seconds } = results.find((each) => each.name === name)
    console.log(`${name.padEnd(16)} ${`${(seconds / 60).toFixed(1)} min`.padStart(9)}  ${result}`)
  }
  console.log(`${((Date.now() - started) / 60_000).toFixed(1)} minutes in all`)
  return results.some(({ failed }) => failed) ? 1 : 0
})

function lastLines(file, count) {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
  } catch {
    return '(it was not begun)'
  }
}
