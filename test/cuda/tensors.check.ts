/** Tensors on the device against Python: operators of several dtypes, random numbers, moves between devices, printing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { device, type Scenario, setUp, shown, testBoth } from './harness.js'

type T = torch.Tensor
type Operator = [python: string, node: (a: T, b: T, i: T) => T | T[]]

/** `a` and `b` are 6×6 matrices, `i` are six places. */
const operators: Operator[] = [
  ['a + b', (a, b) => a.add(b)],
  ['a * b - a', (a, b) => a.mul(b).sub(a)],
  ['a @ b', (a, b) => a.matmul(b)],
  ['torch.addmm(a, a, b, beta=2, alpha=3)', (a, b) => torch.addmm(a, a, b, { beta: 2, alpha: 3 })],
  ['torch.bmm(a.view(2, 3, 6), b.view(2, 6, 3))', (a, b) => torch.bmm(a.view(2, 3, 6), b.view(2, 6, 3))],
  ["torch.einsum('ij,kj->ik', a, b)", (a, b) => torch.einsum('ij,kj->ik', a, b)],
  ['a.sum()', (a) => a.sum()],
  ['a.sum(1)', (a) => a.sum(1)],
  ['a.view(-1)[i]', (a, _, i) => a.view(-1).index(i)],
  ['a.index_select(1, i)', (a, _, i) => a.indexSelect(1, i)],
  ['torch.where(i > 2, a, b)', (a, b, i) => torch.where(i.gt(2), a, b)],
  ['torch.cat([a, b], 1)', (a, b) => torch.cat([a, b], 1)],
  ['a.t().contiguous()', (a) => a.t().contiguous()],
  ['a.roll(1, 0)', (a) => a.roll(1, 0)],
  ['a.tril()', (a) => a.tril()],
  ['a.masked_fill(i > 2, 7)', (a, _, i) => a.maskedFill(i.gt(2), 7)],
  ['a.abs()', (a) => a.abs()],
  ['a.eq(b)', (a, b) => a.eq(b)],
  ['a.float().mean()' /* of whole numbers too */, (a) => a.float().mean()],
]
const real: Operator[] = [
  ['list(a.sort(1))', (a) => [...(a.sort(1) as unknown as T[])]],
  ['list(a.topk(2, 1))', (a) => [...(a.topk(2, 1) as unknown as T[])]],
  ['list(a.max(1))', (a) => [...(a.max(1) as unknown as T[])]],
  ['a.argmin()', (a) => a.argmin()],
  ['a.clamp(-1, 1)', (a) => a.clamp(-1, 1)],
  ['a.half()', (a) => a.half()],
]
const floating: Operator[] = [
  ['a / b', (a, b) => a.div(b)],
  ['a.softmax(1)', (a) => a.softmax(1)],
  ['a.log_softmax(1)', (a) => a.logSoftmax(1)],
  ['a.exp()', (a) => a.exp()],
  ['a.abs().log()', (a) => a.abs().log()],
  ['a.sin() + a.tanh() + a.sigmoid()', (a) => a.sin().add(a.tanh()).add(a.sigmoid())],
  ['a.erf()', (a) => a.erf()],
  ['a.abs().pow(2.5)', (a) => a.abs().pow(2.5)],
  ['a.std(1)', (a) => a.std(1)],
  ['a.norm()', (a) => a.norm()],
  ['a.lerp(b, 0.3)', (a, b) => a.lerp(b, 0.3)],
  ['torch.addcdiv(a, a, b, value=0.5)', (a, b) => torch.addcdiv(a, a, b, { value: 0.5 })],
]
const exact: Operator[] = [
  ['torch.linalg.solve(a, b)', (a, b) => torch.linalg.solve(a, b)],
  [
    'torch.linalg.cholesky(a @ a.t() + torch.eye(6, device=device, dtype=a.dtype))',
    (a) => torch.linalg.cholesky(a.matmul(a.t()).add(torch.eye(6, { device, dtype: a.dtype }))),
  ],
  ['torch.linalg.inv(a)', (a) => torch.linalg.inv(a)],
  ['torch.linalg.det(a)', (a) => torch.linalg.det(a)],
  ['torch.fft.rfft(a)', (a) => torch.fft.rfft(a)],
]
const ofDtype: [dtype: torch.Dtype, lists: Operator[][]][] = [
  ['float32', [operators, real, floating, exact]],
  ['float64', [operators, real, floating, exact]],
  ['float16', [operators, real, floating]],
  ['bfloat16', [operators, real, floating]],
  // there is no product of matrices of whole numbers on CUDA
  ['int64', [operators.filter(([python]) => !/ @ |addmm|bmm|einsum/.test(python)), real]],
  ['complex64', [operators.filter(([python]) => !python.includes('float'))]],
]

const scenarios = ofDtype.map(([dtype, lists]): Scenario => {
  const list = lists.flat()
  return {
    title: `operators of ${dtype}`,
    python: `
make = lambda: torch.randn(6, 6, dtype=torch.complex64 if '${dtype}' == 'complex64' else torch.float64).mul(3).to(torch.${dtype}).to(device)
a, b, i = make(), make(), torch.randint(0, 6, (6,)).to(device)
${list.map(([python], at) => `o['${at} ${python.replaceAll("'", '')}'] = ${python}`).join('\n')}`,
    node: (o) => {
      const make = () => {
        const numbers = torch.randn(6, 6, { dtype: dtype === 'complex64' ? 'complex64' : 'float64' })
        return numbers.mul(3).to(dtype).to(device)
      }
      const [a, b] = [make(), make()]
      const i = torch.randint(0, 6, [6]).to(device)
      for (const [at, [python, node]] of list.entries()) o[`${at} ${python.replaceAll("'", '')}`] = node(a, b, i)
    },
  }
})

scenarios.push(
  {
    title: 'random numbers',
    python: `
o['made'] = [torch.randn(1000, device=device), torch.rand(7, device=device), torch.randperm(50, device=device),
             torch.randint(0, 9, (33,), device=device), torch.empty(64, device=device).exponential_(),
             torch.empty(64, device=device).normal_(2, 3), torch.rand(50, device=device).bernoulli(),
             torch.randn(9, device=device, dtype=torch.float16), torch.rand(5, 5, device=device).multinomial(2),
             F.dropout(torch.ones(99, device=device), 0.4)]
g = torch.Generator(device).manual_seed(11)
o['own'] = [torch.randn(20, generator=g, device=device), torch.rand(3, generator=g, device=device)]
o['state'] = g.get_state()
if device == 'cuda':
    torch.cuda.manual_seed_all(12)
o['seeded'] = torch.randn(5, device=device)`,
    node: (o) => {
      o.made = [
        torch.randn(1000, { device }),
        torch.rand(7, { device }),
        torch.randperm(50, { device }),
        torch.randint(0, 9, [33], { device }),
        torch.empty(64, { device }).exponential_(),
        torch.empty(64, { device }).normal_(2, 3),
        torch.rand(50, { device }).bernoulli(),
        torch.randn(9, { device, dtype: 'float16' }),
        torch.rand(5, 5, { device }).multinomial(2),
        torch.F.dropout(torch.ones(99, { device }), 0.4),
      ]
      const generator = new torch.Generator(device).manualSeed(11)
      o.own = [torch.randn(20, { generator, device }), torch.rand(3, { generator, device })]
      o.state = generator.getState()
      if (device === 'cuda') torch.cuda.manualSeedAll(12)
      o.seeded = torch.randn(5, { device })
    },
  },
  {
    title: 'printing, and values of single numbers',
    python: `
x = torch.arange(6, dtype=torch.float32).view(2, 3).to(device) / 3
o['text'] = [repr(x), repr(x[0].long()), repr(x.requires_grad_()), str(x.device)]
o['numbers'] = [x[1, 1].item(), x.tolist()]`,
    node: (o) => {
      const x = torch.arange(6, { dtype: 'float32' }).view(2, 3).to(device).div(3)
      o.text = [String(x), String(x.index(0).long()), String(x.requiresGrad_()), x.device]
      o.numbers = [x.index(1, 1).item(), x.tolist()]
    },
  },
  {
    title: 'writing by index',
    python: `
x = torch.zeros(4, 5, device=device)
x[1, 2:] = 3
x[torch.tensor([0, 3], device=device), 1] = torch.tensor([5., 6.], device=device)
x[x == 0] = -1
o['x'] = x.clone()
x.index_put_((torch.tensor([0, 0, 1], device=device),), torch.ones(3, 5, device=device), accumulate=True)
o['more'] = [x, torch.zeros(5, 2, device=device).index_add(0, torch.tensor([1, 1, 4], device=device), torch.ones(3, 2, device=device))]`,
    node: (o) => {
      const whole = (values: number[]) => torch.tensor(values, { device, dtype: 'int64' })
      const x = torch.zeros(4, 5, { device })
      x.select(0, 1).narrow(0, 2, 3).fill_(3)
      x.indexPut_([whole([0, 3]), whole([1])], torch.tensor([5, 6], { device }))
      x.maskedFill_(x.eq(0), -1)
      o.x = x.clone()
      x.indexPut_([whole([0, 0, 1])], torch.ones(3, 5, { device }), { accumulate: true })
      o.more = [x, torch.zeros(5, 2, { device }).indexAdd(0, whole([1, 1, 4]), torch.ones(3, 2, { device }))]
    },
  },
  {
    title: 'tensors of two devices in one operator',
    python: `torch.ones(2) + torch.ones(2, device=device)`,
    node: () => torch.ones(2).add(torch.ones(2, { device })),
    refused: true,
    cuda: true,
  },
  {
    title: 'an operator without a deterministic algorithm',
    python: `F.adaptive_avg_pool2d(torch.ones(1, 1, 7, 7, device=device, requires_grad=True), 3).sum().backward()`,
    node: () =>
      torch.F.adaptiveAvgPool2d(torch.ones(1, 1, 7, 7, { device }).requiresGrad_(), 3)
        .sum()
        .backward(),
    refused: true,
    strict: true,
    cuda: true,
  },
)

testBoth('tensors', scenarios)

test('moves between the device and the CPU keep the bytes', () => {
  setUp()
  for (const dtype of ['float32', 'float64', 'float16', 'bfloat16', 'int32', 'uint8', 'bool', 'complex64'] as const) {
    const here = torch.randn(5, 7, { dtype: 'float64' }).mul(3).abs().to(dtype)
    const there = here.to(device)
    assert.equal(there.device, shown)
    assert.ok(torch.equal(there.cpu(), here), dtype)
    assert.ok(torch.equal(here.to({ device, copy: true }).t().contiguous().cpu(), here.t()), dtype)
  }
  assert.equal(torch.ones(2, { device }).to('cpu', 'int64').dtype, 'int64')
  assert.equal(torch.ones(2, { device }).to(torch.zeros(1)).device, 'cpu')
})

test('there is a device, and errors name the one that is not there', (t) => {
  if (device === 'cpu') return t.skip('needs a CUDA device')
  assert.ok(torch.cuda.isAvailable())
  assert.ok(torch.cuda.deviceCount() > 0)
  assert.equal(torch.ones(2, { device }).device, 'cuda:0')
  assert.deepEqual(torch.ones(2).cuda().add(1).cpu().tolist(), [2, 2])
  assert.throws(() => torch.cuda.memoryAllocated(torch.cuda.deviceCount()), { code: 'ERR_DEVICE' })
  assert.throws(() => torch.ones(2, { device: `cuda:${torch.cuda.deviceCount()}` }), { code: /^ERR_/ })
  torch.cuda.synchronize()
  torch.cuda.synchronize(0)
})

test('work of the device is waited for where its results are read', async () => {
  setUp()
  const a = torch.full([512, 512], 1 / 512, { device })
  let x = a
  for (let i = 0; i < 50; i++) x = x.matmul(a).mul(1.5)
  const expected = (1 / 512) * 1.5 ** 50
  assert.ok(Math.abs((x.index(3, 4).item() as number) / expected - 1) < 1e-4)
  assert.ok(Math.abs(Number((await x.typedArrayAsync())[7]) / expected - 1) < 1e-4)
})
