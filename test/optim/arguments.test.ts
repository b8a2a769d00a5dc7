import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { optim, nn } = torch

function parameter(): torch.Parameter {
  return new torch.Parameter(torch.ones(2))
}

test('misspelled options are errors that name the right one', () => {
  const misspelled: [() => unknown, RegExp][] = [
    [() => new optim.Adam([parameter()], { weight_decay: 1 } as any), /did you mean 'weightDecay'/],
    [() => new optim.SGD([parameter()], { momentun: 1 } as any), /did you mean 'momentum'/],
    [() => new optim.SGD([{ params: [parameter()], weihtDecay: 1 }]), /did you mean 'weightDecay'/],
    [
      () => new optim.AdamW([parameter()], { decoupledWeightDecay: true } as any),
      /unknown option 'decoupledWeightDecay'/,
    ],
    [() => new (optim.SGD as any)([parameter()], 1, 0, 0, 0, true, true), /at most 5 options are positional/],
    [() => new (optim.SGD as any)([parameter()], 1, { lr: 2 }), /lr is given twice/],
    [() => new optim.SGD([parameter()], { lr: 'fast' as any }), /lr must be a number/],
    [() => new optim.Adam([parameter()], { betas: [0.9] as any }), /betas has too few numbers/],
    [() => new optim.Adam([parameter()], { betas: 0.9 as any }), /betas must be an array of numbers/],
  ]
  for (const [attempt, message] of misspelled) assert.throws(attempt, { code: 'ERR_ARGUMENT', message })
})

test("tensors as betas are refused in Python's words where they do not fit", () => {
  const { tensor } = torch
  const wrong: [object, RegExp][] = [
    [{ betas: [tensor(1.5), tensor(0.5)] }, /^Adam: Invalid beta parameter at index 0: 1\.5$/],
    [{ betas: [tensor(0.5), tensor([-1])] }, /^Adam: Invalid beta parameter at index 1: -1/],
    [{ betas: [tensor(0.5), 0.5] }, /^Adam: betas must be either both floats or both Tensors$/],
    [
      { betas: [tensor([0.5, 0.6]), tensor(0.5)] },
      /^Adam: Boolean value of Tensor with more than one value is ambiguous$/,
    ],
    [
      { betas: [tensor(0.5), tensor(0.5)], foreach: true },
      /^Adam: betas\[0\] as a Tensor is not supported for capturable=False and foreach=True$/,
    ],
    [{ betas: [null, 0.5] }, /betas must be an array of numbers/],
  ]
  for (const [options, message] of wrong)
    assert.throws(() => new optim.Adam([parameter()], options as any), { code: 'ERR_ARGUMENT', message })
  const group = new optim.Adam([parameter()], { betas: [tensor([0.5]), tensor([[0.25]])] }).paramGroups[0]!
  assert.deepEqual(
    group.betas!.map((beta) => [(beta as torch.Tensor).shape.length, Number((beta as torch.Tensor).item())]),
    [
      [0, 0.5],
      [0, 0.25],
    ],
  )
})

test('what is no list of parameters is refused', () => {
  const wrong: [unknown, RegExp][] = [
    [parameter(), /iterable of Tensors or dicts/],
    [new nn.Linear(1, 1), /pass model\.parameters\(\)/],
    [undefined, /iterable of Tensors or dicts/],
    [[], /empty parameter list/],
    [[1], /can only optimize Tensors/],
    [[{ lr: 1 }], /has no params/],
    [[{ params: 5 }], /params of a group should be an iterable/],
    [[parameter().mul(2)], /non-leaf/],
  ]
  for (const [params, message] of wrong) {
    assert.throws(() => new optim.SGD(params as any), { code: 'ERR_ARGUMENT', message })
  }
})

test('an optimizer of frozen parameters alone is an error; some frozen ones are not', () => {
  const frozen = parameter().requiresGrad_(false)
  assert.throws(() => new optim.SGD([frozen]), { code: 'ERR_ARGUMENT', message: /everything is frozen/ })
  assert.equal(new optim.SGD([frozen, parameter()]).paramGroups[0]!.params.length, 2)
})

test('parameters come from any iterable', () => {
  const model = new nn.Linear(2, 1)
  assert.equal(new optim.SGD(new Set(model.parameters())).paramGroups[0]!.params.length, 2)
  assert.deepEqual(new optim.SGD(model.namedParameters()).paramGroups[0]!.paramNames, ['weight', 'bias'])
  function* groups() {
    yield { params: [model.weight as torch.Tensor], lr: 1 }
  }
  assert.equal(new optim.SGD(groups()).paramGroups[0]!.lr, 1)
})

test('the lists of the caller are not shared', () => {
  const betas: [number, number] = [0.8, 0.9]
  const params = [parameter()]
  const optimizer = new optim.Adam([{ params }, { params: [parameter()] }], { betas })
  betas[0] = 0.1
  params.push(parameter())
  assert.deepEqual(optimizer.paramGroups[0]!.betas, [0.8, 0.9])
  assert.equal(optimizer.paramGroups[0]!.params.length, 1)
  assert.notEqual(optimizer.paramGroups[0]!.betas, optimizer.paramGroups[1]!.betas)
})

test("an optimizer of one's own keeps its state in a map and has the state dicts of all", () => {
  class Halving extends optim.Optimizer<{ rate: number }> {
    constructor(params: Iterable<torch.Tensor>) {
      super(params, { rate: 0.5 })
    }
    protected update(): void {
      for (const { params, rate } of this.paramGroups) {
        for (const p of params) {
          this.state.set(p, { steps: ((this.state.get(p)?.steps as number) ?? 0) + 1, last: p.detach().clone() })
          p.mul_(rate)
        }
      }
    }
  }
  const p = parameter()
  const optimizer = new Halving([p])
  optimizer.step()
  assert.deepEqual(p.tolist(), [0.5, 0.5])
  const other = new Halving([parameter()])
  other.loadStateDict(optimizer.stateDict())
  assert.equal([...other.state][0]![1].steps, 1)
  assert.notEqual([...other.state][0]![1].last, optimizer.state.get(p)!.last)
})
