/** Archives of TorchScript and C++ as data: files that no program of theirs writes, and objects that have no form there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { bytes, checkpoint, text } from './zip.js'

type Piece = string | number | Uint8Array

const fixture = join(root, 'test', 'fixtures', 'jit', 'digits.pt')

/** An archive with this data and these pieces of program. */
function archive(data: Piece[], code: Record<string, string> = {}): Buffer {
  return checkpoint(bytes(0x80, 2, ...data, '.'), {}, [
    { name: 'x/constants.pkl', data: bytes(0x80, 2, ').') },
    ...Object.entries(code).map(([name, content]) => ({ name: `x/code/${name}.py`, data: content })),
  ])
}
const object = (path: string, ...state: Piece[]): Piece[] => [`c${path}\n)`, 0x81, '}(', ...state, 'ub']
const net = (...state: Piece[]): Piece[] => object('__torch__\nNet', ...state)
const declare = (name: string, ...lines: string[]): string =>
  `class ${name}(Module):\n  __parameters__ = []\n  __buffers__ = []\n${lines.map((line) => `  ${line}\n`).join('')}`

function refuses(
  file: Buffer,
  code: string,
  message: RegExp,
  use: (loaded: any) => unknown = (loaded) => loaded,
): void {
  const start = performance.now()
  assert.throws(
    () => use(torch.loadSync(file)),
    (error: torch.CheckpointError) => {
      assert.ok(error instanceof torch.CheckpointError, String(error))
      assert.equal(error.code, code)
      assert.match(error.message, message)
      return true
    },
  )
  assert.ok(performance.now() - start < 5000)
}

test('a TorchScript archive is data: its attributes, and the state dict that torch.jit.load gives', async () => {
  const expected = torch.jit.load(fixture).stateDict() as Record<string, torch.Tensor>
  for (const loaded of [torch.loadSync(fixture), await torch.load(fixture), torch.loadSync(readFileSync(fixture))]) {
    assert.ok(loaded instanceof torch.PyObject)
    assert.match(loaded.path, /^__torch__\./)
    assert.equal((loaded.state as { training: boolean }).training, true)
    const sd = torch.toStateDict(loaded)
    assert.deepEqual(Object.keys(sd), Object.keys(expected))
    for (const [key, tensor] of Object.entries(sd)) {
      assert.ok(torch.equal(tensor, expected[key]!), key)
      assert.equal(tensor.requiresGrad, false)
    }
  }
  const mapped = torch.toStateDict(torch.loadSync(fixture, { mapLocation: 'meta' }))
  assert.deepEqual(new Set(Object.values(mapped).map((tensor) => tensor.device)), new Set(['meta']))
})

test('records and declarations that are missing, or are none', () => {
  const format = 'ERR_CHECKPOINT_FORMAT'
  refuses(archive(['N']), format, /data\.pkl: .*TorchScript or C\+\+ archive, but its data is None/)
  refuses(archive(['c__torch__\nNet\n']), format, /its data is __torch__\.Net/)
  refuses(archive(['cos\nsystem\n(', text('true'), 'tR']), format, /its data is os\.system/)
  refuses(
    archive(net()),
    format,
    /record code\/__torch__\.py: the record is missing, which declares the class __torch__\.Net/,
  )
  refuses(archive(object('__torch__.a.b\nNet')), format, /record code\/__torch__\/a\/b\.py/)
  refuses(archive(net(), { __torch__: declare('Other') }), format, /the class __torch__\.Net, .* is not there/)
  refuses(archive(net(), { __torch__: 'class Net:\n  a : int\n' }), format, /its data is __torch__\.Net where a module/)
  const broken = ['["w', '["w" "', '["w\\"]', "['a]", '["w", x]', `["${'w'.repeat(1e6)}`]
  for (const list of broken) {
    refuses(
      archive(net(), { __torch__: `class Net(Module):\n  __parameters__ = ${list}\n` }),
      format,
      /a list of names is not closed/,
    )
  }
  refuses(archive(net('K', 1, 'N'), { __torch__: declare('Net') }), format, /an attribute is named by int/)
})

test('names of every kind are plain keys', (t) => {
  const names = ['__proto__', 'constructor', '10', '9', 'a b', '']
  const tensor = torch.ones(1)
  const plain = Object.assign(Object.create(null), Object.fromEntries(names.slice(0, -1).map((name) => [name, tensor])))
  Object.defineProperty(plain, '__proto__', { value: tensor, enumerable: true })
  const dir = tempDir(t)
  torch.saveSync(plain, join(dir, 'a.pt'), { format: 'libtorch' })
  const again = torch.loadSync(join(dir, 'a.pt'))
  assert.equal(Object.getPrototypeOf(again), null)
  assert.deepEqual(Object.keys(again).sort(), names.slice(0, -1).sort())
})

test('modules that contain themselves, or one another in very many ways', () => {
  const code = { __torch__: `${declare('Net')}${declare('Module')}` }
  const itself = ['c__torch__\nModule\n)', 0x81, 'q', 0, '}(', text('a'), 'h', 0, 'ub']
  refuses(archive(itself, code), 'ERR_CHECKPOINT_FORMAT', /a module contains itself/)
  const program = ['c__torch__\nNet\n)', 0x81, 'q', 0, '}(', text('a'), 'h', 0, 'ub']
  refuses(archive(program, code), 'ERR_CHECKPOINT_FORMAT', /a module contains itself/, torch.toStateDict)
  for (const name of ['Net', 'Module']) {
    const doubled: Piece[] = ['(']
    for (let i = 0; i < 60; i++) {
      const below = i === 0 ? [] : [text('l'), 'h', i - 1, text('r'), 'h', i - 1]
      doubled.push(...object(`__torch__\n${name}`, ...below), 'q', i)
    }
    doubled.push('1h', 59)
    refuses(archive(doubled, code), 'ERR_CHECKPOINT_UNSAFE', /modules in more than 100000 places/, torch.toStateDict)
    const deep: Piece[] = []
    for (let i = 0; i < 5000; i++) deep.push(`c__torch__\n${name}\n)`, 0x81, '}', text('m'))
    deep.push('N', ...Array(5000).fill('sb'))
    refuses(archive(deep, code), 'ERR_CHECKPOINT_UNSAFE', /1000 /, torch.toStateDict)
  }
})

test('a module that makes itself by a program has no state dict here', () => {
  const data = ['c__torch__\nNet\n)', 0x81, 'K', 1, 'b']
  const loaded = torch.loadSync(archive(data, { __torch__: declare('Net') }))
  assert.equal(loaded.state, 1)
  assert.throws(() => torch.toStateDict(loaded), {
    code: 'ERR_CHECKPOINT_FORMAT',
    message: /module '' \(__torch__\.Net\) makes itself by a program, __setstate__.*torch\.jit\.load\(\)/,
  })
})

test('an optimizer whose values are not what C++ declares', () => {
  const code = { __torch__: declare('Module') }
  const module = (...state: Piece[]): Piece[] => object('__torch__\nModule', ...state)
  const number = (value: number): Uint8Array =>
    Buffer.from(bytes('G', Buffer.from(new Float64Array([value]).buffer).reverse()))
  const sgd = (lr: Piece[], params: Piece[] = [text('5')], state: Piece[] = []): Buffer => {
    const options = ['momentum', 'dampening', 'weight_decay'].flatMap((key) => [text(key), number(0)])
    const group = module(
      ...[text('params/0'), ...params, text('options')],
      ...module(text('lr'), ...lr, ...options, text('nesterov'), 0x88),
    )
    return archive(
      module(
        ...[text('pytorch_version'), text('1.5.0'), text('state')],
        ...module(text('5'), ...module(...state)),
        ...[text('param_groups'), ...module(text('param_groups/0'), ...group)],
      ),
      code,
    )
  }
  const good = torch.loadSync(sgd([number(0.5)]))
  assert.deepEqual([good.state.size, good.param_groups[0].lr, good.param_groups[0].params], [0, 0.5, [0]])
  refuses(sgd([text('fast')]), 'ERR_CHECKPOINT_FORMAT', /SGD's lr is str/)
  refuses(sgd([number(1)], ['K', 5]), 'ERR_CHECKPOINT_FORMAT', /a parameter of an optimizer is int/)
  const wrong = sgd([number(1)], undefined, [text('momentum_buffer'), 'K', 1])
  refuses(wrong, 'ERR_CHECKPOINT_FORMAT', /momentum_buffer in a parameter's state of SGD is int/)
})

test('a changed archive is read, or refused with a code', () => {
  const whole = readFileSync(fixture)
  let random = 1
  const next = (below: number): number => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0
    return Math.floor((random / 2 ** 32) * below)
  }
  let read = 0
  for (let i = 0; i < 400; i++) {
    const mutated = Uint8Array.from(whole)
    for (let j = 0; j <= next(4); j++) mutated[next(mutated.length)] = next(256)
    try {
      torch.toStateDict(torch.loadSync(mutated, { mapLocation: 'cpu' }))
      read++
    } catch (error) {
      assert.ok(error instanceof torch.TorchError, String(error))
      assert.match(error.code, /^ERR_CHECKPOINT_(FORMAT|UNSAFE)$/)
    }
  }
  assert.ok(read > 0 && read < 400, String(read))
})

test('what has no form in C++ is refused by its place, and leaves no file', (t) => {
  const dir = tempDir(t)
  const x = torch.ones(2)
  const adam = (options: object = {}, state: object = {}): object => ({
    state: new Map([[0, state]]),
    param_groups: [{ lr: 1, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0, amsgrad: false, params: [0], ...options }],
  })
  const cyclic: Record<string, unknown> = {}
  cyclic.a = cyclic
  const cases: [unknown, RegExp][] = [
    [5, /a number has no form in C\+\+; save a module, a state dict/],
    [null, /null has no form/],
    [new Date(), /an instance of Date has no form/],
    [new Map([[1, x]]), /a Map with keys that are no strings/],
    [[x, 1], /at \["1"\]: an array has to hold tensors alone/],
    [{ a: x, 'a.b': x }, /at \["a\.b"\]: 'a' is a value and cannot hold others/],
    [{ 'a.b': x, a: x }, /at \["a"\]: there are two values of this name/],
    [{ 'a..b': x }, /a name in C\+\+ cannot be empty/],
    [{ '': x }, /cannot be empty/],
    [{ a: { b: Symbol('s') } }, /at \["a"\]\["b"\]: a symbol has no form/],
    [{ a: [1, 'b'] }, /a list in C\+\+ has values of one type/],
    [{ a: [{ b: 1 }] }, /an object in a list/],
    [{ a: 2n ** 64n }, /64 bits/],
    [cyclic, /levels deep/],
    [{ a: torch.ones(2, { dtype: 'uint16' }) }, /at \["a"\]: a tensor of dtype uint16 cannot be written for C\+\+/],
    [{ a: torch.ones(2, { device: 'meta' }) }, /a tensor on the meta device/],
    [{ a: torch.eye(2).toSparse() }, /a tensor of layout sparse_coo/],
    [adam({ lr: 'fast' }), /\["lr"\]: C\+\+ needs a number here/],
    [adam({ maximize: true }), /Adam of C\+\+ cannot maximize/],
    [adam({}, { step: 1.5 }), /\["step"\]: C\+\+ needs a whole number/],
    [adam({}, { speed: 1 }), /Adam of C\+\+ has no such state/],
    [
      { state: {}, param_groups: [{ rho: 1, params: [] }] },
      /an optimizer that C\+\+ does not have; it has SGD, Adam, AdamW,/,
    ],
    [{ state: {}, param_groups: [5] }, /a group of an optimizer has to be an object with 'params'/],
    [{ ...adam(), state: { 7: {} } }, /\["7"\]: a state has to be an object and belong to a parameter/],
  ]
  for (const [value, message] of cases) {
    assert.throws(() => torch.saveSync(value, join(dir, 'a.pt'), { format: 'libtorch' }), {
      name: 'ArgumentError',
      message,
    })
  }
  assert.throws(() => readFileSync(join(dir, 'a.pt')), { code: 'ENOENT' })
})

test('a checkpoint of several parts comes back as it was', async (t) => {
  const dir = tempDir(t)
  const model = new torch.nn.Sequential(new torch.nn.Linear(2, 3), new torch.nn.BatchNorm1d(3))
  const optimizer = new torch.optim.AdamW(model.parameters(), { lr: 1, foreach: false })
  model.forward(torch.ones(4, 2)).pow(2).sum().backward()
  optimizer.step()
  const checkpointed = {
    epoch: 3,
    best: torch.pyFloat(2),
    name: 'ä "b"',
    done: false,
    none: null,
    rates: [0.5, 1],
    words: ['a', 'b'],
    pair: torch.Tuple.from([1, 0.5]),
    model: model.stateDict(),
    optimizer: optimizer.stateDict(),
  }
  const path = join(dir, 'a.pt')
  await torch.save(checkpointed, path, { format: 'libtorch' })
  const loaded = torch.loadSync(path)
  assert.deepEqual(Object.keys(loaded), Object.keys(checkpointed))
  const { epoch, best, name, done, none, rates, words, pair } = loaded
  assert.deepEqual(
    { epoch, best, name, done, none, rates, words, pair },
    {
      epoch: 3,
      best: 2,
      name: 'ä "b"',
      done: false,
      none: null,
      rates: [0.5, 1],
      words: ['a', 'b'],
      pair: torch.Tuple.from([1, 0.5]),
    },
  )
  const fresh = new torch.nn.Sequential(new torch.nn.Linear(2, 3), new torch.nn.BatchNorm1d(3))
  assert.equal(String(fresh.loadStateDict(torch.toStateDict(loaded))), '<All keys matched successfully>')
  for (const [key, tensor] of Object.entries(model.stateDict() as Record<string, torch.Tensor>)) {
    assert.ok(torch.equal(tensor, (loaded.model as any)[key]), key)
  }
  const next = new torch.optim.AdamW(fresh.parameters())
  next.loadStateDict(loaded.optimizer)
  assert.equal(next.paramGroups[0]!.foreach, false)
  assert.equal(next.paramGroups[0]!.lr, 1)
  torch.saveSync(model, join(dir, 'm.pt'), { format: 'libtorch' })
  const program = torch.jit.load(join(dir, 'm.pt'))
  assert.deepEqual(
    program.namedParameters().map(([key, p]) => [key, p.requiresGrad]),
    model.namedParameters().map(([key, p]) => [key, p.requiresGrad]),
  )
  assert.deepEqual(
    program.namedBuffers().map(([key]) => key),
    model.namedBuffers().map(([key]) => key),
  )
})
