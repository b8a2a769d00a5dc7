/**
 * A scenario written twice, in Python and here: both fill `o` with what they saw, which must be equal. Tensors are compared by
 * their bytes, modules by printout, keys, `_metadata` and bytes, errors and warnings by their text.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

export type Seen = Record<string, unknown>
/** title, program in Python, the same here */
export type Scenario = [title: string, python: string, here: (o: Seen) => unknown]

const oracle = `
import hashlib, json, sys, warnings, torch
from torch import nn
from torch.nn import utils as U
from torch.nn.utils import parametrize as P, parametrizations as Z, prune as R
torch.set_num_threads(1)
def d(t):
    if t is None: return None
    t = t.detach()
    # where memory has another order, the bytes as they lie in it
    if t.dim() and not t.is_contiguous() and t.is_contiguous(memory_format=torch.channels_last) : t = t.permute(0, 2, 3, 1)
    t = t.contiguous()
    data = t.reshape(-1).view(torch.uint8).numpy().tobytes()
    return f"{str(t.dtype)[6:]}{list(t.shape)}".replace(' ', '') + hashlib.sha256(data).hexdigest()[:16]
def s(m):
    state = m.state_dict()
    return {'repr': repr(m), 'keys': list(state), 'metadata': sorted(state._metadata.items()),
            'bytes': [d(v) for v in state.values()], 'grad': [p.requires_grad for p in m.parameters()]}
def e(f):
    try:
        f()
    except Exception as x:
        return str(x)
    return 'no error'
def run(code):
    torch.manual_seed(3)
    o = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        exec(code, {**globals(), 'o': o})
    o['warnings'] = [f'{w.category.__name__}: {w.message}' for w in caught]
    o['next'] = torch.rand(1).item()
    return o
print(json.dumps([run(code) for code in json.loads(sys.argv[1])]))
`

/** A tensor by dtype, shape and bytes. */
export function d(t: torch.Tensor | null): string | null {
  if (t === null) return null
  t = t.detach()
  if (t.ndim > 0 && !t.isContiguous() && t.isContiguous({ memoryFormat: 'channels_last' })) t = t.permute([0, 2, 3, 1])
  const flat = t.contiguous().reshape([-1])
  const bytes = flat.numel() === 0 ? new Uint8Array() : (flat.view('uint8').typedArray() as Uint8Array)
  return `${t.dtype}[${t.shape.join(',')}]${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}

/** A module by all that it shows. */
export function s(m: torch.nn.Module): object {
  const state = m.stateDict() as Record<string, torch.Tensor>
  const { _metadata } = state as unknown as { _metadata: object }
  return {
    repr: String(m),
    keys: Object.keys(state),
    metadata: Object.entries(_metadata)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, JSON.parse(JSON.stringify(entry))]),
    bytes: Object.values(state).map(d),
    grad: m.parameters().map((p) => p.requiresGrad),
  }
}

/** The message of the error that `f` throws, which has to be one of the package. */
export function e(f: () => unknown): string {
  try {
    f()
  } catch (error) {
    assert.ok(error instanceof torch.TorchError, String(error))
    return error.message
  }
  return 'no error'
}

/** Two steps of training, then evaluation; `make` is the same expression in both languages. */
export const drive = `
def drive(m, x, o):
    o['made'] = s(m)
    opt = torch.optim.SGD(m.parameters(), lr=0.1)
    for i in range(2):
        y = m(x)
        o[f'out{i}'] = d(y)
        opt.zero_grad()
        y.square().sum().backward()
        o[f'grads{i}'] = [d(p.grad) for p in m.parameters()]
        opt.step()
    m.eval()
    o['eval'] = d(m(x))
    o['after'] = s(m)
`
export function run(m: torch.nn.Module, x: torch.Tensor, o: Seen): void {
  o.made = s(m)
  const opt = new torch.optim.SGD(m.parameters(), { lr: 0.1 })
  for (let i = 0; i < 2; i++) {
    const y = m.forward(x)
    o[`out${i}`] = d(y)
    opt.zeroGrad()
    y.square().sum().backward()
    o[`grads${i}`] = m.parameters().map((p) => d(p.grad))
    opt.step()
  }
  m.eval()
  o.eval = d(m.forward(x))
  o.after = s(m)
}

/** A scenario that makes a layer and trains it for two steps; `python` is the same expression as `make`. */
export function trained(python: string, shape: number[], make: () => torch.nn.Module, classes = ''): Scenario {
  const code = `${classes}${drive}\nm = ${python}\ndrive(m, torch.randn(${JSON.stringify(shape)}, dtype=next(m.parameters()).dtype), o)`
  return [
    python,
    code,
    (o) => {
      const m = make()
      run(m, torch.randn(shape, { dtype: m.parameters()[0]!.dtype }), o)
    },
  ]
}

/** A test with one subtest for each scenario. */
export function testBoth(title: string, scenarios: Scenario[]): void {
  test(title, async (t) => {
    if (!requirePython(t)) return
    torch.setNumThreads(1)
    const codes = JSON.stringify(scenarios.map(([, code]) => code))
    const expected = pythonJson<Seen[]>(oracle, [codes])
    assert.equal(expected.length, scenarios.length)
    for (const [i, [name, , here]] of scenarios.entries()) {
      await t.test(name, async () => {
        torch.manualSeed(3)
        const o: Seen = {}
        const caught: string[] = []
        const note = (warning: Error): number => caught.push(`${warning.name}: ${warning.message}`)
        process.on('warning', note)
        here(o)
        await new Promise(setImmediate)
        process.off('warning', note)
        o.warnings = caught
        o.next = torch.rand(1).item()
        assert.deepEqual(JSON.parse(JSON.stringify(o)), expected[i])
        assert.ok(Object.keys(o).length > 2, 'a scenario sees something')
      })
    }
  })
}
