/** What nn.utils promises beyond Python's bytes: copies, identities, errors for what is no module, optimizers that stay valid. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch
const U = nn.utils
const { prune, parametrize, parametrizations } = U

type Any = any
const same = (a: torch.Tensor, b: torch.Tensor): boolean => torch.equal(a, b)
const x = torch.ones(2, 3)

/** A layer whose weight is computed, made in each of the ways. */
const computed: Record<string, () => Any> = {
  weightNorm: () => parametrizations.weightNorm(new nn.Linear(3, 4)),
  spectralNorm: () => parametrizations.spectralNorm(new nn.Linear(3, 4)).eval(),
  orthogonal: () => parametrizations.orthogonal(new nn.Linear(3, 4)),
  'weightNorm with a hook': () => U.weightNorm(new nn.Linear(3, 4)),
  'spectralNorm with a hook': () => U.spectralNorm(new nn.Linear(3, 4)).eval(),
  prune: () => prune.l1Unstructured(new nn.Linear(3, 4), 'weight', 5),
}
const undo: Record<string, (m: Any) => unknown> = {
  weightNorm: (m) => parametrize.removeParametrizations(m, 'weight'),
  spectralNorm: (m) => parametrize.removeParametrizations(m, 'weight'),
  orthogonal: (m) => parametrize.removeParametrizations(m, 'weight'),
  'weightNorm with a hook': (m) => U.removeWeightNorm(m),
  'spectralNorm with a hook': (m) => U.removeSpectralNorm(m),
  prune: (m) => prune.remove(m, 'weight'),
}

for (const [name, make] of Object.entries(computed)) {
  test(`${name}: a copy is a module of its own, and undoing it there leaves the original`, () => {
    const m = make()
    const before = m.forward(x)
    const copy = m.clone()
    assert.equal(String(copy), String(m))
    assert.deepEqual(Object.keys(copy.stateDict()), Object.keys(m.stateDict()))
    assert.ok(same(copy.forward(x), before))
    torch.noGrad(() => {
      for (const p of copy.parameters()) p.mul_(3).add_(1)
    })
    assert.ok(!same(copy.forward(x), before))
    assert.ok(same(m.forward(x), before))
    undo[name]!(copy)
    assert.deepEqual(Object.keys(copy.stateDict()), ['bias', 'weight'])
    assert.equal(String(copy), String(new nn.Linear(3, 4)))
    assert.deepEqual(Object.keys(copy.clone().stateDict()), ['bias', 'weight'])
    assert.ok(same(m.forward(x), before))
    undo[name]!(m)
    assert.ok(m.weight instanceof nn.Parameter)
    assert.ok(m.weight.isLeaf)
    assert.throws(() => undo[name]!(m), { code: 'ERR_ARGUMENT' })
  })
  test(`${name}: moves to another dtype, and is one step of a chain`, () => {
    const m = make()
    const chain = new nn.Sequential(m, new nn.ReLU(), new nn.Linear(4, 2))
    chain.double()
    const out = chain.forward(x.double())
    assert.equal(out.dtype, 'float64')
    out.sum().backward()
    for (const [key, p] of m.namedParameters()) assert.equal(p.grad?.dtype, 'float64', key)
  })
}

test('an optimizer made before a parametrization learns its original', () => {
  const m = new nn.Linear(3, 3)
  const { weight } = m
  const opt = new torch.optim.SGD(m.parameters(), { lr: 0.5 })
  class Half extends nn.Module {
    override forward(w: torch.Tensor): torch.Tensor {
      return w.mul(0.5)
    }
  }
  parametrize.registerParametrization(m, 'weight', new Half())
  const { parametrizations: lists } = m as Any
  assert.equal(lists.weight.original, weight)
  assert.equal(lists.get('weight'), lists.weight)
  const before = m.weight.detach().clone()
  m.forward(x).sum().backward()
  opt.step()
  assert.ok(!same(m.weight, before))
  parametrize.removeParametrizations(m, 'weight')
  assert.equal(m.weight, weight)
})

test('a module that a user wrote is parametrized under all of its fields', () => {
  class Net extends nn.Module {
    scale = new nn.Parameter(torch.ones(3))
    offset = new nn.Buffer(torch.ones(3))
    override forward(input: torch.Tensor): torch.Tensor {
      return input.mul(this.scale).add(this.offset)
    }
  }
  class Plus extends nn.Module {
    override forward(v: torch.Tensor): torch.Tensor {
      return v.add(1)
    }
  }
  const net = new Net()
  parametrize.registerParametrization(net, 'scale', new Plus())
  parametrize.registerParametrization(net, 'offset', new Plus())
  assert.deepEqual(Object.keys(net.stateDict()), [
    'parametrizations.scale.original',
    'parametrizations.offset.original',
  ])
  assert.ok(same(net.forward(x), torch.full([2, 3], 4, { dtype: 'float32' })))
  assert.ok(net instanceof Net)
  parametrize.removeParametrizations(net, 'offset')
  parametrize.removeParametrizations(net, 'scale', { leaveParametrized: false })
  assert.ok(same(net.forward(x), torch.full([2, 3], 3, { dtype: 'float32' })))
  assert.deepEqual(Object.keys(net.stateDict()), ['scale', 'offset'])
  assert.equal(net.constructor, Net)
})

test('hooks see a parametrized module, also those that were there before', () => {
  const m = new nn.Linear(3, 4)
  const seen: string[] = []
  m.registerForwardHook((module) => {
    seen.push(module.constructor.name)
  })
  parametrizations.weightNorm(m)
  m.registerForwardPreHook(() => {
    seen.push('before')
  })
  const out = m.forward(x)
  assert.deepEqual(seen, ['before', 'ParametrizedLinear'])
  assert.ok(out.requiresGrad)
})

test('a weight that replaces a pruned one is the parameter', () => {
  const m: Any = prune.identity(new nn.Linear(3, 4), 'weight')
  prune.remove(m, 'weight')
  m.weight = new nn.Parameter(torch.zeros(4, 3))
  assert.ok(same(m.forward(x), m.bias.expand(2, 4)))
  const n: Any = U.weightNorm(new nn.Linear(3, 4))
  n.weight = new nn.Parameter(torch.zeros(4, 3))
  assert.deepEqual(Object.keys(n.stateDict()), ['bias', 'weight_g', 'weight_v', 'weight'])
})

test('cached: results are forgotten when it ends, also by an error; promises are refused', async () => {
  const m: Any = parametrizations.weightNorm(new nn.Linear(3, 4))
  let inside: torch.Tensor | undefined
  assert.throws(() =>
    parametrize.cached(() => {
      inside = m.weight
      parametrize.cached(() => assert.equal(m.weight, inside))
      assert.equal(m.weight, inside)
      throw new Error('stop')
    }),
  )
  assert.notEqual(m.weight, inside)
  const late = Promise.resolve(1)
  assert.throws(() => parametrize.cached(() => late), TypeError)
  await late
})

test('the older normalisations refuse parameters without a size, in the words of Python', () => {
  class UninitializedParameter extends nn.Parameter {}
  const m = new nn.Linear(2, 2)
  m.weight = new UninitializedParameter()
  const message = (what: string, doing: string): string =>
    `The module passed to \`${what}\` can't have uninitialized parameters. Make sure to run the dummy forward before applying ${doing} normalization`
  assert.throws(() => U.weightNorm(m), { code: 'ERR_ARGUMENT', message: message('WeightNorm', 'weight') })
  assert.throws(() => U.spectralNorm(m), { code: 'ERR_ARGUMENT', message: message('SpectralNorm', 'spectral') })
})

test('what is no module, tensor or name is an argument error', () => {
  const wrong = { code: 'ERR_ARGUMENT' }
  const m = new nn.Linear(2, 2)
  for (const bad of [null, undefined, 3, 'm', {}] as never[]) {
    assert.throws(() => parametrize.registerParametrization(bad, 'weight', new nn.ReLU()), wrong)
    assert.throws(() => parametrize.registerParametrization(m, 'weight', bad), wrong)
    assert.throws(() => parametrizations.weightNorm(bad), wrong)
    assert.throws(() => parametrizations.spectralNorm(bad), wrong)
    assert.throws(() => parametrizations.orthogonal(bad), wrong)
    assert.throws(() => U.spectralNorm(bad), wrong)
    assert.throws(() => U.weightNorm(bad), wrong)
    assert.throws(() => prune.l1Unstructured(bad, 'weight', 0.5), wrong)
    assert.throws(() => prune.remove(bad, 'weight'), wrong)
    assert.throws(() => prune.isPruned(bad), wrong)
    assert.throws(() => parametrize.isParametrized(bad), wrong)
    assert.throws(() => U.fuseConvBnEval(bad, bad), wrong)
    assert.throws(() => U.fuseLinearBnEval(m.eval(), bad), wrong)
    assert.throws(() => U.convertConv2dWeightMemoryFormat(bad, 'channels_last'), wrong)
    assert.throws(() => torch.func.functionalCall(bad, {}, x), wrong)
    assert.throws(
      () => U.consumePrefixInStateDictIfPresent(bad === undefined ? (null as never) : bad, 7 as never),
      wrong,
    )
  }
  assert.throws(() => U.skipInit(nn.Linear as never, 2), wrong)
  assert.throws(() => U.skipInit(3 as never), { code: 'ERR_TORCH' })
  assert.throws(() => U.clipGradNorm_(3 as never, 1), wrong)
  assert.throws(() => U.clipGradNorm_([3] as never, 1), wrong)
  assert.throws(() => U.clipGradNorm_([], 1, { norm: 2 } as never), wrong)
  assert.throws(() => U.parametersToVector([3] as never), wrong)
  assert.throws(() => prune.randomStructured(m, 'weight', 0.5, undefined as never), wrong)
  assert.throws(() => prune.globalUnstructured([[m, 'weight']], prune.L1Unstructured, { amounts: 1 }), wrong)
  assert.throws(() => torch.func.functionalCall(m, { weight: 3 as never }, x), wrong)
})
