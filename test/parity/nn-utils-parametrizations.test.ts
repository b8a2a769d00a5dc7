/** The parametrizations that come with PyTorch, against live Python. */
import * as torch from 'libtorch-node'
import { d, e, type Scenario, s, testBoth, trained } from './both.js'

const { nn } = torch
const Z = nn.utils.parametrizations

type Any = any

const x = [5, 3]
const image = [2, 2, 5, 4]
const scenarios: Scenario[] = []
function layer(python: string, shape: number[], make: () => torch.nn.Module): void {
  scenarios.push(trained(python, shape, make))
}

// ---- the three that come with PyTorch
layer('Z.weight_norm(nn.Linear(3, 4))', x, () => Z.weightNorm(new nn.Linear(3, 4)))
layer('Z.weight_norm(nn.Linear(3, 4, bias=False), dim=1)', x, () =>
  Z.weightNorm(new nn.Linear(3, 4, { bias: false }), { dim: 1 }),
)
layer('Z.weight_norm(nn.Linear(3, 4, dtype=torch.float64), "weight", None)', x, () =>
  Z.weightNorm(new nn.Linear(3, 4, { dtype: 'float64' }), 'weight', null),
)
layer('Z.weight_norm(nn.Linear(3, 4), name="bias")', x, () => Z.weightNorm(new nn.Linear(3, 4), { name: 'bias' }))
layer('Z.weight_norm(nn.Conv2d(2, 3, 3, padding=1))', image, () => Z.weightNorm(new nn.Conv2d(2, 3, 3, { padding: 1 })))
layer('Z.spectral_norm(nn.Linear(3, 4))', x, () => Z.spectralNorm(new nn.Linear(3, 4)))
layer('Z.spectral_norm(nn.Linear(3, 4), n_power_iterations=3, eps=1e-3, dim=1)', x, () =>
  Z.spectralNorm(new nn.Linear(3, 4), { nPowerIterations: 3, eps: 1e-3, dim: 1 }),
)
layer('Z.spectral_norm(nn.Linear(3, 4, dtype=torch.float64), "weight", 2, 1e-6, -1)', x, () =>
  Z.spectralNorm(new nn.Linear(3, 4, { dtype: 'float64' }), 'weight', 2, 1e-6, -1),
)
layer('Z.spectral_norm(nn.Linear(3, 4), "bias")', x, () => Z.spectralNorm(new nn.Linear(3, 4), 'bias'))
layer('Z.spectral_norm(nn.Conv2d(2, 3, (3, 2)))', image, () => Z.spectralNorm(new nn.Conv2d(2, 3, [3, 2])))
layer('Z.weight_norm(Z.spectral_norm(nn.Linear(3, 4)), "bias")', x, () =>
  Z.weightNorm(Z.spectralNorm(new nn.Linear(3, 4)), 'bias'),
)
layer('Z.weight_norm(nn.BatchNorm1d(3))', x, () => Z.weightNorm(new nn.BatchNorm1d(3)))
layer('nn.Sequential(Z.weight_norm(nn.Linear(3, 4)), nn.ReLU(), nn.Linear(4, 2), nn.ReLU())', x, () => {
  return new nn.Sequential(Z.weightNorm(new nn.Linear(3, 4)), new nn.ReLU(), new nn.Linear(4, 2), new nn.ReLU())
})
for (const [inputs, outputs] of [
  [3, 3],
  [3, 5],
  [5, 3],
] as const) {
  for (const map of [null, 'matrix_exp', 'cayley', 'householder'] as const) {
    for (const trivial of [true, false]) {
      const name = map === null ? 'None' : `"${map}"`
      const call = `Z.orthogonal(nn.Linear(${inputs}, ${outputs}), "weight", ${name}, use_trivialization=${trivial ? 'True' : 'False'})`
      layer(call, [4, inputs], () =>
        Z.orthogonal(new nn.Linear(inputs, outputs), 'weight', map, { useTrivialization: trivial }),
      )
    }
  }
}
layer('Z.orthogonal(nn.Linear(4, 4, dtype=torch.float64), orthogonal_map="cayley")', [2, 4], () =>
  Z.orthogonal(new nn.Linear(4, 4, { dtype: 'float64' }), { orthogonalMap: 'cayley' }),
)
scenarios.push([
  'orthogonal: of a weight that is so already, of a batch, of a complex one; assignment',
  `
m = nn.Linear(4, 4); nn.init.orthogonal_(m.weight); Z.orthogonal(m); o['kept'] = s(m)
class B(nn.Module):
    def __init__(self, shape, dtype):
        super().__init__()
        self.w = nn.Parameter(torch.randn(shape, dtype=dtype))
for i, (shape, dtype) in enumerate([((2, 3, 3), torch.float32), ((2, 4, 3), torch.float64), ((3, 3), torch.complex64)]):
    b = B(shape, dtype); Z.orthogonal(b, 'w'); o[f'batch{i}'] = s(b); o[f'value{i}'] = d(b.w)
    b.w = torch.randn(shape, dtype=dtype); o[f'assigned{i}'] = s(b); o[f'new{i}'] = d(b.w)
m = Z.orthogonal(nn.Linear(3, 5), use_trivialization=False)
m.weight = torch.randn(5, 3); o['assigned'] = s(m), d(m.weight)
m = Z.orthogonal(nn.Linear(3, 3), use_trivialization=False)
def f(): m.weight = torch.eye(3)
o['no inverse'] = e(f)
m = Z.orthogonal(nn.Linear(3, 3))
def f(): m.weight = torch.eye(4)
o['shape'] = e(f)
o['bias'] = e(lambda: Z.orthogonal(nn.Linear(3, 3), 'bias'))
o['none'] = e(lambda: Z.orthogonal(nn.Linear(3, 3), 'wait'))
o['map'] = e(lambda: Z.orthogonal(nn.Linear(3, 3), orthogonal_map='qr'))
o['complex'] = e(lambda: Z.orthogonal(B((3, 3), torch.complex64), 'w', 'householder'))
`,
  (o) => {
    let m: Any = new nn.Linear(4, 4)
    nn.init.orthogonal_(m.weight)
    o.kept = s(Z.orthogonal(m))
    class B extends nn.Module {
      w: torch.Tensor
      constructor(shape: number[], dtype: torch.Dtype) {
        super()
        this.w = new nn.Parameter(torch.randn(shape, { dtype }))
      }
    }
    const batches: [number[], torch.Dtype][] = [
      [[2, 3, 3], 'float32'],
      [[2, 4, 3], 'float64'],
      [[3, 3], 'complex64'],
    ]
    for (const [i, [shape, dtype]] of batches.entries()) {
      const b = Z.orthogonal(new B(shape, dtype), 'w')
      o[`batch${i}`] = s(b)
      o[`value${i}`] = d(b.w)
      b.w = torch.randn(shape, { dtype })
      o[`assigned${i}`] = s(b)
      o[`new${i}`] = d(b.w)
    }
    m = Z.orthogonal(new nn.Linear(3, 5), { useTrivialization: false })
    m.weight = torch.randn(5, 3)
    o.assigned = [s(m), d(m.weight)]
    m = Z.orthogonal(new nn.Linear(3, 3), { useTrivialization: false })
    o['no inverse'] = e(() => {
      m.weight = torch.eye(3)
    })
    m = Z.orthogonal(new nn.Linear(3, 3))
    o.shape = e(() => {
      m.weight = torch.eye(4)
    })
    o.bias = e(() => Z.orthogonal(new nn.Linear(3, 3), 'bias'))
    o.none = e(() => Z.orthogonal(new nn.Linear(3, 3), 'wait'))
    o.map = e(() => Z.orthogonal(new nn.Linear(3, 3), { orthogonalMap: 'qr' as 'cayley' }))
    o.complex = e(() => Z.orthogonal(new B([3, 3], 'complex64'), 'w', 'householder'))
  },
])

testBoth('nn.utils.parametrizations', scenarios)
