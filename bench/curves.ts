/** How cost grows: trials whose names end with a size. `curves.py` has the same in Python; scripts/bench/curves.mjs says which sizes. */
import * as torch from 'libtorch-node'
import { file } from './files.js'
import type { Call } from './measure.js'

const { nn, optim } = torch

const width = 32
const batch = 16

function add(size: number): Call {
  const [a, b] = [torch.randn(size), torch.randn(size)]
  return () => a.add(b)
}

function addAndFree(size: number): Call {
  const [a, b] = [torch.randn(size), torch.randn(size)]
  return () => a.add(b).dispose()
}

/** Forward and backward through `count` layers; `Sequential` does the forward pass in one native call, the loop calls each layer. */
function chain(count: number, asLoop: boolean): Call {
  const layers = Array.from({ length: count }, () => new nn.Linear(width, width))
  const model = new nn.Sequential(...layers)
  const x = torch.randn(batch, width)
  const forward = asLoop
    ? () => layers.reduce((value, layer) => layer.forward(value), x)
    : () => model.forward(x) as torch.Tensor
  return () => {
    for (const p of model.parameters()) p.grad = null
    forward().sum().backward()
  }
}

/** A step of Adam on `count` tensors of `size` numbers that have their gradients already. */
function adam(count: number, size: number): Call {
  const params = Array.from({ length: count }, () => torch.randn(size).requiresGrad_())
  for (const p of params) p.grad = torch.randn(size)
  const optimizer = new optim.Adam(params, { lr: 1e-6 })
  return () => optimizer.step()
}

/** Eight tensors of that many bytes together. */
function tensors(bytes: number): Record<string, torch.Tensor> {
  return Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`layer${i}.weight`, torch.randn(bytes / 32)]))
}

function load(bytes: number, options: torch.LoadSyncOptions): Call {
  const path = file(`load ${bytes}.pt`)
  torch.saveSync(tensors(bytes), path)
  return () => torch.loadSync(path, options)
}

function save(bytes: number): Call {
  const saved = tensors(bytes)
  const path = file('save.pt')
  return () => torch.saveSync(saved, path)
}

const curves: Record<string, (size: number) => Call> = {
  'add of': add,
  'add and free': addAndFree,
  'chain of': (count) => chain(count, false),
  'loop over': (count) => chain(count, true),
  'Adam small': (count) => adam(count, 100),
  'Adam large': (size) => adam(10, size),
  load: (bytes) => load(bytes, {}),
  'load mapped': (bytes) => load(bytes, { mmap: true }),
  save,
}

/** The trial of a name such as `add of 1000`. */
export function curve(name: string): Call {
  const [, what, size] = /^(.+) (\d+)$/.exec(name)!
  return curves[what!]!(Number(size))
}
