/**
 * An HTTP server that recognises digits, and goes on learning meanwhile: answers come from this thread, training steps run in a
 * worker, and after each epoch the worker hands over the new weights in memory that both threads see. `reference.py` beside this
 * file is the same server in Python; after the same requests both give the same answers, and each starts from the weights that the
 * other saved.
 *
 * Run after `npm run build`: node .build/examples/inference-server/inference-server.js --port 8080 --out digits.pth
 *   curl -d "[$(seq -s, 0 63)]" localhost:8080/predict     64 numbers, ink from 0 to 1  → {"version":0,"digit":3,"scores":[…]}
 *   curl -d '{"epochs":5}' localhost:8080/train            starts a training; it is done when
 *   curl localhost:8080/status                             says so                      → {"version":5,"training":false}
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { makeModel } from './digits.js'
import type { Update } from './trainer.js'

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    weights: { type: 'string' }, // a file to start from
    out: { type: 'string' }, // where weights go after a training
  },
})

torch.setNumThreads(1)
torch.manualSeed(0)
const model = makeModel().eval()
if (options.weights !== undefined) model.loadStateDict(await torch.load(options.weights))
printDigest()

let version = 0 // counts the updates of the weights
let training = false
const shared = Object.entries(model.stateDict()).map(([name, tensor]) => [name, tensor.share()])
const trainer = new Worker(new URL('./trainer.js', import.meta.url), {
  workerData: { weights: Object.fromEntries(shared) },
})

trainer.on('message', ({ loss, weights, done }: Update) => {
  // Requests come between events, never within one: none sees weights of which only half are new.
  const state = Object.entries(weights).map(([name, handle]) => [name, torch.receive(handle)])
  model.loadStateDict(Object.fromEntries(state))
  version++
  console.log(`version ${version}  loss ${loss.toFixed(6)}`)
  if (done) void finish()
})
trainer.on('error', (error) => {
  throw error // a server that no longer learns should be seen to fail
})

const routes: Record<string, (request: IncomingMessage) => Promise<unknown>> = {
  'POST /predict': async (request) => {
    const pixels = await json(request)
    if (!Array.isArray(pixels) || pixels.length !== 64 || !pixels.every(Number.isFinite))
      throw new BadRequest('expected 64 numbers')
    const scores = torch.noGrad(() => model.forward(torch.tensor([pixels as number[]])).squeeze(0))
    return { version, digit: Number(scores.argmax().item()), scores: scores.tolist() }
  },
  'POST /train': async (request) => {
    const { epochs } = (await json(request)) as { epochs?: unknown }
    if (!Number.isSafeInteger(epochs) || Number(epochs) < 1) throw new BadRequest('expected {"epochs": 1} or more')
    if (training) throw new BadRequest('a training is running')
    training = true
    trainer.postMessage({ epochs })
    return { version, training }
  },
  'GET /status': async () => ({ version, training }),
}

class BadRequest extends Error {}

const server = createServer(async (request, response) => {
  response.setHeader('content-type', 'application/json')
  try {
    const route = routes[`${request.method} ${request.url}`]
    if (!route) response.statusCode = 404
    response.end(JSON.stringify(route ? await route(request) : { error: `expected ${Object.keys(routes).join(', ')}` }))
  } catch (error) {
    // SyntaxError: the body is no JSON
    response.statusCode = error instanceof BadRequest || error instanceof SyntaxError ? 400 : 500
    response.end(JSON.stringify({ error: (error as Error).message }))
  }
})
server.listen(Number(options.port), '127.0.0.1')
await once(server, 'listening')
console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`)

async function finish(): Promise<void> {
  if (options.out !== undefined) await torch.save(model.stateDict(), options.out)
  printDigest()
  training = false
}

function printDigest(): void {
  const hash = createHash('sha256')
  for (const parameter of model.parameters()) hash.update(parameter.detach().typedArray())
  console.log(`sha256 of the parameters: ${hash.digest('hex')}`)
}
