/**
 * Runs a test file in a worker, twice, and prints as JSON what of it is still alive: `node leaks-program.js <file>`.
 *
 * When the worker has ended, its JavaScript is gone, with what modules keep on purpose: native tensors and bytes must be back at what
 * they were before. LibTorch itself keeps some things from their first use on, which is why it is the second run that counts. What the end
 * of an environment would sweep up unseen is looked for inside of it: no more native tensors than Tensor objects, all garbage collected.
 */
import * as v8 from 'node:v8'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { collectGarbage, collectNow } from './gc.js'

export interface Leaks {
  /** 0 when all tests of the file passed */
  code: number
  output: string
  /** native tensors and bytes after the worker's end, less those before its start */
  tensors: number
  bytes: number
  /** native tensors at the end of the file's tests, less Tensor objects */
  unowned: number
}

/** Since Node 20.13; not in the types of 20. */
const { queryObjects } = v8 as unknown as { queryObjects(of: object, options: { format: 'count' }): number }

async function runIn(file: string): Promise<Leaks> {
  const before = torch.memoryStats()
  const unowned = new Int32Array(new SharedArrayBuffer(4))
  const thread = new Worker(new URL(import.meta.url), { workerData: { file, unowned }, stdout: true, stderr: true })
  let output = ''
  for (const stream of [thread.stdout, thread.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  thread.on('error', (error) => (output += error.stack))
  const code = await new Promise<number>((resolve) => thread.once('exit', resolve))
  await collectGarbage()
  const after = torch.memoryStats()
  const grown = { tensors: after.tensors - before.tensors, bytes: after.bytes - before.bytes }
  return { code, output, ...grown, unowned: unowned[0]! }
}

if (isMainThread) {
  const file = process.argv[2]!
  await collectGarbage()
  const first = await runIn(file)
  console.log(JSON.stringify(first.code === 0 ? await runIn(file) : first))
} else {
  process.on('exit', () => {
    for (let i = 0; i < 3; i++) collectNow()
    workerData.unowned[0] = torch.memoryStats().tensors - queryObjects(torch.Tensor, { format: 'count' })
  })
  await import(workerData.file)
}
