/** What the scenarios of hooks share: modules and a log, written twice. */
import * as torch from 'libtorch-node'
import type { Scenario, Seen } from './both.js'

const { nn } = torch
type Tensor = torch.Tensor
type Module = torch.nn.Module
type Change = (...args: any[]) => unknown

const prelude = `
log = []
def v(x):
    if isinstance(x, torch.Tensor): return x.detach().tolist()
    if isinstance(x, (list, tuple)): return [v(i) for i in x]
    if isinstance(x, dict): return {k: v(i) for k, i in x.items()}
    return type(x).__name__ if isinstance(x, nn.Module) else x
def rec(name, change=None):
    def hook(module, *args):
        log.append([name, type(module).__name__, v(args)])
        return change(*args) if change else None
    return hook
def fail(*args): raise RuntimeError('from a hook')
def seen():
    taken = log[:]
    log.clear()
    return taken
class Net(nn.Module):
    def forward(self, x, *, k=1, add=0):
        return x * k + add
class Bad(nn.Module):
    def forward(self, x, *, k=1):
        raise RuntimeError('from forward')
class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Net()
        self.act = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh()))
    def forward(self, x):
        return self.act(self.inner(x, k=2))
class Child(Net):
    def forward(self, x):
        return super().forward(x, add=1) + 1
class Grandchild(Child):
    pass
x = torch.tensor([1., 2.], requires_grad=True)
G = torch.nn.modules.module
`

export function v(x: unknown): unknown {
  if (x instanceof torch.Tensor) return x.detach().tolist()
  if (x instanceof nn.Module) return x.constructor.name
  if (Array.isArray(x)) return x.map(v)
  if (typeof x !== 'object' || x === null) return x
  return Object.fromEntries(Object.entries(x).map(([key, value]) => [key, v(value)]))
}

let log: unknown[] = []
/** Adds to what was seen. */
export const note = (entry: unknown): void => void log.push(entry)
export const rec =
  (name: string, change?: Change) =>
  (module: Module, ...args: any[]): any => {
    log.push([name, module.constructor.name, v(args)])
    return change?.(...args)
  }
export const fail = (): never => {
  throw new torch.TorchError('from a hook')
}
export function seen(): unknown[] {
  const taken = log
  log = []
  return taken
}

export class Net extends nn.Module {
  override forward(x: Tensor, { k = 1, add = 0 }: { k?: number; add?: number } = {}): Tensor {
    return x.mul(k).add(add)
  }
}
export class Bad extends nn.Module {
  override forward(_x: Tensor, _options: { k?: number } = {}): Tensor {
    throw new torch.TorchError('from forward')
  }
}
export class Two extends nn.Module {
  inner = new Net()
  act = new nn.Sequential(new nn.ReLU(), new nn.Sequential(new nn.Tanh()))
  override forward(x: Tensor): Tensor {
    return this.act.forward(this.inner.forward(x, { k: 2 }))
  }
}
export class Child extends Net {
  override forward(x: Tensor): Tensor {
    return super.forward(x, { add: 1 }).add(1)
  }
}
export class Grandchild extends Child {}

const input = (): Tensor => torch.tensor([1, 2], { requiresGrad: true })
export const scenario = (title: string, python: string, here: (o: Seen, x: Tensor) => void): Scenario => [
  title,
  prelude + python,
  (o) => {
    log = []
    here(o, input())
  },
]
