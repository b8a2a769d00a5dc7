/** `DataParallel` on one device against Python, and on several where there are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { device, type Scenario, setUp, testBoth } from './harness.js'
import { batch, begin, train } from './nets.js'

const { nn } = torch

const devices: Record<string, number[] | null> = { 'one device': [0], 'one device twice': [0, 0], 'all devices': null }
const scenarios: Scenario[] = Object.entries(devices).map(([which, ids]) => ({
  title: `training on ${which}`,
  python: `
model, optimizer = begin('SGD')
parallel = nn.DataParallel(model, ${ids ? `[${ids}]` : 'None'})
o['loss'] = train(parallel, optimizer, 3)
o['model'] = parallel.state_dict()`,
  node: (o) => {
    const { model, optimizer } = begin('SGD')
    const parallel = new nn.DataParallel(model, { deviceIds: ids })
    o.loss = train({ model: parallel, optimizer }, 3)
    o.model = parallel.stateDict()
  },
}))

scenarios.push({
  title: 'a module that is on another device',
  python: `nn.DataParallel(nn.Linear(2, 2), [0]).cpu()(torch.ones(2, 2, device=device))`,
  node: () => new nn.DataParallel(new nn.Linear(2, 2), { deviceIds: [0] }).cpu().forward(torch.ones(2, 2, { device })),
  refused: true,
  cuda: true,
})

testBoth('DataParallel', scenarios)

test('DataParallel on one device is its module, under other keys', (t) => {
  if (device === 'cpu') return t.skip('needs a CUDA device')
  setUp()
  const { model } = begin()
  model.eval()
  const parallel = new nn.DataParallel(model, { deviceIds: [0] })
  const [images] = batch()
  assert.ok(torch.equal(parallel.forward(images), model.forward(images)))
  assert.deepEqual(
    Object.keys(parallel.stateDict()),
    Object.keys(model.stateDict()).map((key) => `module.${key}`),
  )
  assert.throws(() => new nn.DataParallel(model, { deviceIds: [0, torch.cuda.deviceCount()] }), { code: /^ERR_/ })
})

test('a batch in two parts, with copies of the module on the devices that there are', (t) => {
  if (device === 'cpu') return t.skip('needs a CUDA device')
  setUp()
  const { model } = begin()
  model.eval()
  const [images] = batch()
  const last = torch.cuda.deviceCount() - 1
  const out = nn.parallel.dataParallel(model, images, { deviceIds: ['cuda:0', `cuda:${last}`] }) as torch.Tensor
  assert.equal(out.device, 'cuda:0')
  assert.ok(torch.allclose(out, model.forward(images), { rtol: 1e-4, atol: 1e-5 }))
  out.sum().backward()
  for (const p of model.parameters()) assert.ok(p.grad !== null && p.grad.device === 'cuda:0')
})
