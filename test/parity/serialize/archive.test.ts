/** Archives both ways: what C++ writes is read here, and what is written here is read by C++ and by Python. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../../support/paths.js'
import { pythonFile, pythonJson, requirePython } from '../../support/python.js'
import { d } from '../both.js'
import { requireProgram, runProgram } from './cpp.js'

type Dict = Record<string, any>

const optimizers = {
  sgd: 'SGD',
  'sgd-plain': 'SGD',
  adam: 'Adam',
  'adam-amsgrad': 'Adam',
  'adam-new': 'Adam',
  adamw: 'AdamW',
  adagrad: 'Adagrad',
  rmsprop: 'RMSprop',
  'rmsprop-plain': 'RMSprop',
  lbfgs: 'LBFGS',
  'lbfgs-wolfe': 'LBFGS',
} as const
const modules = ['net', 'words', 'empty', 'tensor', 'tensors']
/** LibTorch writes names like `class` in a form that it cannot open itself. */
const closedToPyTorch = 'words'

// ---- the same lines as the program's

function hex(t: torch.Tensor): string {
  const flat = t.detach().contiguous().reshape([-1])
  return flat.numel() === 0 ? '' : Buffer.from(flat.view('uint8').typedArray() as Uint8Array).toString('hex')
}
function tensorLine(key: string, t: torch.Tensor): string {
  return `${key} ${t.dtype} [${t.shape.join(',')}] ${t.requiresGrad ? 'grad ' : ''}${hex(t)}`
}
function double(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return `double ${bytes.toString('hex')}`
}

const doubles =
  /^(lr|momentum|dampening|weight_decay|eps|alpha|lr_decay|initial_accumulator_value|tolerance_\w+|t|prev_loss)$/
const onlyPython = ['params', 'maximize', 'foreach', 'differentiable', 'fused', 'capturable', 'decoupled_weight_decay']

function optimizerLines({ state, param_groups: groups }: { state: Map<number, Dict>; param_groups: Dict[] }): string[] {
  const lines: string[] = []
  const put = (at: string, key: string, value: unknown): void => {
    if (Array.isArray(value) && key === 'betas')
      for (const [i, beta] of value.entries()) lines.push(`${at}${key}.${i} ${double(beta)}`)
    else if (Array.isArray(value))
      for (const [i, item] of value.entries()) lines.push(tensorLine(`${at}${key}.${i}`, item))
    else if (key === 'step') lines.push(`${at}${key} int ${(value as torch.Tensor).item()}`)
    else if (value instanceof torch.Tensor) lines.push(tensorLine(at + key, value))
    else if (typeof value === 'boolean') lines.push(`${at}${key} bool ${value ? 1 : 0}`)
    else if (key === 'line_search_fn') lines.push(`${at}${key} ${value ?? 'none'}`)
    else lines.push(`${at}${key} ${doubles.test(key) ? double(value as number) : `int ${value}`}`)
  }
  groups.forEach((group, i) => {
    for (const [key, value] of Object.entries(group)) if (!onlyPython.includes(key)) put(`group.${i}.`, key, value)
  })
  for (const [index, record] of state)
    for (const [key, value] of Object.entries(record)) put(`state.${index}.`, key, value)
  return lines
}

function lines(kind: string, value: any): string[] {
  if (kind in optimizers) return optimizerLines(value)
  if (kind === 'tensor') return [tensorLine('0', value)]
  if (kind === 'tensors') return (value as torch.Tensor[]).map((t, i) => tensorLine(String(i), t))
  if (kind !== 'custom') return Object.entries(value as Dict).map(([key, t]) => tensorLine(key, t))
  return [
    `epoch int ${value.epoch}`,
    `lr ${double(value.lr)}`,
    `done bool ${value.done ? 1 : 0}`,
    tensorLine('net.weight', value.net.weight),
    ...`title ${value.title}`.split('\n'),
    ...value.sizes.map((size: number) => `size ${size}`),
  ]
}

/** A module's lines without the flag of its parameters: a state dict has detached tensors. */
function said(kind: string, text: string | string[]): string[] {
  const all = typeof text === 'string' ? text.split('\n') : text
  const kept = all.filter((line) => line !== '' && !line.endsWith(' undefined'))
  const detached = ['net', 'words', 'custom'].includes(kind)
  return (detached ? kept.map((line) => line.replace('] grad ', '] ')) : kept).sort()
}

const stateDicts = `
import hashlib, json, sys, torch, warnings
warnings.simplefilter('ignore')
def d(t):
    t = t.detach().contiguous()
    data = t.reshape(-1).view(torch.uint8).numpy().tobytes() if t.numel() else b''
    return f"{str(t.dtype)[6:]}{list(t.shape)}".replace(' ', '') + hashlib.sha256(data).hexdigest()[:16]
def view(file):
    m = torch.jit.load(file)
    s = m.state_dict()
    return [[[k, d(v)] for k, v in s.items()], list(s._metadata.items()), [n for n, _ in m.named_parameters(remove_duplicate=False)],
            [p.requires_grad for _, p in m.named_parameters(remove_duplicate=False)]]
`

const python = (files: string[]): any[] =>
  files.length === 0 ? [] : pythonJson(`${stateDicts}\nprint(json.dumps([view(f) for f in sys.argv[1:]]))`, files)

function view(loaded: unknown): unknown {
  const sd = torch.toStateDict(loaded) as Dict
  return [Object.entries(sd).map(([key, t]) => [key, d(t)]), JSON.parse(JSON.stringify(Object.entries(sd._metadata)))]
}

test('C++ and Node read what the other wrote', async (t) => {
  const program = requireProgram(t)
  if (program === undefined) return
  const folder = tempDir(t)
  runProgram(program, ['write', folder])
  const kinds = [...modules, 'custom', ...Object.keys(optimizers)]
  const written = (kind: string): string => join(folder, `${kind}.out.pt`)
  const expected = (kind: string): string[] => said(kind, readFileSync(join(folder, `${kind}.txt`), 'utf8'))
  for (const [i, kind] of kinds.entries()) {
    await t.test(`reads ${kind}`, async () => {
      const path = join(folder, `${kind}.pt`)
      const value = torch.loadSync(path)
      assert.ok(kind === 'empty' || expected(kind).length > 0)
      assert.deepEqual(said(kind, lines(kind, value)), expected(kind))
      assert.deepEqual(said(kind, lines(kind, await torch.load(readFileSync(path)))), expected(kind))
      if (i % 2 === 0) torch.saveSync(value, written(kind), { format: 'libtorch' })
      else await torch.save(value, written(kind), { format: 'libtorch' })
      assert.deepEqual(said(kind, lines(kind, torch.loadSync(written(kind)))), expected(kind))
    })
  }
  const answers = runProgram(program, ['read', ...kinds.flatMap((kind) => [kind, written(kind)])])
  const answered = answers.split('\n\n\f\n')
  for (const [i, kind] of kinds.entries()) {
    await t.test(`C++ reads ${kind}`, () => assert.deepEqual(said(kind, answered[i]!), expected(kind)))
  }
  if (!requirePython(t)) return
  await t.test('as torch.jit.load reads them', () => {
    const names = modules.filter((kind) => kind !== closedToPyTorch)
    const [theirs, ours] = [python(names.map((kind) => join(folder, `${kind}.pt`))), python(modules.map(written))]
    for (const [i, kind] of names.entries()) {
      assert.deepEqual(view(torch.loadSync(join(folder, `${kind}.pt`))), theirs[i].slice(0, 2), kind)
    }
    for (const [i, kind] of modules.entries())
      assert.deepEqual(view(torch.loadSync(written(kind))), ours[i].slice(0, 2), kind)
  })
  for (const [kind, name] of Object.entries(optimizers)) {
    await t.test(`Python's ${name} goes on from ${kind}`, () => {
      const file = join(folder, `${kind}.state.pt`)
      const loaded = torch.loadSync(join(folder, `${kind}.pt`))
      torch.saveSync(loaded, file)
      const sizes = [
        [[4], [2, 3], [2]],
        [[2, 3], [4], [2]],
      ][loaded.param_groups.length === 2 ? 0 : 1]!
      const seen = pythonJson<Dict>(
        `${stateDicts}
def show(x):
    if isinstance(x, torch.Tensor): return d(x)
    if isinstance(x, dict): return [[k, show(v)] for k, v in x.items()]
    if isinstance(x, (list, tuple)): return [show(v) for v in x]
    return [type(x).__name__, x]
torch.manual_seed(0)
params = [torch.nn.Parameter(torch.ones(s)) for s in json.loads(sys.argv[3])]
sd = torch.load(sys.argv[1], weights_only=True)
groups = [{'params': params[:2]}, {'params': params[2:]}] if len(sd['param_groups']) == 2 else params
fresh = getattr(torch.optim, sys.argv[2])(groups, lr=0.5)
keys = [list(g) for g in fresh.state_dict()['param_groups']]
fresh.load_state_dict(sd)
out = fresh.state_dict()
for p in params[:2]: p.grad = torch.ones_like(p)
if sys.argv[2] != 'LBFGS': fresh.step()
else: fresh.step(lambda: (params[0] * 2).sum())
print(json.dumps({'read': show(sd), 'keys': keys, 'after': [list(g) for g in out['param_groups']], 'params': [d(p) for p in params]}))`,
        [file, name, JSON.stringify(sizes)],
      )
      // the order of Python's own keys; which of Adam and AdamW it is, is filled in by the optimizer
      for (const [i, keys] of seen.keys.entries()) {
        const group = loaded.param_groups[i]
        assert.deepEqual(
          Object.keys(group),
          keys.filter((key: string) => key !== 'decoupled_weight_decay'),
        )
        assert.deepEqual([...seen.after[i]].sort(), [...keys].sort())
      }
      const mine = sizes.map((size) => new torch.Parameter(torch.ones(size)))
      const groups = loaded.param_groups.length === 2 ? [{ params: mine.slice(0, 2) }, { params: mine.slice(2) }] : mine
      const optimizer = new (torch.optim as any)[name](groups, { lr: 0.5 }) as torch.optim.Optimizer
      optimizer.loadStateDict(loaded)
      for (const p of mine.slice(0, 2)) p.grad = torch.onesLike(p)
      if (name !== 'LBFGS') optimizer.step()
      else optimizer.step(() => mine[0]!.mul(2).sum())
      assert.deepEqual(mine.map(d), seen.params)
      const again = join(folder, `${kind}.again.pt`)
      torch.saveSync(optimizer.stateDict(), again, { format: 'libtorch' })
      runProgram(program, ['read', kind, again])
    })
  }
})

const programs = `
class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.rand(2))
        self.register_buffer('b', torch.rand(1))
        self.register_buffer('passing', torch.rand(3), persistent=False)
        self.t = torch.rand(4)
        self.register_parameter('none', None)
        self.register_buffer('nothing', None)
        self.k, self.names, self.lr, self.d = 3, ['a', 'b'], 1.0, {'x': torch.rand(1)}
    def forward(self, x):
        return x + self.w + self.t.sum() + self.d['x'] + self.k
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.seq = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), torch.nn.ReLU(), Inner())
        self.tied = self.seq[0]
        self.conv = torch.nn.Conv2d(1, 1, 1, bias=False)
        self.lists = torch.nn.ModuleList([torch.nn.Linear(1, 1) for _ in range(11)])
        self.rnn = torch.nn.LSTM(2, 3, num_layers=2)
    def forward(self, x):
        return self.tied(self.seq(x))
torch.manual_seed(1)
x = torch.rand(3, 2)
made = {
    'scripted': torch.jit.script(Net()),
    'traced': torch.jit.trace(Net().eval(), x),
    'frozen': torch.jit.freeze(torch.jit.script(Net().eval())),
    'encoder': torch.jit.script(torch.nn.TransformerEncoderLayer(4, 2)),
    'half': torch.jit.script(torch.nn.Linear(2, 2).to(torch.bfloat16).requires_grad_(False)),
    'plain': torch.jit.script(torch.nn.Identity()),
}
for name, module in made.items():
    module.save(f'{sys.argv[1]}/{name}.pt')
print(json.dumps({name: view(f'{sys.argv[1]}/{name}.pt') for name in made}))
`

test("programs of Python's: the state dict is torch.jit.load's", async (t) => {
  if (!requirePython(t)) return
  const folder = tempDir(t)
  // torch.jit.script reads the text of the classes
  const script = join(folder, 'programs.py')
  writeFileSync(script, stateDicts + programs)
  const theirs = JSON.parse(pythonFile(script, [folder])) as Dict
  for (const [name, seen] of Object.entries(theirs)) {
    const loaded = torch.loadSync(join(folder, `${name}.pt`))
    assert.ok(loaded instanceof torch.PyObject, name)
    assert.deepEqual(view(loaded), seen.slice(0, 2), name)
    assert.deepEqual(view(await torch.load(join(folder, `${name}.pt`))), seen.slice(0, 2), name)
  }
  const { state } = torch.loadSync(join(folder, 'scripted.pt')).state.seq.state['3']
  assert.deepEqual([state.k, state.names, state.lr], [3, ['a', 'b'], 1])
  assert.ok(state.d.x instanceof torch.Tensor)
})

test('a module and names of every kind, as Python reads them', (t) => {
  if (!requirePython(t)) return
  const folder = tempDir(t)
  const model = new torch.nn.Sequential(new torch.nn.Linear(2, 3), new torch.nn.ReLU(), new torch.nn.BatchNorm1d(3))
  model.parameters()[1]!.requiresGrad = false
  const files = ['model', 'state', 'names'].map((name) => join(folder, `${name}.pt`))
  torch.saveSync(model, files[0]!, { format: 'libtorch' })
  torch.saveSync(model.stateDict(), files[1]!, { format: 'libtorch' })
  const names = ['class', 'None', '__parameters__', '10', '9', 'a b', 'ä', 'a"b', "a'b", 'a\\b', 'in.class.None', 'a/b']
  torch.saveSync(Object.fromEntries(names.map((name, i) => [name, torch.full([2], i)])), files[2]!, {
    format: 'libtorch',
  })
  const [whole, state, named] = python(files)
  const sd = Object.entries(model.stateDict() as Dict).map(([key, value]) => [key, d(value)])
  for (const seen of [whole, state]) assert.deepEqual(seen[0], sd)
  const parameters = model.namedParameters().map(([name]) => name)
  assert.deepEqual([whole[2], whole[3]], [parameters, [true, false, true, true]])
  assert.deepEqual([state[2], state[3]], [parameters, [true, true, true, true]])
  assert.deepEqual(
    whole[1].map(([key]: [string]) => key),
    ['', '0', '2', '1'],
  )
  assert.deepEqual(named[0].map(([key]: [string]) => key).sort(), [...names].sort())
  assert.deepEqual(view(torch.loadSync(files[2]!)), named.slice(0, 2))
})
