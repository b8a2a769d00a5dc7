/** What Python does with state dicts of older releases, with wrong arguments, and in its rarer modes. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { python, pythonJson, requirePython } from '../support/python.js'

const { optim } = torch

function bytes(t: torch.Tensor): string {
  const values = t.detach().typedArray()
  return `${t.dtype} ${t.shape} ${Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex')}`
}

/** Entries of a state dict in order, tensors as bytes. */
function plain(value: any): any {
  if (value instanceof torch.Tensor) return bytes(value)
  if (value instanceof Map) return [...value].map(([key, item]) => [key, plain(item)])
  if (Array.isArray(value)) return [...value].map(plain)
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([key, item]) => [key, plain(item)])
  return value
}

type Name =
  | 'SGD'
  | 'Adam'
  | 'AdamW'
  | 'RMSprop'
  | 'Adadelta'
  | 'Adagrad'
  | 'Adamax'
  | 'NAdam'
  | 'RAdam'
  | 'ASGD'
  | 'Rprop'
const numbersFor = (...keys: string[]) =>
  `[s.__setitem__(k, s[k].item()) for s in sd['state'].values() for k in ${JSON.stringify(keys)}]`

/** Each makes an older state dict `sd` out of a present one. */
const olderFiles: Record<string, { optimizer: Name; edit: string }> = {
  'SGD of 1.0': { optimizer: 'SGD', edit: "drop('maximize', 'foreach', 'differentiable', 'fused')" },
  'SGD without nesterov': {
    optimizer: 'SGD',
    edit: "drop('nesterov', 'maximize', 'foreach', 'differentiable', 'fused')",
  },
  'SGD that wrote momentum buffers of None': {
    optimizer: 'SGD',
    edit: "sd['state'][1]['momentum_buffer'] = None; drop('fused')",
  },
  'SGD without state': { optimizer: 'SGD', edit: "sd['state'] = {}" },
  'Adam with a number as step': {
    optimizer: 'Adam',
    edit: "[s.__setitem__('step', 3) for s in sd['state'].values()]; drop('foreach', 'maximize', 'capturable', 'differentiable', 'fused', 'decoupled_weight_decay')",
  },
  'Adam with a float as step, without amsgrad': {
    optimizer: 'Adam',
    edit: "[s.__setitem__('step', 3.0) for s in sd['state'].values()]; drop('amsgrad')",
  },
  'Adam in float64': {
    optimizer: 'Adam',
    edit: "[s.__setitem__('exp_avg', s['exp_avg'].double()) for s in sd['state'].values()]",
  },
  'RMSprop with numbers': {
    optimizer: 'RMSprop',
    edit: `${numbersFor('step')}; drop('momentum', 'centered', 'foreach', 'maximize', 'differentiable', 'capturable')`,
  },
  'Adadelta with numbers': {
    optimizer: 'Adadelta',
    edit: `${numbersFor('step')}; drop('foreach', 'maximize', 'differentiable', 'capturable')`,
  },
  'Adagrad with numbers': {
    optimizer: 'Adagrad',
    edit: `${numbersFor('step')}; drop('foreach', 'maximize', 'differentiable', 'fused')`,
  },
  'Adamax with numbers': {
    optimizer: 'Adamax',
    edit: `${numbersFor('step')}; drop('foreach', 'maximize', 'differentiable', 'capturable')`,
  },
  'NAdam with numbers': {
    optimizer: 'NAdam',
    edit: `${numbersFor('step', 'mu_product')}; drop('maximize', 'foreach', 'capturable', 'differentiable', 'decoupled_weight_decay')`,
  },
  'RAdam with numbers': {
    optimizer: 'RAdam',
    edit: `${numbersFor('step')}; drop('foreach', 'maximize', 'differentiable', 'decoupled_weight_decay', 'capturable')`,
  },
  'ASGD with numbers': {
    optimizer: 'ASGD',
    edit: `${numbersFor('step', 'eta', 'mu')}; drop('foreach', 'maximize', 'differentiable', 'capturable')`,
  },
  'Rprop with numbers': {
    optimizer: 'Rprop',
    edit: `${numbersFor('step')}; drop('foreach', 'maximize', 'differentiable', 'capturable')`,
  },
  'AdamW before it was an Adam': { optimizer: 'AdamW', edit: "drop('decoupled_weight_decay')" },
  'groups with keys of users and schedulers': {
    optimizer: 'AdamW',
    edit: "sd['param_groups'][0].update(initial_lr=1.0, lr_scale=0.5, name='head', weight_decay=1, max_lr=2)",
  },
  'other numbers for the parameters': {
    optimizer: 'Adam',
    edit: "sd['param_groups'][0]['params'] = [140000000000001, 7]; sd['state'] = {140000000000001: sd['state'][0], 7: sd['state'][1]}",
  },
}

const writer = `
import copy, json, sys, torch
torch.set_num_threads(1)
files, folder = json.loads(sys.argv[1]), sys.argv[2]
g = torch.Generator().manual_seed(0)
start = [torch.randn(5, generator=g), torch.randn(2, 3, generator=g)]
gradients = [[torch.randn(t.shape, generator=g) for t in start] for _ in range(6)]
def make(name):
    params = [t.clone().requires_grad_() for t in start]
    options = {'momentum': 0.9} if name == 'SGD' else {}
    return params, getattr(torch.optim, name)(params, lr=0.01, **options)
def steps(params, optimizer, gradients):
    for step in gradients:
        for p, grad in zip(params, step):
            p.grad = grad
        optimizer.step()
out = {'start': start, 'gradients': gradients, 'files': {}}
for title, f in files.items():
    params, optimizer = make(f['optimizer'])
    steps(params, optimizer, gradients[:3])
    sd = copy.deepcopy(optimizer.state_dict())
    def drop(*keys):
        for key in keys:
            del sd['param_groups'][0][key]
    exec(f['edit'])
    params, optimizer = make(f['optimizer'])
    optimizer.load_state_dict(copy.deepcopy(sd))
    loaded = copy.deepcopy(optimizer.state_dict())
    steps(params, optimizer, gradients[3:])
    out['files'][title] = {'given': sd, 'loaded': loaded, 'repr': repr(loaded), 'params': [p.detach() for p in params]}
torch.save(out, f'{folder}/older.pt')
`

test('files of older releases are loaded as Python loads them', (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  const folder = tempDir(t)
  python(writer, [JSON.stringify(olderFiles), folder])
  const { start, gradients, files } = torch.loadSync(join(folder, 'older.pt'))
  const written: Record<string, unknown> = {}
  for (const [title, { optimizer: name }] of Object.entries(olderFiles)) {
    const { given, loaded, params: expected } = files[title]
    const params: torch.Tensor[] = start.map((p: torch.Tensor) => p.clone().requiresGrad_())
    const optimizer =
      name === 'SGD'
        ? new optim.SGD(params, 0.01, { momentum: 0.9 })
        : new (optim[name] as typeof optim.Adam)(params, { lr: 0.01 })
    optimizer.loadStateDict(given)
    assert.deepEqual(plain(optimizer.stateDict()), plain(loaded), title)
    const copies = [...optimizer.stateDict().state].map(([index, state]) => [
      index,
      Object.fromEntries(
        Object.entries(state).map(([key, value]) => [key, value instanceof torch.Tensor ? value.clone() : value]),
      ),
    ])
    written[title] = { ...optimizer.stateDict(), state: new Map(copies as any) }
    for (const step of gradients.slice(3)) {
      for (const [i, p] of params.entries()) p.grad = step[i]
      optimizer.step()
    }
    assert.deepEqual(params.map(bytes), expected.map(bytes), title)
  }
  torch.saveSync(written, join(folder, 'node.pt'))
  const differing = python(
    `
import sys, torch
a = {k: v['repr'] for k, v in torch.load(sys.argv[1] + '/older.pt')['files'].items()}
b = {k: repr(v) for k, v in torch.load(sys.argv[1] + '/node.pt', weights_only=True).items()}
print([(k, a[k], b[k]) for k in a if a[k] != b[k]])`,
    [folder],
  )
  assert.equal(differing.trim(), '[]')
})

test('wrong arguments are refused in the words of Python', (t) => {
  if (!requirePython(t)) return
  const p = () => new torch.Parameter(torch.ones(2))
  const same = p()
  const attempts: [text: string, attempt: () => unknown][] = [
    ['SGD([p()], lr=-0.1)', () => new optim.SGD([p()], { lr: -0.1 })],
    ['SGD([p()], lr=-1)', () => new optim.SGD([p()], -1)],
    ['SGD([p()], momentum=-1e-05)', () => new optim.SGD([p()], { momentum: -1e-5 })],
    ['SGD([p()], weight_decay=-0.5)', () => new optim.SGD([p()], { weightDecay: -0.5 })],
    ['SGD([p()], nesterov=True)', () => new optim.SGD([p()], { nesterov: true })],
    ['SGD([p()], momentum=0.9, dampening=0.1, nesterov=True)', () => new optim.SGD([p()], 1e-3, 0.9, 0.1, 0, true)],
    ['SGD([p()], foreach=True, fused=True)', () => new optim.SGD([p()], { foreach: true, fused: true })],
    ['SGD([p()], differentiable=True, fused=True)', () => new optim.SGD([p()], { differentiable: true, fused: true })],
    ['SGD([p()], lr=torch.ones(2))', () => new optim.SGD([p()], { lr: torch.ones(2) })],
    ['Adam([p()], lr=-0.1)', () => new optim.Adam([p()], -0.1)],
    ["Adam([p()], lr=float('nan'))", () => new optim.Adam([p()], Number.NaN)],
    ['Adam([p()], betas=(1.0, 0.9))', () => new optim.Adam([p()], { betas: [1, 0.9] })],
    ['Adam([p()], betas=(0.9, -0.1))', () => new optim.Adam([p()], { betas: [0.9, -0.1] })],
    ['Adam([p()], eps=-1)', () => new optim.Adam([p()], { eps: -1 })],
    ['AdamW([p()], weight_decay=-1)', () => new optim.AdamW([p()], { weightDecay: -1 })],
    [
      'Adam([p()], lr=torch.ones(()), foreach=True)',
      () => new optim.Adam([p()], { lr: torch.ones([]), foreach: true }),
    ],
    ['Adam([])', () => new optim.Adam([])],
    ["Adam([{'params': [same]}, {'params': [same]}])", () => new optim.Adam([{ params: [same] }, { params: [same] }])],
    ['Adam([p() * 2])', () => new optim.Adam([p().mul(2)])],
    [
      "SGD([{'params': [('a', p())]}, {'params': [p()]}])",
      () => new optim.SGD([{ params: [['a', p()]] }, { params: [p()] }] as any),
    ],
    ["SGD([('a', p()), p()])", () => new optim.SGD([['a', p()], p()] as any)],
    ['run(Adam([q], fused=True))', () => run(new optim.Adam([q], { fused: true }))],
    ['run(Adam([sparse]))', () => run(new optim.Adam([sparse]))],
    ['run(Adam([grown], capturable=True))', () => run(new optim.Adam([grown], { capturable: true }))],
    [
      'SGD([p(), p()]).load_state_dict(SGD([p()]).state_dict())',
      () => new optim.SGD([p(), p()]).loadStateDict(new optim.SGD([p()]).stateDict()),
    ],
    [
      "SGD([{'params': [p()]}, {'params': [p()]}]).load_state_dict(SGD([p()]).state_dict())",
      () => new optim.SGD([{ params: [p()] }, { params: [p()] }]).loadStateDict(new optim.SGD([p()]).stateDict()),
    ],
  ]
  const run = (optimizer: torch.optim.Optimizer<any>) => optimizer.step()
  const q = torch.ones([2], { dtype: 'complex64' }).requiresGrad_()
  q.grad = torch.ones([2], { dtype: 'complex64' })
  const sparse = p()
  sparse.grad = torch.eye(2).index(0).toSparse()
  const grown = p()
  grown.grad = torch.ones(2)
  const texts = pythonJson<string[]>(
    `
import json, sys, torch
from torch.optim import *
p = lambda: torch.nn.Parameter(torch.ones(2))
same, q, sparse, grown = p(), torch.ones(2, dtype=torch.complex64, requires_grad=True), p(), p()
q.grad = torch.ones(2, dtype=torch.complex64)
sparse.grad = torch.eye(2)[0].to_sparse()
grown.grad = torch.ones(2)
run = lambda optimizer: optimizer.step()
def text(code):
    try:
        eval(code)
    except Exception as e:
        return str(e)
    return 'no error: ' + code
print(json.dumps([text(code) for code in json.loads(sys.argv[1])]))`,
    [JSON.stringify(attempts.map(([text]) => text))],
  )
  for (const [i, [code, attempt]] of attempts.entries()) {
    assert.throws(attempt, (error: torch.TorchError) => {
      assert.ok(error instanceof torch.TorchError, code)
      assert.ok(error.message.includes(texts[i]!), `${code}\n  Python: ${texts[i]}\n  Node: ${error.message}`)
      return true
    })
  }
})

test('differentiable: autograd goes through the step with the bytes of Python', (t) => {
  if (!requirePython(t)) return
  const folder = tempDir(t)
  python(
    `
import sys, warnings, torch
warnings.simplefilter('ignore')
torch.set_num_threads(1)
g = torch.Generator().manual_seed(0)
start, gradients = torch.randn(7, generator=g), [torch.randn(7, generator=g) for _ in range(3)]
out = {}
for name, cls, o in (('SGD', torch.optim.SGD, {'momentum': 0.9, 'nesterov': True, 'weight_decay': 0.1}),
                     ('Adam', torch.optim.Adam, {'weight_decay': 0.1}), ('AdamW', torch.optim.AdamW, {})):
    leaf = start.clone().requires_grad_()
    q = leaf.clone()
    inputs = [t.clone().requires_grad_() for t in gradients]
    optimizer = cls([q], lr=0.1, differentiable=True, **o)
    for t in inputs:
        q.grad = t
        optimizer.step()
    q.sum().backward()
    out[name] = [q.detach(), leaf.grad, *(t.grad for t in inputs)]
torch.save({'start': start, 'gradients': gradients, 'out': out}, sys.argv[1] + '/d.pt')`,
    [folder],
  )
  const { start, gradients, out } = torch.loadSync(join(folder, 'd.pt'))
  const differentiable = true
  const make: Record<string, (q: torch.Tensor) => torch.optim.Optimizer<any>> = {
    SGD: (q) => new optim.SGD([q], { lr: 0.1, differentiable, momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
    Adam: (q) => new optim.Adam([q], { lr: 0.1, differentiable, weightDecay: 0.1 }),
    AdamW: (q) => new optim.AdamW([q], { lr: 0.1, differentiable }),
  }
  for (const [name, create] of Object.entries(make)) {
    const leaf: torch.Tensor = start.clone().requiresGrad_()
    const q = leaf.clone()
    const inputs: torch.Tensor[] = gradients.map((g: torch.Tensor) => g.clone().requiresGrad_())
    const optimizer = create(q)
    for (const g of inputs) {
      q.grad = g
      optimizer.step()
    }
    q.sum().backward()
    assert.deepEqual([q, leaf.grad!, ...inputs.map((g) => g.grad!)].map(bytes), out[name].map(bytes), name)
  }
})
