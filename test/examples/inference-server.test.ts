/** The server answers while it learns; the same answers and output as Python's server, and each starts from the file of the other. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildDir, root, tempDir } from '../support/paths.js'
import { pinnedCpu, requirePython } from '../support/python.js'

interface Answer {
  version: number
  digit: number
  scores: number[]
}
interface Status {
  version: number
  training: boolean
  error?: string
}

const epochs = 6
const picture = (i: number): number[] => Array.from({ length: 64 }, (_, j) => ((i * 7 + j * 5) % 17) / 16)

/** A server in a process of its own, with what it printed so far. */
async function start(t: TestContext, command: string, args: string[]) {
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1', ...pinnedCpu }
  const server = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  server.stderr.on('data', (data) => {
    stderr += data
  })
  const ended = once(server, 'close')
  const stop = async () => {
    server.kill()
    await ended
  }
  t.after(stop)
  const output: string[] = []
  const lines = createInterface(server.stdout)
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.startsWith('listening on ')) resolve(line.slice('listening on '.length))
      else output.push(line)
    })
    server.on('close', () => reject(new Error(`the server ended\n${stderr}`)))
  })
  const ask = async <T>(path: string, body?: unknown): Promise<T> => {
    const init =
      body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }
    return (await (await fetch(url + path, init)).json()) as T
  }
  const predict = (i: number) => ask<Answer>('/predict', picture(i))
  const trained = async () => {
    while ((await ask<Status>('/status')).training) await sleep(20)
  }
  return { ask, predict, trained, output, stop, url }
}

const ours = (t: TestContext, ...args: string[]) =>
  start(t, process.execPath, [join(buildDir, 'examples/inference-server/inference-server.js'), ...args])
const theirs = (t: TestContext, ...args: string[]) =>
  start(t, join(root, '.venv/bin/python'), [join(root, 'examples/inference-server/reference.py'), ...args])

test('examples/inference-server: answers within a bound while the worker trains, each from one whole version', async (t) => {
  const server = await ours(t)
  const first = await server.predict(0)
  const began = performance.now()
  await server.ask('/train', { epochs })
  const answers: Answer[] = []
  const times: number[] = []
  while ((await server.ask<Status>('/status')).training) {
    const asked = performance.now()
    answers.push(await server.predict(0))
    times.push(performance.now() - asked)
  }
  const trained = performance.now() - began
  const slowest = Math.max(...times)
  // a server that waited for the training would give one slow answer; one that waited for each epoch, about one per epoch
  assert.ok(slowest < trained / 3, `${slowest} ms for an answer, ${trained} ms for the training`)
  assert.ok(answers.length > 3 * epochs, `${answers.length} answers`)
  const versions = new Map<number, string>()
  for (const { version, scores } of answers) {
    const text = JSON.stringify(scores)
    assert.equal(versions.get(version) ?? text, text, `two answers of version ${version}`)
    versions.set(version, text)
  }
  assert.equal(versions.get(0), JSON.stringify(first.scores))
  assert.ok(versions.size > epochs / 2, `${versions.size} versions seen`)
  assert.equal(new Set(versions.values()).size, versions.size)
  assert.equal((await server.predict(0)).version, epochs)
})

test('examples/inference-server: answers and output are those of Python, each from the weights of the other, too', async (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const files = [join(dir, 'node.pth'), join(dir, 'python.pth')] as const
  const ask = async (server: Awaited<ReturnType<typeof start>>) => {
    const answers = [await server.predict(1), await server.predict(2)]
    for (const more of [2, 1]) {
      await server.ask('/train', { epochs: more })
      await server.trained()
      answers.push(await server.predict(1), await server.predict(2))
    }
    await server.stop()
    return { answers, output: server.output }
  }
  const here = await ask(await ours(t, '--out', files[0]))
  assert.deepEqual(here, await ask(await theirs(t, '--out', files[1])))
  assert.match(here.output.join('\n'), /^version 3 {2}loss 0\.[0-9]{6}\nsha256 of the parameters: [0-9a-f]{64}$/m)

  const last = here.answers.slice(-2).map((answer) => ({ ...answer, version: 0 }))
  for (const server of [await ours(t, '--weights', files[1]), await theirs(t, '--weights', files[0])]) {
    assert.deepEqual([await server.predict(1), await server.predict(2)], last)
    assert.equal(server.output[0], here.output.at(-1))
    await server.stop()
  }
})

test('examples/inference-server: says what is wrong with a request, and goes on', async (t) => {
  const server = await ours(t)
  const error = async (path: string, body: unknown) => (await server.ask<{ error: string }>(path, body)).error
  assert.equal(await error('/predict', [1, 2]), 'expected 64 numbers')
  assert.match(await error('/predict', '{'), /JSON/)
  assert.equal(await error('/train', { epochs: 0 }), 'expected {"epochs": 1} or more')
  assert.match(await error('/nothing', {}), /^expected POST \/predict, /)
  assert.equal((await fetch(`${server.url}/predict`, { method: 'POST', body: '[]' })).status, 400)
  await server.ask('/train', { epochs: 2 })
  assert.equal(await error('/train', { epochs: 1 }), 'a training is running')
  await server.trained()
  assert.equal((await server.predict(0)).version, 2)
})
