/** Mixed precision on the device against Python: `autocast` in float16 and bfloat16, with `GradScaler` and without. */
import * as torch from 'libtorch-node'
import { device, type Scenario, type Seen, testBoth } from './harness.js'

const { nn, optim } = torch

/** Steps in mixed precision; in some the gradients overflow, and the step is left out. */
const program = `
def mixed(o, dtype, make, scaled, bad):
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 10)).to(device)
    x = torch.randn(16, 1, 8, 8).to(device)
    y = torch.randint(0, 10, (16,)).to(device)
    optimizer = make(model.parameters())
    scaler = torch.amp.GradScaler(device, init_scale=2.0 ** 12, growth_interval=2, enabled=scaled)
    o['seen'] = []
    for i in range(6):
        optimizer.zero_grad()
        with torch.autocast(device, dtype=dtype):
            out = model(x)
            loss = F.cross_entropy(out, y)
        scaler.scale(loss).backward()
        if i in bad:
            model[0].weight.grad.view(-1)[3] = float('inf')
        if i == 4:
            scaler.unscale_(optimizer)
            o['norm'] = nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        scaler.step(optimizer)
        scaler.update()
        o['seen'].append([str(out.dtype)[6:], out, loss, scaler.get_scale()])
    o['state'] = [model.state_dict(), optimizer.state_dict(), scaler.state_dict()]
`

function mixed(
  o: Seen,
  dtype: torch.Dtype,
  make: (params: torch.Tensor[]) => torch.optim.Optimizer<any>,
  scaled: boolean,
  bad: number[],
): void {
  const conv = new nn.Conv2d(1, 8, 3)
  const model = new nn.Sequential(
    conv,
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Linear(8 * 36, 16),
    new nn.LayerNorm(16),
    new nn.GELU(),
    new nn.Linear(16, 10),
  ).to(device)
  const x = torch.randn(16, 1, 8, 8).to(device)
  const y = torch.randint(0, 10, [16]).to(device)
  const optimizer = make(model.parameters())
  const scaler = new torch.amp.GradScaler({ device, initScale: 2 ** 12, growthInterval: 2, enabled: scaled })
  const steps: unknown[] = []
  for (let i = 0; i < 6; i++) {
    optimizer.zeroGrad()
    const [out, loss] = torch.autocast(device, { dtype }, () => {
      const result = model.forward(x)
      return [result, torch.F.crossEntropy(result, y)] as const
    })
    scaler.scale(loss).backward()
    if (bad.includes(i)) conv.weight.grad!.view(-1).select(0, 3).fill_(Infinity)
    if (i === 4) {
      scaler.unscale_(optimizer)
      o.norm = nn.utils.clipGradNorm_(model.parameters(), 0.1)
    }
    scaler.step(optimizer)
    scaler.update()
    steps.push([out.dtype, out, loss, scaler.getScale()])
  }
  const norm = o.norm
  delete o.norm
  Object.assign(o, { seen: steps, norm, state: [model.stateDict(), optimizer.stateDict(), scaler.stateDict()] })
}

const optimizers: [python: string, node: (params: torch.Tensor[]) => torch.optim.Optimizer<any>][] = [
  ['torch.optim.SGD(p, lr=0.1, momentum=0.9)', (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9 })],
  ['torch.optim.AdamW(p, lr=0.01)', (p) => new optim.AdamW(p, { lr: 0.01 })],
  ['torch.optim.AdamW(p, lr=0.01, fused=True)', (p) => new optim.AdamW(p, { lr: 0.01, fused: true })],
  ['torch.optim.Adagrad(p, lr=0.01, foreach=False)', (p) => new optim.Adagrad(p, { lr: 0.01, foreach: false })],
]
const settings: [dtype: torch.Dtype, scaled: boolean, bad: number[]][] = [
  ['float16', true, []],
  ['float16', true, [1, 3]],
  ['bfloat16', false, []],
  ['bfloat16', true, [2]],
]

const scenarios = settings.flatMap(([dtype, scaled, bad]) =>
  optimizers.map(
    ([python, node]): Scenario => ({
      title: `${dtype}, ${scaled ? `scaled, overflowing in [${bad}]` : 'not scaled'}, ${python}`,
      python: `${program}
mixed(o, torch.${dtype}, lambda p: ${python}, ${scaled ? 'True' : 'False'}, ${JSON.stringify(bad)})`,
      node: (o) => mixed(o, dtype, node, scaled, bad),
    }),
  ),
)

scenarios.push({
  title: 'what autocasting makes of operators, inside of one another',
  python: `
a, b = torch.randn(8, 8).to(device), torch.randn(8, 8).to(device)
seen = []
with torch.autocast(device, dtype=torch.float16):
    seen += [a @ b, (a @ b).softmax(1), a + b, F.linear(a, b), torch.bmm(a[None], b[None]), F.mse_loss(a @ b, b)]
    with torch.autocast(device, dtype=torch.bfloat16):
        seen += [a @ b]
    with torch.autocast(device, enabled=False):
        seen += [a @ b]
o['seen'] = seen`,
  node: (o) => {
    const [a, b] = [torch.randn(8, 8).to(device), torch.randn(8, 8).to(device)]
    const seen: torch.Tensor[] = []
    torch.autocast(device, { dtype: 'float16' }, () => {
      seen.push(a.matmul(b), a.matmul(b).softmax(1), a.add(b), torch.F.linear(a, b))
      seen.push(torch.bmm(a.unsqueeze(0), b.unsqueeze(0)), torch.F.mseLoss(a.matmul(b), b))
      torch.autocast(device, { dtype: 'bfloat16' }, () => seen.push(a.matmul(b)))
      torch.autocast(device, { enabled: false }, () => seen.push(a.matmul(b)))
    })
    o.seen = seen
  },
})

testBoth('mixed precision', scenarios)
