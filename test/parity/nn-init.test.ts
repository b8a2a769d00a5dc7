/** `nn.init` against live Python: values by their bytes, both generators afterwards, warnings and errors by their text. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

const { nn } = torch

/** function, shape, dtype, positional arguments, keyword arguments; `g` as a generator is one seeded with 11 */
type Case = [fn: string, shape: number[], dtype: string, args: unknown[], kwargs: Record<string, unknown>]

const program = `
import json, sys, warnings, torch
from torch.nn import init
def run(fn, shape, dtype, args, kwargs):
    torch.manual_seed(5)
    g = torch.Generator().manual_seed(11)
    kwargs = {k: g if v == 'g' else v for k, v in kwargs.items()}
    args = [g if v == 'g' else v for v in args]
    t = torch.full(shape, 7, dtype=getattr(torch, dtype)) if dtype != 'meta' else torch.empty(shape, device='meta')
    if t.is_floating_point(): t.requires_grad_()
    if kwargs.pop('strided', False): t = t.detach().t()
    out = {'error': None}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            out['same'] = getattr(init, fn)(t, *args, **kwargs) is t
        except Exception as e:
            out['error'] = str(e)
    out['warnings'] = [f'{w.category.__name__}: {w.message}' for w in caught]
    if dtype != 'meta':
        out['bytes'] = t.detach().contiguous().view(torch.uint8).tolist() if t.dim() else None
    out['grad'] = t.requires_grad
    out['next'] = torch.rand(1).item(), torch.rand(1, generator=g).item()
    return out
def gain(*args):
    try: return init.calculate_gain(*args)
    except Exception as e: return str(e)
asked = json.loads(sys.argv[1])
print(json.dumps({'cases': [run(*c) for c in asked['cases']], 'gains': [gain(*a) for a in asked['gains']]}))
`

const camel = (name: string): string => name.replace(/(?<=.)_(.)/g, (_, letter: string) => letter.toUpperCase())

async function run([fn, shape, dtype, args, kwargs]: Case): Promise<unknown> {
  torch.manualSeed(5)
  const g = new torch.Generator().manualSeed(11)
  const { strided, ...named } = kwargs
  const options = Object.fromEntries(Object.entries(named).map(([key, v]) => [camel(key), v === 'g' ? g : v]))
  const meta = dtype === 'meta'
  let t = meta ? torch.empty(shape, { device: 'meta' }) : torch.full(shape, 7, { dtype: dtype as torch.Dtype })
  if (t.isFloatingPoint()) t.requiresGrad_()
  if (strided) t = t.detach().t()
  const caught: string[] = []
  const note = (warning: Error): number => caught.push(`${warning.name}: ${warning.message}`)
  process.on('warning', note)
  const out: Record<string, unknown> = { error: null }
  try {
    const call = (nn.init as unknown as Record<string, (...args: unknown[]) => unknown>)[camel(fn)]!
    const given = args.map((v) => (v === 'g' ? g : v))
    out.same = call(t, ...given, ...(Object.keys(options).length > 0 ? [options] : [])) === t
  } catch (error) {
    assert.ok(error instanceof torch.TorchError)
    out.error = error.message
  }
  await new Promise(setImmediate)
  process.off('warning', note)
  out.warnings = caught
  if (!meta) out.bytes = t.detach().contiguous().view('uint8').tolist()
  out.grad = t.requiresGrad
  out.next = [torch.rand(1).item(), torch.rand(1, { generator: g }).item()]
  return out
}

const w = [5, 3]
const kernel = [4, 6, 3, 2]
const cases: Case[] = []
const add = (fn: string, shape: number[], args: unknown[] = [], kwargs = {}, dtype = 'float32'): number =>
  cases.push([fn, shape, dtype, args, kwargs])

for (const fn of ['uniform_', 'normal_', 'xavier_uniform_', 'xavier_normal_', 'kaiming_uniform_', 'kaiming_normal_']) {
  add(fn, w)
  add(fn, kernel, [], {}, 'float64')
  add(fn, w, [], {}, 'bfloat16')
  add(fn, w, [], {}, 'float16')
  add(fn, [5, 40], [], { generator: 'g' })
  add(fn, w, [], { strided: true })
  add(fn, w, [], {}, 'meta')
  add(fn, w, [], {}, 'int64')
}
add('uniform_', w, [-2, 3.5])
add('uniform_', w, [-2], { b: 1, generator: 'g' })
add('uniform_', w, [0, 1, 'g'])
add('uniform_', w, [2, 1])
add('uniform_', [2, 0])
add('normal_', w, [1.5, 0.25])
add('normal_', w, [], { std: -1 })
add('normal_', w, [0, 1, 'g'])
for (const dtype of ['float32', 'float64', 'bfloat16', 'float16', 'meta']) {
  add('trunc_normal_', [9, 31], [], {}, dtype)
  add('trunc_normal_', [9, 31], [0, 1, 2.5, 3.5], {}, dtype)
  add('trunc_normal_', [9, 31], [], { mean: 4, std: 0.5, a: -1, b: 1 }, dtype)
}
add('trunc_normal_', [9, 31], [], { std: 0.02, generator: 'g' })
add('trunc_normal_', [9, 31], [0, 0.5, 1, 1.1, 'g'])
add('trunc_normal_', [9], [], { std: 0 })
add('trunc_normal_', [31, 9], [], { strided: true })
add('trunc_normal_', [31, 9], [0, 1, 2, 3], { strided: true })
for (const dtype of ['float32', 'float64', 'int64', 'bool', 'complex64']) {
  add('constant_', w, [0.3], {}, dtype)
  add('ones_', w, [], {}, dtype)
  add('zeros_', w, [], {}, dtype)
  add('eye_', w, [], {}, dtype)
  add('dirac_', kernel, [], {}, dtype)
}
add('constant_', w, [], { val: -2 })
add('eye_', [3, 5], [], { strided: true })
add('eye_', [3])
add('dirac_', [4, 2, 3], [2])
add('dirac_', [6, 2, 3, 4, 5], [], { groups: 3 })
add('dirac_', [2, 5, 1])
add('dirac_', kernel, [3])
add('dirac_', w)
add('dirac_', kernel, [], {}, 'meta')
add('xavier_uniform_', w, [0.5])
add('xavier_normal_', kernel, [], { gain: 5 / 3 })
add('xavier_normal_', [0, 0])
add('xavier_uniform_', [3])
const nonlinearities = ['linear', 'conv2d', 'conv_transpose3d', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu', 'gelu']
for (const nonlinearity of nonlinearities) {
  add('kaiming_uniform_', kernel, [0.2, 'fan_out', nonlinearity])
  add('kaiming_normal_', kernel, [], { a: 1.5, mode: 'FAN_IN', nonlinearity, generator: 'g' })
}
add('kaiming_normal_', kernel, [0, 'fan_avg'])
add('kaiming_uniform_', kernel, [0, 'Fan'])
add('kaiming_uniform_', [3, 0])
add('kaiming_normal_', [0, 3])
add('kaiming_normal_', [3])
for (const shape of [w, [3, 5], [4, 4], [4, 2, 3], [2, 3, 2, 2]]) {
  add('orthogonal_', shape)
  add('orthogonal_', shape, [2.5], {}, 'float64')
  add('orthogonal_', shape, [], { gain: 0.5, generator: 'g' })
}
add('orthogonal_', [4])
add('orthogonal_', [3, 0])
add('orthogonal_', w, [], {}, 'meta')
add('orthogonal_', w, [], {}, 'bfloat16')
add('sparse_', [10, 4], [0.35])
add('sparse_', [10, 4], [0.1, 2])
add('sparse_', [10, 4], [], { sparsity: 0.5, std: 0.5, generator: 'g' }, 'float64')
add('sparse_', [10, 4], [1.5])
add('sparse_', [10, 4], [0])
add('sparse_', [4], [0.5])
add('sparse_', w, [0.5], {}, 'meta')
for (const fn of ['uniform', 'normal', 'xavier_uniform', 'xavier_normal', 'kaiming_uniform', 'kaiming_normal']) {
  add(fn, w)
}
for (const fn of ['eye', 'orthogonal']) add(fn, w)
add('constant', w, [2])
add('sparse', w, [0.5])
add('dirac', kernel, [2])

const gains: unknown[][] = [...nonlinearities.map((name) => [name]), ['leaky_relu', 0.2], ['leaky_relu', 3]]
gains.push(['leaky_relu', null], ['leaky_relu', true], ['leaky_relu', 'steep'], ['tanh', 'ignored'], ['Identity'])

test('nn.init', async (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  const asked = JSON.stringify({ cases, gains })
  const expected = pythonJson<{ cases: unknown[]; gains: unknown[] }>(program, [asked])
  assert.equal(expected.cases.length, cases.length)
  for (const [i, one] of cases.entries()) {
    await t.test(JSON.stringify(one), async () => assert.deepEqual(await run(one), expected.cases[i]))
  }
  await t.test('calculateGain', () => {
    const found = gains.map((args) => {
      try {
        return nn.init.calculateGain(...(args as ['relu', number]))
      } catch (error) {
        return (error as Error).message
      }
    })
    assert.deepEqual(found, expected.gains)
  })
  await t.test('every public name of Python is there', () => {
    const names = pythonJson<string[]>('import json, torch.nn.init as i; print(json.dumps(i.__all__))')
    for (const name of names) assert.equal(typeof nn.init[camel(name) as 'uniform_'], 'function', name)
  })
})

test('what is not a tensor, and options that do not exist', () => {
  const wrong = { code: 'ERR_ARGUMENT' }
  assert.throws(() => nn.init.uniform_(null as never), wrong)
  assert.throws(() => nn.init.uniform_(torch.zeros(2), { c: 1 } as never), wrong)
  assert.throws(() => nn.init.normal_(torch.zeros(2), '1' as never), wrong)
  assert.throws(() => nn.init.sparse_(torch.zeros(2, 2), {}), wrong)
  assert.throws(() => nn.init.dirac_(torch.zeros(2, 2, 2), 0), { ...wrong, message: 'integer modulo by zero' })
})
