/**
 * Optimizers against live Python where parameters or steps are of another kind: steps that autograd records (`differentiable`),
 * parameters of several dtypes in one optimizer, sparse gradients, groups that come later, frozen parameters.
 */
import * as torch from 'libtorch-node'
import { d, e, type Scenario, testBoth } from './both.js'

type Make = (params: any, options?: object) => torch.optim.Optimizer<any>
const { optim } = torch

const recorded: [name: string, python: string, options: Record<string, unknown>][] = [
  ['SGD', 'lr=0.1, momentum=0.9, weight_decay=0.1', { lr: 0.1, momentum: 0.9, weightDecay: 0.1 }],
  [
    'SGD',
    'lr=0.1, momentum=0.9, nesterov=True, maximize=True',
    { lr: 0.1, momentum: 0.9, nesterov: true, maximize: true },
  ],
  ['Adam', 'lr=0.1, weight_decay=0.1', { lr: 0.1, weightDecay: 0.1 }],
  ['Adam', 'lr=0.1, amsgrad=True', { lr: 0.1, amsgrad: true }],
  ['AdamW', 'lr=0.1', { lr: 0.1 }],
  ['Adamax', 'lr=0.1, weight_decay=0.1', { lr: 0.1, weightDecay: 0.1 }],
  ['NAdam', 'lr=0.1, momentum_decay=0.01', { lr: 0.1, momentumDecay: 0.01 }],
  ['RAdam', 'lr=0.1', { lr: 0.1 }],
  ['RMSprop', 'lr=0.1, momentum=0.9', { lr: 0.1, momentum: 0.9 }],
  ['RMSprop', 'lr=0.1, centered=True', { lr: 0.1, centered: true }],
  ['Adadelta', 'lr=0.5, weight_decay=0.1', { lr: 0.5, weightDecay: 0.1 }],
  ['Adagrad', 'lr=0.1, lr_decay=0.1', { lr: 0.1, lrDecay: 0.1 }],
  ['ASGD', 'lr=0.1, weight_decay=0.1', { lr: 0.1, weightDecay: 0.1 }],
  ['Rprop', 'lr=0.1', { lr: 0.1 }],
]

const scenarios: Scenario[] = recorded.map(([name, python, options]) => [
  `a step of ${name}(${python}) that autograd records`,
  `
start = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
grads = [torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(1)]
p = start.clone()
opt = torch.optim.${name}([p], ${python}, differentiable=True)
for g in grads:
    p.grad = g.clone()
    opt.step()
o['p'] = d(p)
p.square().sum().backward()
o['grads'] = [d(t.grad) for t in [start, *grads]]
`,
  (o) => {
    const randn = () => torch.randn([3, 4], { dtype: 'float64' }).requiresGrad_()
    const [start, ...grads] = [randn(), randn()] as const
    const p = start.clone()
    const opt = new (optim as any)[name]([p], { ...options, differentiable: true })
    for (const g of grads) {
      p.grad = g.clone()
      opt.step()
    }
    o.p = d(p)
    p.square().sum().backward()
    o.grads = [start, ...grads].map((t) => d(t.grad))
  },
])

const names = ['SGD', 'Adam', 'AdamW', 'Adamax', 'NAdam', 'RAdam', 'RMSprop', 'Adadelta', 'Adagrad', 'ASGD', 'Rprop']
const dtypes = ['float32', 'float64', 'bfloat16', 'float32', 'complex64'] as const
for (const name of names) {
  for (const foreach of [false, true]) {
    scenarios.push([
      `${name} with parameters of several dtypes${foreach ? ', foreach' : ''}`,
      `
params = [torch.randn(5, dtype=getattr(torch, t)).requires_grad_() for t in ${JSON.stringify(dtypes)}]
opt = torch.optim.${name}(params, lr=0.1, foreach=${foreach ? 'True' : 'None'})
for i in range(4):
    for j, p in enumerate(params):
        p.grad = torch.randn(5, dtype=p.dtype) if (i, j) != (0, 1) else None
    if i == 2:
        opt.add_param_group({'params': [torch.randn(3).requires_grad_()], 'lr': 0.01})
        opt.param_groups[1]['params'][0].grad = torch.randn(3)
        params[0].requires_grad_(False)
    opt.step()
o['params'] = [d(p) for g in opt.param_groups for p in g['params']]
o['state'] = [[i, [[k, d(v) if isinstance(v, torch.Tensor) else v] for k, v in s.items()]] for i, s in opt.state_dict()['state'].items()]
opt.zero_grad()
o['grads'] = [p.grad is None for p in params]
`,
      (o) => {
        const randn = (dtype: torch.Dtype) => torch.randn([5], { dtype })
        const params = dtypes.map((dtype) => randn(dtype).requiresGrad_())
        const make: Make = (list, options) => new (optim as any)[name](list, options)
        const opt = make(params, { lr: 0.1, foreach: foreach ? true : null })
        for (let i = 0; i < 4; i++) {
          for (const [j, p] of params.entries()) p.grad = i === 0 && j === 1 ? null : randn(p.dtype)
          if (i === 2) {
            opt.addParamGroup({ params: [torch.randn(3).requiresGrad_()], lr: 0.01 } as any)
            opt.paramGroups[1]!.params[0]!.grad = torch.randn(3)
            params[0]!.requiresGrad_(false)
          }
          opt.step()
        }
        o.params = opt.paramGroups.flatMap((group: any) => group.params.map(d))
        o.state = [...opt.stateDict().state].map(([i, record]: [any, any]) => [
          i,
          Object.entries(record).map(([key, value]) => [key, value instanceof torch.Tensor ? d(value) : value]),
        ])
        opt.zeroGrad()
        o.grads = params.map((p) => p.grad === null)
      },
    ])
  }
}

for (const [name, options, python] of [
  ['SGD', { lr: 0.1 }, 'lr=0.1'],
  ['SGD', { lr: 0.1, momentum: 0.9 }, 'lr=0.1, momentum=0.9'],
  ['SGD', { lr: 0.1, maximize: true, foreach: true }, 'lr=0.1, maximize=True, foreach=True'],
  ['Adagrad', { lr: 0.1 }, 'lr=0.1'],
  ['Adagrad', { lr: 0.1, lrDecay: 0.1, foreach: true }, 'lr=0.1, lr_decay=0.1, foreach=True'],
  ['SparseAdam', { lr: 0.1 }, 'lr=0.1'],
] as [string, object, string][]) {
  scenarios.push([
    `${name}(${python}) trains an embedding with sparse gradients`,
    `
torch.sparse.check_sparse_tensor_invariants.disable()  # else Python warns of it once
m = nn.Embedding(10, 3, sparse=True)
opt = torch.optim.${name}(m.parameters(), ${python})
for i in range(5):
    opt.zero_grad()
    m(torch.tensor([1, 4, 4, (i * 3) % 10])).square().sum().backward()
    opt.step()
o['weight'] = d(m.weight)
o['grad'] = [m.weight.grad.is_sparse, d(m.weight.grad.to_dense())]
`,
    (o) => {
      const m = new torch.nn.Embedding(10, 3, { sparse: true })
      const opt = new (optim as any)[name](m.parameters(), options)
      for (let i = 0; i < 5; i++) {
        opt.zeroGrad()
        m.forward(torch.tensor([1n, 4n, 4n, BigInt((i * 3) % 10)]))
          .square()
          .sum()
          .backward()
        opt.step()
      }
      o.weight = d(m.weight)
      const grad: any = m.weight.grad
      o.grad = [grad.isSparse, d(grad.toDense())]
    },
  ])
}

const dense = names.filter((name) => !['SGD', 'Adagrad'].includes(name))
scenarios.push([
  'sparse gradients are refused by the others',
  `
def refuse(name):
    p = torch.zeros(3, 2, requires_grad=True)
    p.grad = torch.ones(3, 2).to_sparse()
    getattr(torch.optim, name)([p], lr=0.1).step()
o['refused'] = [e(lambda: refuse(name)) for name in ${JSON.stringify(dense)}]
`,
  (o) => {
    o.refused = dense.map((name) =>
      e(() => {
        const p = torch.zeros(3, 2).requiresGrad_()
        p.grad = torch.ones(3, 2).toSparse()
        ;new (optim as any)[name]([p], { lr: 0.1 }).step()
      }),
    )
  },
])

testBoth('optimizers with parameters and steps of other kinds', scenarios)
