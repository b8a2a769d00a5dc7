/** Ends while tensors are on their way in both directions. */
import { Worker } from 'node:worker_threads'
import * as torch from 'libtorch-node'

const handles = Array.from({ length: 100 }, () => torch.ones(100).share())
const thread = new Worker(
  `const { parentPort } = require('node:worker_threads')
   import(${JSON.stringify(import.meta.resolve('libtorch-node'))}).then((torch) => {
     parentPort.postMessage(Array.from({ length: 100 }, () => torch.ones(100).share()))
   })`,
  { eval: true },
)
thread.once('message', (others: unknown[]) => process.exit(others.length === 100 && handles.length === 100 ? 0 : 1))
