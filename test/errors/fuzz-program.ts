/**
 * Calls functions with hostile arguments: `node fuzz-program.js <group> [part/parts | name …]`. Whatever they do but throw an
 * Error or return is a failure: a crash ends this process, and the last line of its output names the call.
 */
import { writeSync } from 'node:fs'
import * as torch from 'libtorch-node'

type Any = (...args: any[]) => unknown

/** Not called, and why. */
const left: Record<string, string> = {
  'torch.scope': 'runs what it is given',
  'torch.setGradEnabled': 'would change what all later calls do',
  'torch.setDefaultDtype': 'would change what all later calls do',
}

const throwing = {
  get a() {
    throw new RangeError('mine')
  },
}
const { proxy: revoked, revoke } = Proxy.revocable({}, {})
revoke()
const { proxy: revokedArray, revoke: revokeArray } = Proxy.revocable([], {})
revokeArray()
const liar = new Proxy([1, 2], { get: (target, key) => (key === 'length' ? 1000 : Reflect.get(target, key)) })
const cyclic: unknown[] = []
cyclic.push(cyclic)
const changing = {
  valueOf() {
    throw new RangeError('mine')
  },
  [Symbol.toPrimitive]: () => ({}),
}

const hostile: unknown[] = [
  undefined,
  null,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  0,
  1.5,
  1000,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 40,
  2 ** 53,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 70n,
  true,
  '',
  'x',
  'sum',
  '\0',
  'i,j->'.repeat(500),
  [],
  [[]],
  [0],
  [-1],
  [2 ** 31, 2 ** 31],
  [2n ** 63n - 1n],
  [[1, 2], [3]],
  [null, undefined],
  ['a', 1, {}],
  Object.freeze([1]),
  new Array(5),
  cyclic,
  {},
  { re: 1, im: Number.NaN },
  { re: 'x', im: {} },
  { dim: -9 },
  { dtype: 'nothing' },
  { device: 'cuda' },
  throwing,
  changing,
  () => 1,
  class {},
  Symbol('s'),
  new Proxy({}, {}),
  revoked,
  revokedArray,
  liar,
  new Float32Array(2),
  new BigInt64Array(1),
  new ArrayBuffer(8),
  new Date(0),
  /x/,
  new Map(),
  Object.create(null),
]

const tensors = (): torch.Tensor[] => [
  torch.ones(2, 3),
  torch.ones(3, { dtype: 'int64' }),
  torch.ones(0, 2),
  torch.tensor(2),
]

/** Argument lists for one hostile value. */
function* argumentLists(h: unknown, x: torch.Tensor): Generator<unknown[]> {
  yield [h]
  yield [h, h]
  yield [x, h]
  yield [h, x]
  yield [x, h, h]
  yield [x, x, h]
  yield [x, 1, h]
  yield [[x, x], h]
  yield [x, x, x, h]
  yield [x, { dim: h }]
}

function show(value: unknown): string {
  try {
    if (value === cyclic || value === liar || value === revokedArray) return 'trick array'
    if (torch.isTensor(value)) return `Tensor[${value.shape}]`
    if (Array.isArray(value)) return `[${value.map(show)}]`
    return typeof value === 'string' ? JSON.stringify(value).slice(0, 30) : String(value)
  } catch {
    return typeof value
  }
}

function functionsOf(namespace: object, prefix: string): [string, Any][] {
  const found: [string, Any][] = []
  for (const key of Object.getOwnPropertyNames(namespace)) {
    const value = Object.getOwnPropertyDescriptor(namespace, key)!.value ?? Reflect.get(namespace, key)
    if (typeof value === 'function') found.push([`${prefix}${key}`, value])
  }
  return found
}

/** A class is called with `new`; what it makes gets its methods called without arguments. */
function constructing([name, Type]: [string, Any]): [string, Any] {
  return [`new ${name}`, (...args) => Reflect.construct(Type, args)]
}

const isClass = ([name]: [string, Any]) => /\.[A-Z]\w*[a-z]/.test(name)
const errors = /Error$/

const groups: Record<string, () => [string, Any][]> = {
  functions: () => functionsOf(torch, 'torch.').filter((entry) => !isClass(entry)),
  namespaces: () =>
    ['linalg', 'fft', 'special', 'autograd', 'cuda'].flatMap((name) =>
      functionsOf((torch as unknown as Record<string, object>)[name]!, `torch.${name}.`),
    ),
  methods: () =>
    Object.getOwnPropertyNames(torch.Tensor.prototype)
      .filter((name) => name !== 'constructor' && !Object.getOwnPropertyDescriptor(torch.Tensor.prototype, name)!.get)
      .map((name) => [
        `Tensor.${name}`,
        (self: unknown, ...args: unknown[]) => {
          const method = Reflect.get(torch.Tensor.prototype, name) as Any
          return Reflect.apply(method, self, args)
        },
      ]),
  setters: () =>
    ['grad', 'data', 'requiresGrad', 'names'].map((name) => [
      `Tensor.${name} =`,
      (self: unknown, value: unknown) => Reflect.set(torch.isTensor(self) ? self : torch.ones(1), name, value),
    ]),
  nn: () => [
    ...functionsOf(torch.nn, 'nn.').filter(isClass).map(constructing),
    ...functionsOf(torch.nn.functional, 'nn.functional.'),
    ...[
      new torch.nn.Linear(3, 2),
      new torch.nn.Conv2d(1, 1, 1),
      new torch.nn.BatchNorm2d(3),
      new torch.nn.Sequential(),
    ].flatMap((layer) =>
      [
        'forward',
        'to',
        'loadStateDict',
        'getSubmodule',
        'registerBuffer',
        'addModule',
        'train',
        'requiresGrad_',
        'apply',
      ].map((name): [string, Any] => [
        `${layer.constructor.name}.${name}`,
        (...args) => Reflect.apply(Reflect.get(layer, name), layer, args),
      ]),
    ),
  ],
  rest: () => [
    ...functionsOf(torch, 'torch.')
      .filter((entry) => isClass(entry) && !errors.test(entry[0]))
      .map(constructing),
    ...functionsOf(torch.optim, 'optim.').filter(isClass).map(constructing),
    ...functionsOf(torch.optim.lrScheduler, 'optim.lrScheduler.').filter(isClass).map(constructing),
    ...functionsOf(torch.utils.data, 'utils.data.').filter(isClass).map(constructing),
  ],
}

const [group, ...selection] = process.argv.slice(2)
const [part, parts] = /^\d+\/\d+$/.test(selection[0] ?? '') ? selection[0]!.split('/').map(Number) : [0, 1]
const names = parts === 1 ? selection : []
const thorough = process.env.FUZZ === 'thorough'
let calls = 0
const slow: string[] = []

torch.setNumThreads(1)
for (const [i, [name, fn]] of groups[group!]!().entries()) {
  if (i % parts! !== part || name in left || (names.length > 0 && !names.includes(name))) continue
  for (const [k, h] of hostile.entries()) {
    for (const [n, x] of tensors().entries()) {
      for (const [m, args] of [...argumentLists(h, x)].entries()) {
        // each function meets each value, not in each place: all of them are ten times as many
        if (!thorough && (i + k + n + m) % 10 !== 0) continue
        writeSync(2, `\r${name}(${args.map(show).join(', ')})\n`)
        const started = performance.now()
        try {
          const result = fn(...args)
          if (result instanceof Promise) result.catch(() => {})
        } catch (error) {
          if (!(error instanceof Error)) throw new Error(`${name} threw what is no Error: ${String(error)}`)
        }
        calls++
        const took = performance.now() - started
        if (took > 3000) slow.push(`${name}(${args.map(show).join(', ')}): ${took.toFixed(0)} ms`)
      }
    }
  }
}
console.log(JSON.stringify({ calls, slow }))
