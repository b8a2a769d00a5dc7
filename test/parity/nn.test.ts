/** Layers, and a tree of them, against live Python. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { python, pythonJson, requirePython } from '../support/python.js'
import { type Case, testLayers } from './layers.js'

const { nn } = torch

const image = [2, 3, 9, 7]
const cases: Case[] = [
  ['Linear', [4, 3], {}, [5, 4]],
  ['Linear', [4, 3], {}, [4]],
  ['Linear', [4, 3], {}, [2, 5, 4]],
  ['Linear', [4, 3, false], {}, [2, 5, 4]],
  ['Linear', [], { in_features: 4, out_features: 3, bias: false }, [5, 4]],
  ['Linear', [4, 3], { dtype: 'float64' }, [5, 4]],
  ['Linear', [4, 3, true, 'cpu', 'bfloat16'], {}, [5, 4]],
  ['Linear', [100, 50], {}, [64, 100]],
  ['Identity', [], {}, [2, 3]],
  ['Flatten', [], {}, [2, 3, 4]],
  ['Flatten', [0], { end_dim: 1 }, [2, 3, 4]],
  ['Conv1d', [3, 4, 3], {}, [2, 3, 9]],
  ['Conv1d', [3, 4, 3], { padding: 1, padding_mode: 'circular' }, [2, 3, 9]],
  ['Conv2d', [3, 4, 3], {}, image],
  ['Conv2d', [3, 4, [3, 2]], { stride: 2, padding: [1, 0] }, image],
  ['Conv2d', [3, 6, 3, 2, 1, 2, 3, false], {}, image],
  ['Conv2d', [3, 4, 3], { padding: 'same' }, image],
  ['Conv2d', [3, 4, 3], { padding: 'valid', dilation: [2, 1] }, image],
  ['Conv2d', [3, 4, 3], { padding: 1, padding_mode: 'reflect' }, image],
  ['Conv2d', [3, 4, [3, 2]], { padding: 'same', padding_mode: 'replicate' }, image],
  ['Conv2d', [3, 4, 3], { dtype: 'float64', bias: false }, image],
  ['Conv2d', [3, 4, 1], {}, [3, 5, 5]],
  ['Conv3d', [2, 4, [1, 2, 3]], { groups: 2 }, [1, 2, 4, 4, 5]],
  ['BatchNorm1d', [4], {}, [6, 4]],
  ['BatchNorm1d', [4], {}, [6, 4, 5]],
  ['BatchNorm2d', [3], {}, image],
  ['BatchNorm2d', [3], { momentum: null }, image],
  ['BatchNorm2d', [3, 1e-3, 0.5], {}, image],
  ['BatchNorm2d', [3], { affine: false }, image],
  ['BatchNorm2d', [3], { track_running_stats: false }, image],
  ['BatchNorm2d', [3], { bias: false }, image],
  ['BatchNorm2d', [3], { dtype: 'float64' }, image],
  ['BatchNorm3d', [2], {}, [2, 2, 3, 3, 3]],
  ['ReLU', [], {}, [2, 3]],
  ['ReLU', [true], {}, [2, 3]],
  ['LeakyReLU', [0.2], {}, [2, 3]],
  ['LeakyReLU', [], { inplace: true }, [2, 3]],
  ['GELU', [], {}, [2, 3]],
  ['GELU', [], { approximate: 'tanh' }, [2, 3]],
  ['SiLU', [], {}, [2, 3]],
  ['SiLU', [], { inplace: true }, [2, 3]],
  ['Sigmoid', [], {}, [2, 3]],
  ['Tanh', [], {}, [2, 3]],
  ['Softmax', [1], {}, [2, 3]],
  ['Softmax', [], {}, [2, 3, 2]],
  ['LogSoftmax', [], { dim: -1 }, [2, 3]],
  ['MaxPool2d', [2], {}, image],
  ['MaxPool2d', [[3, 2]], { stride: 1, padding: [1, 0], dilation: 1, ceil_mode: true }, image],
  ['MaxPool2d', [3, 2, 1], {}, image],
  ['MaxPool2d', [2], { return_indices: true }, image],
  ['Dropout', [], {}, [4, 40]],
  ['Dropout', [0.2], { inplace: true }, [4, 40]],
  ['Dropout', [{ float: 0 }], {}, [4, 4]],
  ['Dropout', [{ float: 1 }], {}, [4, 4]],
  ['MSELoss', [], {}, [4, 3], [4, 3]],
  ['MSELoss', [], { reduction: 'sum' }, [4, 3], [4, 3]],
  ['MSELoss', [], { reduction: 'none' }, [4, 3], [4, 1]],
  ['MSELoss', [false], {}, [4, 3], [4, 3]],
  ['MSELoss', [null, false], {}, [4, 3], [4, 3]],
  ['CrossEntropyLoss', [], {}, [6, 5], 'classes:5:6'],
  ['CrossEntropyLoss', [], { weight: { tensor: [0.5, 1, 2, 0.25, 3] }, label_smoothing: 0.1 }, [6, 5], 'classes:5:6'],
  ['CrossEntropyLoss', [], { ignore_index: 1, reduction: 'sum' }, [6, 5], 'classes:5:6'],
  ['CrossEntropyLoss', [], { reduction: 'none' }, [2, 5, 3], 'classes:5:2:3'],
  ['CrossEntropyLoss', [], { label_smoothing: 0.2 }, [6, 5], 'shares:6:5'],
  ['CrossEntropyLoss', [], {}, [5], 'classes:5'],
]

testLayers('layers have the parameters, outputs, gradients, keys and text of Python', cases)

class Block extends nn.Module {
  scale = new nn.Parameter(torch.ones(2))
  shift = new nn.Buffer(torch.zeros(2))
  hidden = new nn.Buffer(torch.ones(1), { persistent: false })
  conv = new nn.Conv2d(1, 2, 3, { padding: 1 })
  norm = new nn.BatchNorm2d(2)
  override forward(x: torch.Tensor): torch.Tensor {
    return this.norm
      .forward(this.conv.forward(x))
      .mul(this.scale.view(2, 1, 1))
      .add(this.shift.view(2, 1, 1))
  }
}
class Net extends nn.Module {
  block = new Block()
  layers = new nn.ModuleList([new nn.Linear(3, 3), new nn.Linear(3, 3), new nn.ReLU(), new nn.Linear(3, 1)])
  named = new nn.Sequential({ first: new nn.Linear(2, 2), act: new nn.ReLU() })
  again = this.named
  empty = new nn.Sequential()
  override forward(x: torch.Tensor): torch.Tensor {
    return this.block.forward(x)
  }
}
const pythonNet = `
import json, sys, torch
from collections import OrderedDict
from torch import nn
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))
        self.shift = nn.Buffer(torch.zeros(2))
        self.hidden = nn.Buffer(torch.ones(1), persistent=False)
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.norm = nn.BatchNorm2d(2)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.layers = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 1)])
        self.named = nn.Sequential(OrderedDict(first=nn.Linear(2, 2), act=nn.ReLU()))
        self.again = self.named
        self.empty = nn.Sequential()
torch.manual_seed(3)
net = Net()
`

test('a tree of modules has the names, keys, metadata and text of Python', (t) => {
  if (!requirePython(t)) return
  torch.manualSeed(3)
  const net = new Net()
  const state = net.stateDict()
  const expected = pythonJson<Record<string, unknown>>(`${pythonNet}
print(json.dumps({'repr': repr(net), 'keys': list(net.state_dict()),
  'parameters': [n for n, _ in net.named_parameters()], 'all': [n for n, _ in net.named_parameters(remove_duplicate=False)],
  'buffers': [n for n, _ in net.named_buffers()], 'modules': [n for n, _ in net.named_modules()],
  'allModules': [n for n, _ in net.named_modules(remove_duplicate=False)],
  'children': [n for n, _ in net.named_children()], 'sum': sum(p.double().sum().item() for p in net.parameters())}))`)
  assert.deepEqual(
    {
      repr: String(net),
      keys: Object.keys(state),
      parameters: net.namedParameters().map(([name]) => name),
      all: net.namedParameters({ removeDuplicate: false }).map(([name]) => name),
      buffers: net.namedBuffers().map(([name]) => name),
      modules: net.namedModules().map(([name]) => name),
      allModules: net.namedModules({ removeDuplicate: false }).map(([name]) => name),
      children: net.namedChildren().map(([name]) => name),
      sum: net.parameters().reduce((sum, p) => sum + Number(p.double().sum().item()), 0),
    },
    expected,
  )
})

test('a saved state dict is what Python saves: keys, and _metadata in order', (t) => {
  if (!requirePython(t)) return
  const file = join(tempDir(t), 'net.pt')
  torch.manualSeed(3)
  torch.saveSync(new Net().stateDict(), file)
  const printed = python(
    `${pythonNet}
mine = torch.load(sys.argv[1], weights_only=True)
own = net.state_dict()
assert type(mine) is type(own), type(mine)
assert list(mine) == list(own), list(mine)
assert all(torch.equal(mine[k], own[k]) for k in own)
assert list(mine._metadata.items()) == list(own._metadata.items()), mine._metadata
print(net.load_state_dict(mine))`,
    [file],
  )
  assert.equal(printed.trim(), '<All keys matched successfully>')
})

test('errors of loadStateDict have the text of Python', (t) => {
  if (!requirePython(t)) return
  const load = (state: Record<string, unknown>, strict: boolean): string => {
    try {
      return String(new Net().loadStateDict(state as Record<string, torch.Tensor>, { strict }))
    } catch (error) {
      return (error as Error).message
    }
  }
  const base = (): Record<string, unknown> => ({ ...(new Net().stateDict() as Record<string, torch.Tensor>) })
  const changed = (change: (state: Record<string, unknown>) => void): Record<string, unknown> => {
    const state = base()
    change(state)
    return state
  }
  const mine = [
    load({}, true),
    load(base(), true),
    load(
      changed((s) => delete s['block.norm.num_batches_tracked']),
      true,
    ),
    load(
      changed((s) => {
        delete s['block.scale']
        s.zzz = torch.ones(1)
        s['block.conv.weights.x'] = torch.ones(1)
        s['layers.0.bias'] = torch.ones(5, 5)
        s['layers.1.bias'] = 'text'
        s['layers.3.bias'] = torch.tensor(1)
      }),
      true,
    ),
    load(
      changed((s) => Object.assign(s, { zzz: torch.ones(1), 'layers.0.bias': torch.ones(5, 5) })),
      false,
    ),
    load(
      changed((s) => delete s['block.scale']),
      false,
    ),
    load(
      changed((s) => Object.assign(s, { 'block.norm.num_batches_tracked': torch.tensor([3n]) })),
      true,
    ),
  ]
  const expected = pythonJson<string[]>(`${pythonNet}
def load(state, strict):
    try: return str(Net().load_state_dict(state, strict=strict))
    except Exception as e: return str(e)
def changed(**entries):
    state = dict(Net().state_dict())
    for k, v in entries.items():
        if v is None: del state[k.replace('__', '.')]
        else: state[k.replace('__', '.')] = v
    return state
print(json.dumps([load({}, True), load(changed(), True), load(changed(block__norm__num_batches_tracked=None), True),
  load(changed(block__scale=None, zzz=torch.ones(1), block__conv__weights__x=torch.ones(1), layers__0__bias=torch.ones(5, 5),
    layers__1__bias='text', layers__3__bias=torch.tensor(1.)), True),
  load(changed(zzz=torch.ones(1), layers__0__bias=torch.ones(5, 5)), False), load(changed(block__scale=None), False),
  load(changed(block__norm__num_batches_tracked=torch.tensor([3])), True)]))`)
  assert.deepEqual(mine, expected)
})
