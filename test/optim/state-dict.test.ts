import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { optim } = torch

function parameter(...values: number[]): torch.Parameter {
  return new torch.Parameter(torch.tensor(values))
}
function trained(): { params: torch.Parameter[]; optimizer: torch.optim.Adam } {
  const params = [parameter(1, 2), parameter(3)]
  for (const p of params) p.grad = torch.onesLike(p)
  const optimizer = new optim.Adam(params, { lr: 0.1 })
  optimizer.step()
  return { params, optimizer }
}

test('the layout is that of Python', () => {
  const { state, param_groups: groups } = trained().optimizer.stateDict()
  assert.deepEqual([...state.keys()], [0, 1])
  assert.deepEqual(Object.keys(state.get(0)!), ['step', 'exp_avg', 'exp_avg_sq'])
  const step = state.get(0)!.step as torch.Tensor
  assert.deepEqual([step.dtype, step.shape, step.item()], ['float32', [], 1])
  assert.deepEqual(Object.keys(groups[0]!), [
    'lr',
    'betas',
    'eps',
    'weight_decay',
    'amsgrad',
    'maximize',
    'foreach',
    'capturable',
    'differentiable',
    'fused',
    'decoupled_weight_decay',
    'params',
  ])
  assert.ok(groups[0]!.betas instanceof torch.Tuple)
  assert.deepEqual(groups[0]!.params, [0, 1])
})

test('options of a group come first, in the order in which they were given', () => {
  const optimizer = new optim.SGD([{ nesterov: false, params: [['w', parameter(1)]], label: 'head', lr: 1 }])
  assert.deepEqual(Object.keys(optimizer.stateDict().param_groups[0]!).slice(0, 4), [
    'nesterov',
    'param_names',
    'label',
    'lr',
  ])
  assert.deepEqual(Object.keys(optimizer.stateDict().param_groups[0]!).at(-1), 'params')
})

test('names of parameters are saved with them', () => {
  const [p, q] = [parameter(1), parameter(2)]
  const optimizer = new optim.SGD([['a', p] as const, ['b', q] as const])
  assert.deepEqual(optimizer.stateDict().param_groups[0]!.param_names, ['a', 'b'])
  assert.throws(() => optimizer.addParamGroup({ params: [parameter(1)] }), { message: /with\/without names/ })
})

test('loading copies: two optimizers never share state', () => {
  const { optimizer } = trained()
  const p = [parameter(1, 2), parameter(3)]
  const other = new optim.Adam(p)
  const dict = optimizer.stateDict()
  other.loadStateDict(dict)
  assert.equal(other.paramGroups[0]!.lr, 0.1)
  for (const q of p) q.grad = torch.onesLike(q)
  other.step()
  assert.equal((dict.state.get(0)!.step as torch.Tensor).item(), 1)
  assert.equal((other.state.get(p[0]!)!.step as torch.Tensor).item(), 2)
})

test('a group stays the same object when it is loaded into', () => {
  const { optimizer } = trained()
  const [group] = optimizer.paramGroups
  const { state, param_groups: groups } = optimizer.stateDict()
  optimizer.loadStateDict({ state, param_groups: [{ ...groups[0], lr: 0.5, label: 'new' }] })
  assert.equal(optimizer.paramGroups[0], group)
  assert.deepEqual([group!.lr, group!.label, group!.params.length], [0.5, 'new', 2])
})

test('state is cast to the dtype of its parameter, but step stays', () => {
  const { optimizer } = trained()
  const p = [parameter(1, 2), parameter(3)].map((q) => new torch.Parameter(q.detach().double()))
  const other = new optim.Adam(p)
  other.loadStateDict(optimizer.stateDict())
  const state = other.state.get(p[0]!) as Record<string, torch.Tensor>
  assert.deepEqual([state.exp_avg!.dtype, state.step!.dtype], ['float64', 'float32'])
})

test('what does not fit changes nothing', () => {
  const { optimizer, params } = trained()
  const dict = optimizer.stateDict()
  const [group] = dict.param_groups
  const wrong: [object, RegExp][] = [
    [{ ...dict, param_groups: [group, group] }, /different number of parameter groups/],
    [{ ...dict, param_groups: [{ ...group, params: [0] }] }, /doesn't match the size/],
    [{ ...dict, param_groups: [{ params: [0, 1] }] }, /has no 'lr'/],
    [{ ...dict, param_groups: 3 }, /no state dict of an optimizer/],
    [{ param_groups: dict.param_groups }, /'state' of the state dict should be a dict/],
    [{ ...dict, state: new Map([[0, 7]]) }, /should be a dict/],
    [{ ...dict, state: new Map([[0, { exp_avg: () => 1 }]]) }, /state of an optimizer may not be a function/],
  ]
  for (const [given, message] of wrong) {
    assert.throws(
      () => optimizer.loadStateDict(given),
      (error: torch.TorchError) => {
        assert.match(error.message, message)
        return error instanceof torch.TorchError
      },
    )
  }
  assert.equal((optimizer.state.get(params[0]!)!.step as torch.Tensor).item(), 1)
  assert.equal(optimizer.paramGroups[0]!.lr, 0.1)
})

test('state is a map of parameters, written with set and forgotten with delete', () => {
  const { optimizer, params } = trained()
  const [p, q] = params as [torch.Parameter, torch.Parameter]
  assert.equal(optimizer.state.size, 2)
  assert.deepEqual([...optimizer.state.keys()], [p, q])
  assert.equal(optimizer.state.get(parameter(1)), undefined)
  optimizer.state.set(p, { ...optimizer.state.get(p), exp_avg: torch.tensor([7, 7]) })
  assert.deepEqual((optimizer.state.get(p)!.exp_avg as torch.Tensor).tolist(), [7, 7])
  assert.ok(optimizer.state.delete(p))
  assert.ok(!optimizer.state.has(p))
  assert.deepEqual([...optimizer.stateDict().state.keys()], [1])
  optimizer.step()
  assert.equal((optimizer.state.get(p)!.step as torch.Tensor).item(), 1)
  assert.deepEqual([...optimizer.stateDict().state.keys()], [1, 0])
  assert.throws(() => optimizer.state.set(parameter(1), {}), { code: 'ERR_ARGUMENT' })
  optimizer.state.clear()
  assert.equal(optimizer.state.size, 0)
})

test('hooks see and may replace state dicts', () => {
  const { optimizer } = trained()
  const calls: string[] = []
  optimizer.registerStateDictPreHook(() => void calls.push('pre'))
  optimizer.registerStateDictPostHook((_, dict) => {
    calls.push('post')
    return { ...dict, extra: 1 } as any
  })
  optimizer.registerLoadStateDictPreHook((_, dict) => {
    calls.push('loading')
    return { ...dict, param_groups: [{ ...dict.param_groups[0], lr: 0.7 }] }
  })
  optimizer.registerLoadStateDictPostHook((o) => void calls.push(`loaded ${o.paramGroups[0]!.lr}`))
  const dict = optimizer.stateDict()
  assert.equal((dict as any).extra, 1)
  optimizer.loadStateDict(dict)
  assert.deepEqual(calls, ['pre', 'post', 'loading', 'loaded 0.7'])
})

test('prints as in Python', () => {
  const optimizer = new optim.SGD([parameter(1)], { lr: 1 })
  assert.equal(
    String(optimizer),
    'SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n    foreach: None\n    fused: None\n    lr: 1.0\n' +
      '    maximize: False\n    momentum: 0\n    nesterov: False\n    weight_decay: 0\n)',
  )
  assert.match(String(new optim.Adam([parameter(1)])), /betas: \(0\.9, 0\.999\)\n.* {4}eps: 1e-08\n/s)
})
