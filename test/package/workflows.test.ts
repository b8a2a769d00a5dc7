// Promise: the workflows can be read, and what they start is there.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { root } from '../support/paths.js'

interface Step {
  uses?: string
  run?: string
}
interface Job {
  needs?: string | string[]
  permissions?: Record<string, string>
  'timeout-minutes'?: number
  'runs-on': string
  steps: Step[]
}

const folder = join(root, '.github', 'workflows')
const files = readdirSync(folder).sort()
const text = (file: string) => readFileSync(join(folder, file), 'utf8')
const jobsOf = (file: string) => (parseDocument(text(file)).toJS() as { jobs: Record<string, Job> }).jobs

test('there are two, and they are YAML', () => {
  assert.deepEqual(files, ['ci.yml', 'release.yml'])
  for (const file of files) {
    const { errors, warnings } = parseDocument(text(file))
    assert.deepEqual([...errors, ...warnings], [], file)
  }
})

for (const file of files) {
  const jobs = Object.entries(jobsOf(file))
  const steps = jobs.flatMap(([, job]) => job.steps)

  test(`${file}: every step does one thing, and needs are jobs before`, () => {
    for (const { uses, run } of steps) assert.equal(Number(uses !== undefined) + Number(run !== undefined), 1)
    for (const [i, [name, { needs = [] }]] of jobs.entries())
      for (const need of [needs].flat())
        assert.ok(
          jobs.slice(0, i).some(([other]) => other === need),
          `${name} needs ${need}`,
        )
    for (const { uses } of steps) if (uses) assert.match(uses, /^actions\/[\w-]+@v\d+$/)
  })

  test(`${file}: the scripts that it runs are there`, () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const commands = steps.flatMap(({ run }) => run ?? [])
    const started = commands.flatMap((run) => [...run.matchAll(/\bnpm (?:run ([\w:-]+)|(test)\b)/g)])
    assert.ok(started.length > 0)
    for (const [, script, test] of started) assert.ok((script ?? test)! in scripts, `npm run ${script ?? test}`)
    for (const [, path] of commands.flatMap((run) => [...run.matchAll(/\bnode (\S+)/g)]))
      assert.ok(existsSync(join(root, path!)), path)
  })

  test(`${file}: names no registry, and no secret`, () => {
    assert.doesNotMatch(text(file), /https?:|registry|\b[\w-]+\.(io|org|com)\b|secrets\./)
  })
}

test('only what publishes may prove who it is', () => {
  const may = files.flatMap((file) =>
    Object.entries(jobsOf(file)).flatMap(([name, { permissions }]) =>
      permissions?.['id-token'] ? `${file} ${name}` : [],
    ),
  )
  assert.deepEqual(may, ['release.yml publish'])
})
