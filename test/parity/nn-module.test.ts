/** Modules, containers, copies, hooks and state dicts against live Python: nn-module.py is the same program. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { python, pythonFile, requirePython } from '../support/python.js'
import { hooks, message, values } from './nn-module-hooks.js'

const { nn } = torch
type Tensor = torch.Tensor
type Module = torch.nn.Module
type Loose = Record<string, Tensor>

/** What JSON keeps of a value: undefined is Python's None, and zero has no sign. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, v) => (v === undefined ? null : v)))

const keysOf = (dict: object): string[] => Object.keys(dict)
const metadataOf = (dict: object): Record<string, object> => (dict as { _metadata: Record<string, object> })._metadata

function text(module: Module): { repr: string; keys: string[]; metadata: string[] } {
  const state = module.stateDict()
  // An object lists names that are integers before all others; their order in files is the test below.
  return { repr: String(module), keys: keysOf(state).sort(), metadata: keysOf(metadataOf(state)).sort() }
}

/** One of which the types know no more than that it has modules. */
const sequential = (...modules: Module[]): torch.nn.Sequential => new nn.Sequential(...modules)

function containers(): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  const w = torch.ones(2, 3)
  const b = torch.zeros(4, { dtype: 'float64' })
  const modules = new nn.ModuleDict(
    new Map<string, Module>([
      ['10', new nn.Linear(1, 1)],
      ['2', new nn.ReLU()],
      ['a', new nn.Sequential(new nn.Linear(1, 2))],
    ]),
  )
  modules.set('2', new nn.Conv2d(1, 1, 1))
  modules.update([
    ['z', new nn.Tanh()],
    ['b', new nn.BatchNorm1d(2)],
  ])
  result['module dict'] = text(modules)
  modules.pop('10')
  result['module dict after pop'] = { keys: [...modules.keys()], iter: [...modules], len: modules.length }
  result['module dict errors'] = [
    message(() => modules.update(3 as never)),
    message(() => new nn.ModuleDict({ 'a.b': new nn.ReLU() })),
    message(() => new nn.ModuleDict([['a', new nn.ReLU(), 1]] as never)),
  ]
  const parameters: torch.nn.ParameterDict = new nn.ParameterDict<Record<string, unknown>>({
    b: w,
    a: new nn.Parameter(b, { requiresGrad: false }),
    text: 'x',
    none: null,
    h16: w.half(),
  })
  result['parameter dict'] = text(parameters)
  result['parameter dict ordered'] = text(
    new nn.ParameterDict(
      new Map([
        ['b', w],
        ['a', b],
      ]),
    ),
  )
  result['parameter dict pairs'] = text(
    new nn.ParameterDict([
      ['b', w],
      ['3', b],
      ['1', torch.ones([])],
    ]),
  )
  const last = parameters.popitem()
  result['parameter dict methods'] = [
    last[0],
    parameters.setdefault('new'),
    parameters.get('missing'),
    parameters.get('missing', 7),
    [...parameters.keys()],
    [...parameters.copy().keys()],
    [...parameters.fromkeys(['q', 'p'], 1).items()],
    parameters.get('b').requiresGrad,
    parameters.get('a').requiresGrad,
    message(() => (parameters as Module).forward(1)),
    message(() => parameters.update([['a', w, 1]] as never)),
  ]
  const list = new nn.ParameterList([w, new nn.Parameter(b), 'text', 3, 1.5, null])
  result['parameter list'] = text(list)
  list.set(-1, torch.ones(1))
  list.append(torch.ones(2)).extend([new nn.Parameter(torch.ones(3))])
  result['parameter list longer'] = [...Object.values(text(list.slice(2))), list.length, list.parameters().length]
  result['parameter list empty'] = String(new nn.ParameterList())
  result['parameter list one'] = String(new nn.ParameterList([w]))
  result['parameter list errors'] = [message(() => list.at(9)), message(() => (list as Module).forward(1))]

  const seq = sequential(new nn.Linear(1, 1), new nn.ReLU(), new nn.Tanh())
  result.sequential = [
    String(seq.add(new nn.Sequential(new nn.GELU()))),
    String(seq.mul(2)),
    String(seq.slice(1)),
    String(seq.clone().insert(1, new nn.Sigmoid())),
    String(seq.clone().append(new nn.Sigmoid()).extend([new nn.Identity()])),
    message(() => seq.mul(0)),
    message(() => seq.at(5)),
    message(() => seq.insert(9, new nn.ReLU())),
  ]
  const cut = seq.clone()
  cut.delete(0)
  result['sequential cut'] = text(cut)
  const modulesInList: Module[] = [
    new nn.ReLU(),
    new nn.ReLU(),
    new nn.Linear(1, 1),
    new nn.Linear(1, 1),
    new nn.Tanh(),
  ]
  const moduleList = new nn.ModuleList(modulesInList)
  result['module list'] = [
    ...Object.values(text(moduleList.add([new nn.Tanh()]))),
    String(moduleList.slice(1, 3)),
    message(() => moduleList.at(7)),
  ]
  moduleList.delete(1, 3)
  result['module list cut'] = text(moduleList)
  return result
}

class Block extends nn.Module {
  lin = new nn.Linear(3, 3)
  norm = new nn.BatchNorm1d(3)
  tied = this.lin
  scale = new nn.Parameter(torch.randn(3), { requiresGrad: false })
  declare kept: Tensor
  declare part: Tensor
  drop = new nn.Dropout(0.3)
  list = new nn.ParameterList([torch.randn(2), this.scale])
  constructor() {
    super()
    this.registerBuffer('kept', torch.arange(6).to('float32').view(2, 3))
    this.registerBuffer('part', this.kept.select(0, 1))
    this.registerBuffer('scratch', torch.ones(1), { persistent: false })
    this.drop.training = false
  }
  override forward(x: Tensor): Tensor {
    return this.drop.forward(this.norm.forward(this.tied.forward(this.lin.forward(x)))).mul(this.scale)
  }
}

function copies(): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  torch.manualSeed(3)
  const block = new Block()
  block.forward(torch.randn(4, 3)).sum().backward()
  const twin = block.clone()
  result.copy = {
    random: torch.rand(2).tolist(),
    state: Object.entries(twin.stateDict()).map(([key, tensor]) => [key, values(tensor)]),
    names: twin.namedParameters().map(([name, p]) => [name, p.requiresGrad, p.grad === null]),
    training: twin.modules().map((module) => module.training),
    shared: [twin.tied === twin.lin, twin.list[1] === twin.scale, twin.lin === block.lin],
  }
  twin.kept.fill_(9)
  result['copy shares storage'] = [values(twin.part), values(block.part)]
  twin.forward(torch.randn(4, 3)).sum().backward()
  result['copy trains'] = [
    values(twin.lin.weight.grad),
    values(twin.norm.running_mean),
    values(block.norm.running_mean),
  ]
  const leafless = Object.assign(new nn.Module(), { w: block.lin.weight.mul(2) })
  result['copy errors'] = message(() => leafless.clone())
  const dtypes = (module: Module): string[][] =>
    Object.entries(module.stateDict() as Loose).map(([key, tensor]) => [key, tensor.dtype])
  result.cast = dtypes(block.clone().half())
  result.type = dtypes(new nn.BatchNorm1d(2, { device: 'meta' }).toEmpty({ device: 'cpu' }).double())
  const meta = new nn.Linear(1, 1, { device: 'meta' })
  result.meta = [
    message(() => meta.to('cpu')),
    new nn.Linear(1, 1).to('meta').weight.device,
    meta.toEmpty({ device: 'cpu' }).weight.device,
    message(() => block.setSubmodule('', new nn.ReLU())),
    message(() => block.setSubmodule('lin.x', new nn.ReLU(), { strict: true })),
    message(() => block.setSubmodule('scale', new nn.ReLU())),
    message(() => block.getSubmodule('nothing.x')),
    message(() => block.to('int64')),
    message(() => block.registerBuffer('lin', torch.ones(1))),
    message(() => block.addModule('a.b', new nn.ReLU())),
    message(() => block.registerParameter('', null)),
  ]
  return result
}

class Extra extends nn.Module {
  lin = new nn.Linear(1, 2)
  w = new nn.Parameter(torch.ones(2))
  count = 3
  override getExtraState(): unknown {
    return { count: this.count }
  }
  override setExtraState(state: { count: number }): void {
    this.count = state.count
  }
}

function stateDicts(): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  const log: unknown[] = []
  const extra = new Extra()
  const outer = sequential(extra, new nn.BatchNorm1d(2))
  const named: [string, Module][] = [
    ['outer', outer],
    ['extra', extra],
    ['lin', extra.lin],
  ]
  for (const [name, m] of named) {
    m.registerStateDictPreHook((_, prefix, keep) => void log.push([name, 'pre', prefix, keep]))
    m.registerStateDictPostHook((_, sd, prefix, meta) => void log.push([name, 'post', keysOf(sd), prefix, { ...meta }]))
  }
  const state = outer.stateDict() as Loose
  result['save hooks'] = [
    [...log],
    keysOf(state),
    Object.entries(metadataOf(state)).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]
  log.length = 0
  for (const [name, m] of named) {
    m.registerLoadStateDictPreHook((_, sd, prefix, meta, strict, missing, unexpected, errors) => {
      log.push([name, 'load', keysOf(sd), prefix, { ...meta }, strict, [...missing], [...unexpected], [...errors]])
      if (name !== 'lin') return
      sd[`${prefix}bias`] = sd[`${prefix}old_bias`]!
      delete sd[`${prefix}old_bias`]
    })
    m.registerLoadStateDictPostHook(
      (_, keys) => void log.push([name, 'loaded', [...keys.missingKeys], [...keys.unexpectedKeys]]),
    )
  }
  state['0._extra_state'] = { count: 8 } as unknown as Tensor
  state['0.lin.old_bias'] = state['0.lin.bias']!
  delete state['0.lin.bias']
  result['load hooks'] = [String(outer.loadStateDict(state)), [...log], extra.count]
  outer.registerLoadStateDictPostHook((_, keys) => {
    keys.missingKeys.length = 0
  })
  delete state['0.w']
  delete state['0._extra_state']
  result['load hooks decide'] = String(outer.loadStateDict(state))
  const other = sequential(new Extra(), new nn.Linear(1, 1))
  result['load errors'] = [
    message(() =>
      other.loadStateDict({
        '0.w': torch.ones(3),
        '1._extra_state': 1,
        '1.weight': 'x',
        what: torch.ones(1),
        '1.weight.deep': 1,
      } as never),
    ),
    message(() => other.loadStateDict({ '0.w': torch.ones(3), '1.bias': torch.ones(2) }, { strict: false })),
    String(other.loadStateDict({ '0.w': torch.ones(2) }, { strict: false })),
    message(() => other.loadStateDict(3 as never)),
    message(() => {
      outer.stateDict({ destination: {} })
      outer.registerStateDictPostHook((() => 1) as never)
      outer.stateDict()
    }),
  ]
  return result
}

test('modules do what they do in Python', async (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  const expected = JSON.parse(pythonFile(join(root, 'test', 'parity', 'nn-module.py'))) as Record<string, unknown>
  const own = { ...containers(), ...copies(), ...stateDicts(), ...hooks() }
  assert.deepEqual(Object.keys(own), Object.keys(expected))
  for (const [name, value] of Object.entries(own)) {
    await t.test(name, () => assert.deepEqual(plain(value), plain(expected[name])))
  }
})

test('names that look like numbers keep their order in files', (t) => {
  if (!requirePython(t)) return
  const file = join(tempDir(t), 'state.pt')
  const dict = new nn.ModuleDict(
    new Map<string, Module>([
      ['10', new nn.Linear(1, 1)],
      [
        '2',
        new nn.ParameterDict(
          new Map([
            ['7', torch.ones(1)],
            ['1', torch.ones(2)],
          ]),
        ),
      ],
    ]),
  )
  const program = `
import json, sys, torch
s = torch.load(sys.argv[1], weights_only=True)
print(json.dumps([list(s), list(s._metadata)]))`
  for (const module of [dict, dict.clone()]) {
    torch.saveSync(module.stateDict(), file)
    assert.deepEqual(JSON.parse(python(program, [file])), [
      ['10.weight', '10.bias', '2.7', '2.1'],
      ['', '10', '2'],
    ])
    const other = dict.clone()
    torch.noGrad(() => {
      for (const parameter of other.parameters()) parameter.zero_()
    })
    assert.equal(String(other.loadStateDict(torch.loadSync(file) as Loose)), '<All keys matched successfully>')
    assert.deepEqual(other.parameters().map(values), dict.parameters().map(values))
  }
})
