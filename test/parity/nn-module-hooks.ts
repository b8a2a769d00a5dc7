/** The part of nn-module.test.ts that is about hooks of forward and backward; nn-module.py is the same program. */
import * as torch from 'libtorch-node'

const { nn } = torch
type Tensor = torch.Tensor
type Module = torch.nn.Module
type Handle = { remove(): void }

export function values(x: unknown): unknown {
  if (x instanceof torch.Tensor) return x.detach().tolist()
  return Array.isArray(x) ? x.map(values) : x
}

export function message(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing was thrown'
}

class Pair extends nn.Module {
  override forward(x: Tensor, k: number, y: Tensor): any {
    return [x.mul(y).mul(k), y.add(1)]
  }
}

/** What was called with what, by case. */
export function hooks(): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  const log: unknown[] = []
  const record =
    (name: string, change?: (...args: any[]) => any) =>
    (_: Module, ...args: any[]): any => {
      log.push([name, values(args)])
      return change?.(...args)
    }
  const run = (
    build: (module: any) => Handle[],
    inputs: unknown[],
    module: Module = new Pair(),
    backward: (out: any) => void = (out) => out[0].sum().backward(),
  ): unknown[] => {
    log.length = 0
    const handles = build(module)
    const leaves = inputs.filter((input): input is Tensor => input instanceof torch.Tensor)
    for (const leaf of leaves) leaf.grad = null
    const out = module.forward(...inputs)
    const kinds = [out].flat().map((tensor: Tensor) => tensor.gradFn)
    const said = message(() => backward(out))
    for (const handle of handles) handle.remove()
    return [[...log], kinds, said, leaves.map((leaf) => values(leaf.grad))]
  }
  const x = torch.tensor([1, 2], { requiresGrad: true })
  const y = torch.tensor([3, 5], { requiresGrad: true })
  const c = torch.tensor([3, 5])
  const sum = (out: Tensor): void => out.sum().backward()
  const full = (m: Module): Handle[] => [m.registerFullBackwardHook(record('full'))]
  const both = (m: Module): Handle[] => [...full(m), m.registerFullBackwardPreHook(record('pre'))]
  result.full = run(full, [x, 2, y])
  result['full with constant'] = run(full, [x, 2, c])
  result['both of two outputs'] = run(both, [x, 2, y], undefined, (out) =>
    out[0].sum().add(out[1].sum().mul(3)).backward(),
  )
  result['only the other output'] = run(both, [x, 2, y], undefined, (out) => sum(out[1]))
  const lin = new nn.Linear(2, 1, { bias: false })
  torch.noGrad(() => lin.weight.fill_(1))
  result['no input needs a gradient'] = run(both, [torch.ones(1, 2)], lin, sum)
  result.replaced = run(
    (m: Module) => [
      m.registerFullBackwardHook(record('first', (gi) => [gi[0].mul(10), null, gi[2]])),
      m.registerFullBackwardHook(record('second')),
      m.registerFullBackwardHook(record('before'), { prepend: true }),
      m.registerFullBackwardPreHook(record('pre', (go) => [go[0].mul(2), go[1]])),
    ],
    [x, 2, y],
  )
  result['wrong number'] = [
    run((m: Module) => [m.registerFullBackwardHook(record('full', (gi) => [gi[0]]))], [x, 2, y])[2],
    run((m: Module) => [m.registerFullBackwardPreHook(record('pre', (go) => [go[0]]))], [x, 2, y])[2],
  ]
  result['nested modules'] = run(
    (m: Iterable<Module>) => [...m].map((layer, i) => layer.registerFullBackwardHook(record(String(i)))),
    [x],
    new nn.Sequential(new nn.ReLU(), new nn.Tanh(), new nn.Sigmoid()),
    sum,
  )
  result['forward hooks'] = run(
    (m: Module) => [
      m.registerForwardHook(record('after', (_, out) => [out[0].add(1), out[1]])),
      m.registerForwardPreHook(record('before', (args) => [args[0].mul(2), ...args.slice(1)])),
      m.registerForwardHook(record('first'), { prepend: true }),
      m.registerFullBackwardHook(record('full')),
    ],
    [x, 2, y],
  )
  log.length = 0
  const failing = new Pair() as Module
  failing.registerForwardHook(record('always'), { alwaysCall: true })
  failing.registerForwardHook(record('never'))
  result['always called'] = [message(() => failing.forward('a', null, x)).slice(0, 0), [...log]]

  log.length = 0
  const a = torch.tensor([1, 2], { requiresGrad: true })
  a.registerHook((g) => void log.push(['a', values(g)]))
  const h = a.registerHook((g) => g.mul(10))
  a.registerHook((g) => void log.push(['a after', values(g)]))
  a.registerPostAccumulateGradHook((p) => void log.push(['post', values(p), values(p.grad)]))
  const m = a.mul(2)
  m.registerHook((g) => {
    log.push(['m', values(g)])
    return g.add(1)
  })
  m.sum().backward()
  h.remove()
  a.mul(3).sum().backward()
  result['tensor hooks'] = [
    [...log],
    values(a.grad),
    message(() => torch.ones(1).registerHook(() => null)),
    message(() => a.mul(1).registerPostAccumulateGradHook(() => {})),
    message(() => torch.ones(1).registerPostAccumulateGradHook(() => {})),
  ]
  return result
}
