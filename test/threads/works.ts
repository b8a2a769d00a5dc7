/** Work of each kind, in pieces of some milliseconds. */
import { once } from 'node:events'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { example } from '../../bench/example.js'
import { collectNow } from '../lifetime/gc.js'
import { root } from '../support/paths.js'

const { nn, optim } = torch
const { DataLoader, TensorDataset } = torch.utils.data

export type Work = keyof ReturnType<typeof makeWorks>

const many = () => Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`w${i}`, torch.full([400, 400], i / 4)]))

/** Files that the works read; written before any thread works. */
export function writeFiles(folder: string): void {
  torch.saveSync(many(), join(folder, 'many.pt'))
}

/**
 * The works of one thread.
 * @param call - called in the middle of each; may not return
 * @param own - a folder that no other thread writes to
 */
export function makeWorks(call: () => void, folder: string, own: string) {
  const file = join(folder, 'many.pt')
  const at = (name: string) => join(own, name)
  // a net each: works of one thread take turns at every await
  const [hooked, trained, stepped, saved] = [example(), example(), example(), example()]
  const wide = () => {
    const x = torch.full([300, 300], 1 / 300).requiresGrad_()
    let y: torch.Tensor = x
    for (let i = 0; i < 10; i++) y = y.matmul(x).tanh()
    return y.sum()
  }
  let runs = 0

  return {
    'forward with hooks'() {
      const handle = hooked.model.layer2.registerForwardHook(() => call())
      hooked.loss()
      handle.remove()
    },
    'backward with hooks'() {
      const x = torch.ones(100, 100).requiresGrad_()
      const y = x.matmul(x)
      y.registerHook(() => void call())
      x.registerPostAccumulateGradHook(() => call())
      y.sum().backward()
    },
    training() {
      trained.step()
      call()
    },
    'closure of LBFGS'() {
      const layer = new nn.Linear(20, 20)
      const closure = () => {
        layer.zeroGrad()
        const value = layer.forward(torch.ones(4, 20)).pow(2).mean()
        value.backward()
        call()
        return value
      }
      new optim.LBFGS(layer.parameters(), { maxIter: 4 }).step(closure)
    },
    async backwardAsync() {
      const work = Promise.all([wide().backwardAsync(), wide().backwardAsync()])
      call()
      await work
    },
    async stepAsync() {
      stepped.loss().backward()
      const work = stepped.optimizer.stepAsync()
      call()
      await work
    },
    async load() {
      const work = torch.load(file, { onProgress: call })
      call()
      await work
    },
    loadSync() {
      torch.loadSync(file)
      call()
    },
    'load, mapped'() {
      const { w1 } = torch.loadSync(file, { mmap: true })
      w1.mul_(2)
      call()
    },
    async save() {
      const work = torch.save(many(), at('saved.pt'))
      call()
      await work
    },
    saveSync() {
      torch.saveSync(many(), at('sync.pt'))
      call()
    },
    async safetensors() {
      await torch.save(many(), at('saved.safetensors'))
      call()
      await torch.load(at('saved.safetensors'))
    },
    async CheckpointManager() {
      const { model, optimizer } = saved
      const checkpoints = new torch.CheckpointManager(at(`run-${runs++}`))
      const work = checkpoints.save({ epoch: 0, model, optimizer })
      call()
      await work
      await checkpoints.close()
    },
    async typedArrayAsync() {
      const work = torch.ones(1500, 1500).t().typedArrayAsync()
      call()
      await work
    },
    async TorchScript() {
      const digits = torch.jit.load(join(root, 'test/fixtures/jit/digits.pt'))
      const x = torch.rand(32, 1, 8, 8)
      const work = digits.forwardAsync(x)
      call()
      digits.features(x).sum().backward()
      await work
    },
    async 'loader with workers'() {
      const rows = new TensorDataset(torch.rand(64, 10))
      for await (const [x] of new DataLoader(rows, { batchSize: 16, numWorkers: 2 })) {
        x.sum().item()
        call()
      }
    },
    async 'tensors to another thread'() {
      const { port1, port2 } = new MessageChannel()
      port1.postMessage(Array.from({ length: 20 }, () => torch.ones(1000).share()))
      call()
      const [handles] = await once(port2, 'message')
      for (const handle of handles.slice(10)) torch.receive(handle).sum()
      for (const handle of handles.slice(0, 5)) torch.releaseShared(handle)
      port1.close()
    },
    async errors() {
      for (const wrong of [() => torch.ones(2, 3).matmul(torch.ones(2, 3)), () => torch.loadSync(at('none.pt'))]) {
        try {
          wrong()
        } catch {
          call()
        }
      }
      await torch
        .ones(2)
        .requiresGrad_()
        .mul(2)
        .backwardAsync()
        .catch(() => call())
    },
    'scopes and collections'() {
      torch.scope(() => {
        const x = torch.ones(500, 500)
        for (let i = 0; i < 20; i++) x.add(i)
        call()
        collectNow()
      })
      for (let i = 0; i < 20; i++) torch.ones(500, 500).dispose()
      collectNow()
    },
  }
}
