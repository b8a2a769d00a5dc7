/** Keys of state dicts and arguments of layers as types; the compiler is the test. */
import * as torch from 'libtorch-node'

const { nn } = torch

class Block extends nn.Module {
  conv = new nn.Conv2d(1, 2, 3)
  bn = new nn.BatchNorm2d(2)
  scale = new nn.Parameter(torch.ones(2))
  override forward(x: torch.Tensor): torch.Tensor {
    return x
  }
}
class Net extends nn.Module {
  backbone = new nn.Sequential(new nn.Linear(1, 2), new nn.ReLU(), new Block())
  named = new nn.Sequential({ fc: new nn.Linear(1, 1), act: new nn.ReLU() })
  list = new nn.ModuleList([new nn.Linear(1, 1)])
  head = new nn.Linear(2, 3)
  steps = new nn.Buffer()
  note = 'text'
  plain = torch.ones(1)
}

/** Never called: required arguments by position, by name, and some of each. */
export function required(): torch.nn.Module[] {
  // @ts-expect-error a convolution has a kernel size
  new nn.Conv2d(1, 4, {})
  return [
    new nn.Conv2d(1, 4, { kernelSize: 3 }),
    new nn.Conv2d(1, { outChannels: 4, kernelSize: 3, padding: 1 }),
    new nn.Linear(1, { outFeatures: 2, bias: false }),
  ]
}

/** Never called: what is required may have its name here, too. */
export function clipped(parameters: torch.Tensor[]): void {
  nn.utils.clipGradNorm_(parameters, { maxNorm: 1, foreach: false })
  nn.utils.clipGradValue_(parameters, { clipValue: 0.5 })
  nn.utils.clipGradsWithNorm_(parameters, { maxNorm: 1, totalNorm: torch.ones([]) })
  // @ts-expect-error the norm is required
  nn.utils.clipGradNorm_(parameters, { normType: 1 })
}

/** Never called: the types of these statements are what is tested. */
export function types(net: Net, loose: Record<string, torch.Tensor>): void {
  const state = net.stateDict()
  const keys: torch.Tensor[] = [
    state['backbone.0.weight'],
    state['backbone.2.bn.running_mean'],
    state['backbone.2.scale'],
    state['named.fc.bias'],
    state['list.0.weight'],
    state['head.bias'],
    state.steps,
  ]
  // @ts-expect-error a ReLU has no weight
  keys.push(state['backbone.1.weight'])
  // @ts-expect-error misspelt
  keys.push(state['haed.bias'])
  // @ts-expect-error not a parameter
  keys.push(state.note)
  // @ts-expect-error a plain Tensor is neither parameter nor buffer
  keys.push(state.plain)
  // @ts-expect-error no such name in the named Sequential
  keys.push(state['named.act.weight'])

  net.loadStateDict(state)
  net.loadStateDict(loose)
  net.loadStateDict(new Map<string, torch.Tensor>())
  // @ts-expect-error no tensor
  net.loadStateDict({ 'head.bias': 1 })

  // of a module of which nothing is known every key is possible
  const any: torch.nn.Module = net
  keys.push(any.stateDict()['what.ever']!)
  class Derived extends nn.Sequential {
    constructor() {
      super(new nn.Linear(1, 1), new nn.ReLU())
    }
  }
  keys.push(new Derived().stateDict()['0.weight']!)

  const stride: [number, number] = net.backbone.at(2).conv.stride
  net.backbone.at(2).conv.stride = 2
  // @ts-expect-error three numbers for two dimensions
  net.backbone.at(2).conv.stride = [1, 2, 3]
  new nn.Conv2d(1, 2, 3, 1, 0, { bias: false, padding: 'same', dilation: [1, 2] })
  new nn.Conv2d({ inChannels: 1, outChannels: 2, kernelSize: 3 })
  // @ts-expect-error kernelSize is required
  new nn.Conv2d(1, 2)
  // @ts-expect-error no such option
  new nn.Linear(1, 2, { bais: true })
  // @ts-expect-error no such reduction
  new nn.CrossEntropyLoss({ reduction: 'average' })
  // @ts-expect-error a loss takes two tensors
  new nn.MSELoss().forward(keys[0]!)
  // @ts-expect-error a tensor is no Parameter
  net.head.weight = torch.ones(1)
  void stride
}

/** Containers with names, nested ones, DataParallel. */
export function containerTypes(x: torch.Tensor): void {
  class Net extends nn.Module {
    parts = new nn.ModuleDict({ conv: new nn.Conv2d(1, 2, 3), block: new Block(), act: new nn.ReLU() })
    params = new nn.ParameterDict({ left: new nn.Parameter(x), right: x, note: 'text' })
    list = new nn.ParameterList([x])
    deep = new nn.ModuleList([new nn.ModuleDict({ head: new nn.Sequential(new nn.Linear(1, 1)) })])
    loose = new nn.ModuleDict<Record<string, torch.nn.Linear>>()
  }
  const net = new Net()
  const state = net.stateDict()
  const keys: torch.Tensor[] = [
    state['parts.conv.weight'],
    state['parts.block.bn.running_var'],
    state['params.left'],
    state['params.right'],
    state['list.0'],
    state['deep.0.head.0.bias'],
    state['loose.any.weight'],
  ]
  // @ts-expect-error misspelt
  keys.push(state['parts.cnov.weight'])
  // @ts-expect-error a ReLU has no weight
  keys.push(state['parts.act.weight'])
  // @ts-expect-error a text is not in the state dict
  keys.push(state['params.note'])
  // @ts-expect-error misspelt
  keys.push(state['params.letf'])
  // @ts-expect-error no such name
  keys.push(state['deep.0.haed.0.bias'])
  // @ts-expect-error a Linear has no such tensor
  keys.push(state['loose.any.wieght'])

  const conv: torch.nn.Conv2d = net.parts.get('conv')
  const right: torch.nn.Parameter = net.params.get('right')
  const note: string = net.params.get('note')
  // @ts-expect-error no such module
  net.parts.get('cnov')
  // @ts-expect-error a module of another class
  net.parts.set('conv', new nn.ReLU())
  const fromMap = new nn.ModuleDict(new Map([['a', new nn.Linear(1, 1)]]))
  const some: torch.nn.Module = fromMap.get('a')

  const wide = new nn.DataParallel(net, { deviceIds: [0], dim: 0 })
  keys.push(wide.stateDict()['module.parts.conv.bias'])
  // @ts-expect-error without module.
  keys.push(wide.stateDict()['parts.conv.bias'])
  // @ts-expect-error no such option
  new nn.DataParallel(net, { device: 0 })
  const inner: Net = wide.module
  const copy: Net = net.clone()
  const usual = (module: torch.nn.Module = new Net()): torch.nn.Module => module

  net.registerFullBackwardHook((module, gradInput, gradOutput) => {
    const same: Net = module
    return same ? [gradOutput[0] ?? null, ...gradInput] : null
  })
  // @ts-expect-error a number is no gradient
  net.registerFullBackwardHook(() => [1])
  net.registerForwardHook((module, args, kwargs, output) => [module satisfies Net, args[0], kwargs.k, output], {
    withKwargs: true,
  })
  // @ts-expect-error only hooks that ask for it get what came by name
  net.registerForwardHook((module, args, kwargs, output) => [module, args, kwargs, output])
  net.registerForwardPreHook((_, args, kwargs) => [args, { ...kwargs, k: 2 }], { withKwargs: true, prepend: true })
  // @ts-expect-error nothing was computed yet
  net.registerForwardPreHook(() => {}, { alwaysCall: true })
  x.registerHook((grad) => grad.mul(2))
  // @ts-expect-error a number is no gradient
  x.registerHook(() => 1)
  void [conv, right, note, some, inner, copy, usual]
}
