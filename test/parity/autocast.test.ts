/** `torch.amp.autocast` against live Python: bytes of layers, operators and gradients, its state, messages and warnings. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { d, e, type Scenario, testBoth } from './both.js'

const { nn, F } = torch

/** The same layers and operators in a region of autocast, then backward outside of it. */
function region(title: string, python: string, options: torch.amp.AutocastOptions): Scenario {
  return [
    `autocast('cpu'${title})`,
    `
import torch.nn.functional as F
m = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 8), nn.LayerNorm(8))
x, y = torch.randn(3, 2, 6, 6), torch.randint(0, 8, [3])
a, b = torch.randn(4, 4), torch.randn(4, 4)
with torch.autocast('cpu'${python}):
    out = m(x)
    again = m(x)
    loss = F.cross_entropy(out, y)
    o['ops'] = [d(t) for t in (a @ b, torch.mm(a, b), a + b, torch.softmax(a, 1), F.linear(a, b), F.mse_loss(a.bfloat16(), b), torch.bmm(a[None], b[None]), a.double() @ b.double(), torch.cat([a, (a @ b)]))]
    o['inside'] = [torch.is_autocast_enabled('cpu'), str(torch.get_autocast_dtype('cpu'))[6:], torch.is_autocast_cache_enabled()]
    with torch.autocast('cpu', enabled=False):
        o['nested'] = [d(a @ b), torch.is_autocast_enabled('cpu')]
loss.backward()
o['out'] = [d(out), d(again), d(loss)]
o['grads'] = [d(p.grad) for p in m.parameters()]
o['after'] = [torch.is_autocast_enabled('cpu'), str(torch.get_autocast_dtype('cpu'))[6:], torch.is_autocast_cache_enabled(), d(a @ b)]
`,
    (o) => {
      const m = new nn.Sequential(
        new nn.Conv2d(2, 4, 3),
        new nn.BatchNorm2d(4),
        new nn.ReLU(),
        new nn.Flatten(),
        new nn.Linear(64, 8),
        new nn.LayerNorm(8),
      )
      const [x, y] = [torch.randn([3, 2, 6, 6]), torch.randint(0, 8, [3])]
      const [a, b] = [torch.randn([4, 4]), torch.randn([4, 4])]
      const state = () => [
        torch.isAutocastEnabled('cpu'),
        torch.getAutocastDtype('cpu'),
        torch.isAutocastCacheEnabled(),
      ]
      const [out, again, loss] = torch.autocast('cpu', options, () => {
        const first = m.forward(x)
        const second = m.forward(x)
        const error = F.crossEntropy(first, y)
        o.ops = [
          a.matmul(b),
          torch.mm(a, b),
          a.add(b),
          torch.softmax(a, 1),
          F.linear(a, b),
          F.mseLoss(a.bfloat16(), b),
          torch.bmm(a.unsqueeze(0), b.unsqueeze(0)),
          a.double().matmul(b.double()),
          torch.cat([a, a.matmul(b)]),
        ].map(d)
        o.inside = state()
        torch.autocast('cpu', { enabled: false }, () => {
          o.nested = [d(a.matmul(b)), torch.isAutocastEnabled('cpu')]
        })
        return [first, second, error] as const
      })
      loss.backward()
      o.out = [d(out), d(again), d(loss)]
      o.grads = m.parameters().map((p) => d(p.grad))
      o.after = [...state(), d(a.matmul(b))]
    },
  ]
}

testBoth('autocast', [
  region('', '', {}),
  region(', dtype=bfloat16', ', dtype=torch.bfloat16', { dtype: 'bfloat16' }),
  region(', dtype=float16', ', dtype=torch.float16', { dtype: 'float16' }),
  region(', enabled=False', ', enabled=False', { enabled: false }),
  region(', cache_enabled=False', ', cache_enabled=False', { cacheEnabled: false }),
  region(', dtype=float32', ', dtype=torch.float32', { dtype: 'float32' }),
  [
    'what is refused, and CUDA where there is none',
    `
o['available'] = [torch.amp.is_autocast_available(x) for x in ('cpu', 'cuda', 'meta')]
o['unsupported'] = e(lambda: torch.autocast('meta', dtype=torch.float16))
a = torch.randn(2, 2)
with torch.autocast('cuda'):
    o['cuda'] = [torch.is_autocast_enabled(), d(a @ a)]
`,
    (o) => {
      o.available = ['cpu', 'cuda', 'meta'].map(torch.amp.isAutocastAvailable)
      o.unsupported = e(() => torch.autocast('meta', { dtype: 'float16' }, () => 1))
      const a = torch.randn([2, 2])
      o.cuda = torch.autocast('cuda', () => [torch.isAutocastEnabled(), d(a.matmul(a))])
    },
  ],
])

test('autocast ends also by an exception, and refuses promises', () => {
  assert.throws(
    () =>
      torch.autocast('cpu', () => {
        throw new Error('mine')
      }),
    /^Error: mine$/,
  )
  assert.equal(torch.isAutocastEnabled('cpu'), false)
  assert.throws(() => torch.autocast('cpu', async () => 1), /fn returned a Promise/)
  assert.throws(
    () => torch.autocast('cpu', { dtyp: 'float16' } as object, () => 1),
    /unknown option 'dtyp'; did you mean 'dtype'/,
  )
  assert.equal(torch.isAutocastEnabled('cpu'), false)
})
