/** Tensors print as in Python, to the character. Values travel as bytes, so that both sides print the same ones. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

type Options = Parameters<typeof torch.setPrintoptions>[0]

/** A Python expression for a tensor of plain values, and print options. */
type ValueCase = [expression: string, options?: Options]

const dtypes =
  'float32 float64 float16 bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu int64 int32 int16 int8 uint8 uint16 uint32 uint64 bool complex64 complex128 complex32'.split(
    ' ',
  )

const valueCases: ValueCase[] = [
  // 0 dimensions
  ['torch.tensor(0.)'],
  ['torch.tensor(-0.)'],
  ['torch.tensor(1.)'],
  ['torch.tensor(3.14159265)'],
  ['torch.tensor(1e10)'],
  ['torch.tensor(1e-10)'],
  ['torch.tensor(nan)'],
  ['torch.tensor(-inf)'],
  ['torch.tensor(7)'],
  ['torch.tensor(True)'],
  ['torch.tensor(1 - 2j)'],
  // whole numbers, zeros and values that are not finite
  ['torch.zeros(3)'],
  ['torch.tensor([0., -0.])'],
  ['torch.tensor([-0., 1.])'],
  ['torch.tensor([0., inf])'],
  ['torch.tensor([nan, inf, -inf])'],
  ['torch.tensor([1., nan, -inf])'],
  ['torch.tensor([1.5, nan, -inf])'],
  ['torch.tensor([1., 2., 300.])'],
  ['torch.tensor([1., 1001.])'],
  ['torch.tensor([1., 1000.])'],
  ['torch.tensor([-1., 1e8])'],
  ['torch.tensor([1e8])'],
  ['torch.tensor([1.00001e8])'],
  ['torch.tensor([1e15, 1e15 + 1], dtype=torch.float64)'],
  ['torch.tensor([1e30, 2e30])'],
  // the limits of scientific notation
  ['torch.tensor([1e-4])'],
  ['torch.tensor([9.9e-5])'],
  ['torch.tensor([0.1, 100.])'],
  ['torch.tensor([0.1, 100.1])'],
  ['torch.tensor([1e-3, 1.])'],
  ['torch.tensor([1e-3, 1.1])'],
  ['torch.tensor([0., 1e-5, nan, inf])'],
  ['torch.tensor([1e-300, 1e300], dtype=torch.float64)'],
  ['torch.tensor([5e-324], dtype=torch.float64)'],
  ['torch.tensor([1e-45])'],
  ['torch.tensor([1., nan, 1e9, -inf, 0., -0.])'],
  // ties go to the even digit
  ['torch.tensor([0.5, 1.5, 2.5, 3.5])', { precision: 0 }],
  ['torch.tensor([0.125, 0.375, 0.625])', { precision: 2 }],
  ['torch.tensor([0.03125, 0.09375])'],
  ['torch.tensor([1.03125, -1.09375])'],
  ['torch.tensor([2.5e9, 3.5e9])', { precision: 0 }],
  ['torch.tensor([1.25, 1.35])', { precision: 1 }],
  ['torch.tensor([1e22, 2.5], dtype=torch.float64)', { sciMode: false }],
  ['torch.tensor([1e22], dtype=torch.float64)', { sciMode: false }],
  ['torch.tensor([-1e25, 1.], dtype=torch.float64)', { sciMode: false, precision: 2 }],
  // precision and notation on request
  ['torch.tensor([1 / 3, 2 / 3])', { precision: 8 }],
  ['torch.tensor([1 / 3, 2 / 3], dtype=torch.float64)', { precision: 20 }],
  ['torch.tensor([1., 2.])', { sciMode: true }],
  ['torch.tensor([1., nan, -inf, 0.])', { sciMode: true }],
  ['torch.tensor([0.])', { sciMode: true }],
  ['torch.tensor([1e-9, 1e9])', { sciMode: false }],
  ['torch.tensor([1.5, 25000.])', { precision: 2, sciMode: true }],
  ['torch.tensor([1.5 + 1e-6j, 1e9 + 2j])'],
  // integers and booleans
  ['torch.arange(10)'],
  ['torch.tensor([-1, 10, 100])'],
  ['torch.tensor([[1, -20], [300, 4]])'],
  ['torch.tensor([2**63 - 1, -2**63])'],
  ['torch.tensor([2**53, 2**53 + 1])'],
  ['torch.tensor([2**64 - 1, 0], dtype=torch.uint64)'],
  ['torch.tensor([True, False])'],
  ['torch.tensor([[True, True], [True, True]])'],
  // complex
  ['torch.tensor([1 + 2j, -1.5 - 0.25j])'],
  ['torch.tensor([complex(0., -0.), complex(-0., 0.)])'],
  ['torch.tensor([complex(nan, inf), complex(-inf, nan)])'],
  ['torch.tensor([1 + 1000j, 1000 + 1j])'],
  ['torch.view_as_complex(torch.randn(3, 4, 2))'],
  ['torch.view_as_complex(torch.randn(40, 40, 2))'],
  ['torch.view_as_complex(torch.randn(9, 2, dtype=torch.float64) * 1e6)'],
  // several dimensions, long lines
  ['torch.randn(2, 3)'],
  ['torch.randn(2, 3, 4)'],
  ['torch.randn(2, 1, 2, 3)'],
  ['torch.randn(1, 2, 1, 2, 2)'],
  ['torch.randn(1, 1, 1)'],
  ['torch.arange(40)'],
  ['torch.arange(100.)'],
  ['torch.randn(20)'],
  ['torch.randn(3, 17)'],
  ['torch.randn(2, 2, 13)'],
  ['torch.randn(4, 30) * 1e6'],
  ['torch.randint(0, 2, (3, 40)).bool()'],
  ['torch.randn(10)', { linewidth: 20 }],
  ['torch.randn(10)', { linewidth: 5 }],
  ['torch.randn(2, 10)', { linewidth: 200 }],
  ['torch.randn(3).double()', { linewidth: 30 }],
  // summaries
  ['torch.arange(1000)'],
  ['torch.arange(1001)'],
  ['torch.arange(1001.)'],
  ['torch.randn(1001)'],
  ['torch.randn(100, 100)'],
  ['torch.randn(7, 200)'],
  ['torch.randn(6, 200)'],
  ['torch.randn(5, 201)'],
  ['torch.randn(300, 4)'],
  ['torch.randn(10, 11, 12)'],
  ['torch.randn(2, 3, 200)'],
  ['torch.randn(2, 3, 4, 5, 20)'],
  ['torch.randn(11, 3, 7, 5)'],
  ['torch.randn(1000, 1000).t()[3:, ::2]'],
  ['torch.randint(-9, 9, (40, 40))'],
  ['torch.randint(0, 2, (40, 40)).bool()'],
  // the largest value is not among those that are shown, so it has no say in the notation
  ['torch.cat([torch.ones(600), torch.tensor([1e12]), torch.ones(600)])'],
  ['torch.randn(8)', { threshold: 7 }],
  ['torch.randn(6)', { threshold: 5 }],
  ['torch.randn(3, 3)', { threshold: 0 }],
  ['torch.tensor(1.5)', { threshold: 0 }],
  ['torch.randn(30, 30)', { edgeitems: 1 }],
  ['torch.randn(30, 60)', { edgeitems: 10 }],
  ['torch.randn(30, 60)', { edgeitems: 0 }],
  ['torch.randn(5000)', { edgeitems: 0 }],
  ['torch.randn(5)', { edgeitems: 0 }],
  ['torch.tensor(1.)', { edgeitems: 0, threshold: 0 }],
  ['torch.randn(30, 60)', { profile: 'short' }],
  ['torch.randn(12, 100)', { profile: 'full' }],
  ['torch.randn(30, 60)', { profile: 'short', precision: 6 }],
  // every dtype, with small and with large values, summarised too
  ...dtypes.flatMap((dtype): ValueCase[] => [
    [`(torch.arange(6).reshape(2, 3) / 2).to(torch.${dtype})`],
    [`torch.linspace(0.5, 100, 7).to(torch.${dtype})`],
    [`(torch.arange(2200).reshape(40, 55) % 7).to(torch.${dtype})`],
    [`torch.tensor(1.5).to(torch.${dtype})`],
  ]),
  ['torch.tensor([6e4, 6e-5, 1.]).half()'],
  ['torch.tensor([1.1, 1e-3, 3e38]).bfloat16()'],
  ['torch.tensor([2.**-127, 2.**127]).to(torch.float8_e8m0fnu)'],
]

/** The same tensor in both languages, where bytes do not carry what is printed. */
const pairs: [python: string, node: () => torch.Tensor][] = [
  ['torch.tensor([])', () => torch.tensor([])],
  ['torch.zeros(0, 3)', () => torch.zeros(0, 3)],
  ['torch.zeros(2, 0, 3, dtype=torch.int64)', () => torch.zeros(2, 0, 3, { dtype: 'int64' })],
  ['torch.zeros(0, dtype=torch.bool)', () => torch.zeros(0, { dtype: 'bool' })],
  ['torch.zeros(0, dtype=torch.float64)', () => torch.zeros(0, { dtype: 'float64' })],
  ['torch.ones(2, requires_grad=True)', () => torch.ones(2, { requiresGrad: true })],
  ['torch.ones(2, requires_grad=True) + 1', () => torch.ones(2, { requiresGrad: true }).add(1)],
  ['torch.ones(2, requires_grad=True).sum()', () => torch.ones(2, { requiresGrad: true }).sum()],
  ['torch.ones(2, 2, requires_grad=True)[0]', () => torch.ones(2, 2, { requiresGrad: true }).index(0)],
  [
    'torch.ones(2, 2, requires_grad=True).t() @ torch.ones(2, 2)',
    () => torch.ones(2, 2, { requiresGrad: true }).t().matmul(torch.ones(2, 2)),
  ],
  ['(torch.ones(3, requires_grad=True) * 1).double()', () => torch.ones(3, { requiresGrad: true }).mul(1).double()],
  [
    'torch.arange(13., requires_grad=True) / 3',
    () => torch.arange(13, { dtype: 'float32', requiresGrad: true }).div(3),
  ],
  [
    'torch.arange(10., requires_grad=True) / 3',
    () => torch.arange(10, { dtype: 'float32', requiresGrad: true }).div(3),
  ],
  [
    'torch.ones(3, 3, requires_grad=True).relu().double()',
    () => torch.ones(3, 3, { requiresGrad: true }).relu().double(),
  ],
  ['torch.zeros(0, 3, requires_grad=True) + 1', () => torch.zeros(0, 3, { requiresGrad: true }).add(1)],
  [
    '(lambda t: (t.add_(1), t)[1])(torch.ones(4, requires_grad=True).clone())',
    () => torch.ones(4, { requiresGrad: true }).clone().add_(1),
  ],
  [
    '(lambda t: (t[0].fill_(5), t)[1])(torch.ones(2, 2, requires_grad=True).clone())',
    () => {
      const t = torch.ones(2, 2, { requiresGrad: true }).clone()
      t.index(0).fill_(5)
      return t
    },
  ],
  ['torch.empty(2, 3, device="meta")', () => torch.empty(2, 3, { device: 'meta' })],
  ['torch.empty(5, device="meta", dtype=torch.int64)', () => torch.empty(5, { device: 'meta', dtype: 'int64' })],
  ['torch.empty(0, device="meta", requires_grad=True)', () => torch.empty(0, { device: 'meta', requiresGrad: true })],
  ['torch.tensor([1 + 2j]).conj()', () => torch.tensor([{ re: 1, im: 2 }]).conj()],
  [
    'torch.tensor([1 + 2j]).conj().imag',
    () =>
      torch
        .viewAsReal(torch.tensor([{ re: 1, im: 2 }]))
        .select(-1, 1)
        .neg(),
  ],
  [
    'torch.view_as_complex(torch.arange(2400.).view(30, 40, 2)).conj()',
    () => torch.viewAsComplex(torch.arange(2400, { dtype: 'float32' }).view(30, 40, 2)).conj(),
  ],
  ['torch._efficientzerotensor((2, 3))', () => torch.ops.aten._efficientzerotensor([2, 3])],
  ['torch.eye(3).to_sparse()', () => torch.eye(3).toSparse()],
  ['torch.eye(3).double().to_sparse()', () => torch.eye(3).double().toSparse()],
  ['torch.zeros(2, 3).to_sparse()', () => torch.zeros(2, 3).toSparse()],
  ['torch.eye(40).to_sparse()', () => torch.eye(40).toSparse()],
  ['torch.ones(40, 40).to_sparse()', () => torch.ones(40, 40).toSparse()],
  ['torch.ones(2).to_sparse().requires_grad_()', () => torch.ones(2).toSparse().requiresGrad_()],
  ['torch.eye(3).to_sparse_csr()', () => torch.eye(3).toSparseCsr()],
  ['torch.eye(3).to_sparse_csc()', () => torch.eye(3).toSparseCsc()],
  ['torch.eye(4).to_sparse_bsr((2, 2))', () => torch.eye(4).toSparseBsr([2, 2])],
  ['torch.eye(4).long().to_sparse_bsc((2, 2))', () => torch.eye(4).long().toSparseBsc([2, 2])],
  ['torch.nn.Parameter(torch.ones(2))', () => new torch.nn.Parameter(torch.ones(2))],
  [
    'torch.nn.Parameter(torch.ones(2, 2), requires_grad=False)',
    () => new torch.nn.Parameter(torch.ones(2, 2), { requiresGrad: false }),
  ],
  ['torch.nn.Buffer(torch.ones(2))', () => new torch.nn.Buffer(torch.ones(2))],
  [
    'torch.quantize_per_tensor(torch.ones(3), 0.1, 2, torch.quint8)',
    () => torch.quantizePerTensor(torch.ones(3), 0.1, 2, 'quint8'),
  ],
  [
    'torch.quantize_per_tensor(torch.ones(3), 1e-5, 0, torch.qint32)',
    () => torch.quantizePerTensor(torch.ones(3), 1e-5, 0, 'qint32'),
  ],
  [
    'torch.quantize_per_channel(torch.ones(2, 2), torch.tensor([.1, .2]), torch.tensor([0, 1]), 0, torch.qint8)',
    () => torch.quantizePerChannel(torch.ones(2, 2), torch.tensor([0.1, 0.2]), torch.tensor([0n, 1n]), 0, 'qint8'),
  ],
]

interface Printed {
  text: string
  dtype: torch.Dtype
  shape: number[]
  bytes: string
}

const printAll = `
import base64, json, re, sys, warnings
import torch
from math import inf, nan
warnings.simplefilter('ignore')
def printed(expression, options):
    torch.manual_seed(0)
    torch.set_printoptions(profile='default')
    t = eval(expression)
    torch.set_printoptions(**{re.sub('[A-Z]', lambda m: '_' + m[0].lower(), k): v for k, v in (options or {}).items()})
    return t, repr(t)
def row(t, text):
    raw = t.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return dict(text=text, dtype=str(t.dtype)[6:], shape=list(t.shape), bytes=base64.b64encode(raw).decode())
`

function rebuild({ bytes, dtype, shape }: Printed): torch.Tensor {
  return torch.frombuffer(new Uint8Array(Buffer.from(bytes, 'base64')), { dtype }).reshape(shape)
}

function print(make: () => torch.Tensor, options: Options = {}): string {
  torch.setPrintoptions({ profile: 'default' })
  const t = make()
  torch.setPrintoptions(options)
  try {
    return String(t)
  } finally {
    torch.setPrintoptions({ profile: 'default' })
  }
}

test('values print as in Python', async (t) => {
  if (!requirePython(t)) return
  const code = `${printAll}
print(json.dumps([row(*printed(*case)) for case in json.loads(sys.argv[1])]))`
  const rows = pythonJson<Printed[]>(code, [JSON.stringify(valueCases.map(([e, o]) => [e, o ?? null]))])
  assert.equal(rows.length, valueCases.length)
  for (const [i, [expression, options]] of valueCases.entries()) {
    await t.test(`${expression} ${options ? JSON.stringify(options) : ''}`, () => {
      assert.equal(
        print(() => rebuild(rows[i]!), options),
        rows[i]!.text,
      )
    })
  }
})

test('what is not in the values prints as in Python: gradients, layouts, devices, classes', async (t) => {
  if (!requirePython(t)) return
  const code = `${printAll}
print(json.dumps([printed(case, None)[1] for case in json.loads(sys.argv[1])]))`
  const texts = pythonJson<string[]>(code, [JSON.stringify(pairs.map(([python]) => python))])
  for (const [i, [python, node]] of pairs.entries()) {
    await t.test(python, () => assert.equal(print(node), texts[i]))
  }
})

test('the default dtype decides which dtypes are named', (t) => {
  if (!requirePython(t)) return
  const code = `${printAll}
torch.set_default_dtype(torch.float64)
cases = ['torch.ones(2)', 'torch.ones(2, dtype=torch.float32)', 'torch.tensor([1j])', 'torch.zeros(0)', 'torch.zeros(0, dtype=torch.float32)', 'torch.empty(2, device="meta")']
print(json.dumps([printed(case, None)[1] for case in cases]))`
  const expected = pythonJson<string[]>(code)
  torch.setDefaultDtype('float64')
  try {
    const tensors = [
      torch.ones(2),
      torch.ones(2, { dtype: 'float32' }),
      torch.tensor([{ re: 0, im: 1 }]),
      torch.zeros(0),
      torch.zeros(0, { dtype: 'float32' }),
      torch.empty(2, { device: 'meta' }),
    ]
    assert.deepEqual(tensors.map(String), expected)
  } finally {
    torch.setDefaultDtype('float32')
  }
})

test('five hundred random tensors print as in Python', (t) => {
  if (!requirePython(t)) return
  const code = `${printAll}
import random
random.seed(1)
torch.manual_seed(1)
rows = []
for i in range(500):
    torch.set_printoptions(profile='default')
    shape = [random.choice([1, 2, 3, 5, 8, 30]) for _ in range(random.randint(0, 4))]
    dtype = random.choice([torch.float32] * 4 + [torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.int64])
    t = torch.randn(shape, dtype=torch.float64) * 10 ** random.uniform(-6, 10)
    if random.random() < 0.3: t = t * 10 ** (torch.rand(shape, dtype=torch.float64) * 8 - 4)
    if random.random() < 0.3: t = t.round()
    if random.random() < 0.2: t = torch.where(torch.rand(shape) < 0.2, random.choice([nan, inf, -inf, 0., -0.]), t)
    t = torch.complex(t, t.flip(0) if shape else t).to(dtype) if dtype.is_complex else t.nan_to_num(0).clamp(-1e18, 1e18).to(dtype) if dtype == torch.int64 else t.to(dtype)
    options = dict(precision=random.choice([4, 4, 0, 1, 7]), threshold=random.choice([1000, 20]), edgeitems=random.choice([3, 1, 2]), linewidth=random.choice([80, 40, 120]))
    torch.set_printoptions(**options, sci_mode=random.choice([None, None, True, False]))
    sci = torch._tensor_str.PRINT_OPTS.sci_mode
    rows.append(dict(row(t, repr(t)), options=dict(options, sciMode=sci)))
print(json.dumps(rows))`
  const rows = pythonJson<(Printed & { options: Options })[]>(code)
  assert.equal(rows.length, 500)
  for (const row of rows)
    assert.equal(
      print(() => rebuild(row), row.options),
      row.text,
      `${row.dtype} [${row.shape}]`,
    )
})
