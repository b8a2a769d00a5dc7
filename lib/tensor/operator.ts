/**
 * Operators as JavaScript functions. All of them go through here: positional arguments as they are, keyword arguments in one
 * trailing options object whose camelCase keys are put into schema order before the call.
 */
import type { OperatorFunctions, Schema } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError, nearest, TorchError } from '../errors.js'
import * as dtypes from './dtype.js'
import { ownGenerator } from './generator.js'
import { camelCase } from './names.js'
import { handleOf, newTensor, tensorHandle } from './new-tensor.js'
import type { Tensor } from './tensor.js'

type Options = Record<string, unknown>

/** True for the options object of a call: a plain object, but not a complex number. */
export function isOptions(value: unknown): value is Options {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && !('re' in value && 'im' in value)
}

/** Names that Python's argument parser also takes. */
const aliases: Record<string, string> = {
  input: 'self',
  x: 'self',
  x1: 'self',
  axis: 'dim',
  keepdims: 'keepdim',
  x2: 'other',
}

interface Signature {
  schema: Schema
  /** camelCase names in schema order */
  names: string[]
  /** `zeros(2, 3)`: numbers given one by one from this position on make up the list */
  variadicFrom: number
  factory: boolean
}

function signatureOf(schema: Schema): Signature {
  const names = schema.arguments.map((argument) => camelCase(argument.name))
  const positional = schema.arguments.filter((argument) => !argument.keywordOnly)
  const last = positional.length - 1
  const self = names[0] === 'self' ? 1 : 0
  const variadic = last === self && /^(Sym)?[Ii]nt\[\]$/.test(positional[last]!.type)
  const factory = names.includes('dtype') && names.includes('pinMemory')
  return { schema, names, variadicFrom: variadic ? last : -1, factory }
}

/** An operator, found on its first call: importing the package needs no LibTorch. */
export class Operator {
  #functions?: OperatorFunctions
  #signatures?: Signature[]
  #options?: Set<string>

  constructor(
    /** 'aten::add' */
    readonly name: string,
    readonly overload?: string,
  ) {}

  get functions(): OperatorFunctions {
    return (this.#functions ??= this.#find())
  }

  get signatures(): Signature[] {
    return (this.#signatures ??= native().schemas(this.name, this.overload).map(signatureOf))
  }

  /** All options that any signature takes. */
  get #knownOptions(): Set<string> {
    if (this.#options === undefined) {
      this.#options = new Set(this.signatures.flatMap((signature) => signature.names))
      if (this.signatures.some((signature) => signature.factory)) this.#options.add('requiresGrad')
    }
    return this.#options
  }

  #find(): OperatorFunctions {
    const found = native().operator(this.name, this.overload)
    if (found) return found
    const full = this.overload ? `${this.name}.${this.overload}` : this.name
    throw new TorchError(
      `LibTorch ${native().version().libtorch} has no operator ${full}, or none that can be called by name; torch.version tells which LibTorch is loaded`,
    )
  }

  /** Whether calls are given the generator of this thread: it has one of its own, and the operator takes one. */
  get drawsFromThread(): boolean {
    return ownGenerator() !== undefined && this.signatures.some(({ names }) => names.includes('generator'))
  }

  /** Calls with positional arguments alone. */
  call(args: unknown[]): any {
    const { positional, returnsTensor } = this.functions
    if (!returnsTensor) return positional(undefined, 0, ...args)
    const out = newTensor()
    const [handles, values] = withHandles(args)
    return toResult(positional(out, handles, ...values), out, args)
  }

  /** Calls one overload with its arguments in schema order; undefined when they do not fit. */
  callOverload(index: number, args: unknown[]): any {
    const { overload, returnsTensor } = this.functions
    if (!returnsTensor) return overload(undefined, 0, index, ...args)
    const out = newTensor()
    const [handles, values] = withHandles(args)
    const result = overload(out, handles, index, ...values)
    return result === undefined ? undefined : toResult(result, out, args)
  }

  /** Calls with `options` behind the positional arguments. */
  callWithOptions(args: unknown[], options: Options): any {
    const named = this.#named(options)
    const { requiresGrad } = options
    if (named.generator == null && this.drawsFromThread) named.generator = ownGenerator()
    const refused: string[] = []
    for (let i = 0; i < this.signatures.length; i++) {
      const signature = this.signatures[i]!
      const flat = flatten(signature, args, named)
      if (!flat) continue
      if (requiresGrad !== undefined && !signature.factory) continue
      const result = this.callOverload(i, flat)
      if (result !== undefined) {
        if (requiresGrad !== undefined) (result as Tensor).requiresGrad = Boolean(requiresGrad)
        return result
      }
      refused.push(signature.schema.text)
    }
    throw this.#mismatch(args, options, refused)
  }

  /** Options under the names of the schemas, without `requiresGrad`, which is in none; unknown ones are errors. */
  #named(options: Options): Options {
    const names = this.#knownOptions
    const named: Options = {}
    for (const key of Object.keys(options)) {
      const name = names.has(key) ? key : (aliases[key] ?? key)
      if (!names.has(name))
        throw unknownOption(
          this.name.replace(/^aten::/, ''),
          key,
          [...names].filter((n) => n !== 'self'),
        )
      if (name !== 'requiresGrad') named[name] = options[key]
    }
    return named
  }

  #mismatch(args: unknown[], options: Options, refused: string[]): ArgumentError {
    const misspelled = unknownDtypeOrDevice(options)
    if (misspelled) return new ArgumentError(`${this.name.replace(/^aten::/, '')}(): ${misspelled}`)
    const given = [
      ...args.map(describe),
      ...Object.entries(options).map(([key, value]) => `${key}: ${describe(value)}`),
    ]
    const texts = refused.length ? refused : this.signatures.map((signature) => signature.schema.text)
    const name = this.name.replace(/^aten::/, '')
    return new ArgumentError(
      `${name}(): no signature takes (${given.join(', ')})\nsignatures:\n  ${texts.join('\n  ')}`,
    )
  }
}

/** Arguments in schema order with `undefined` for those not given; undefined when the signature has no place for one. */
function flatten(signature: Signature, args: unknown[], options: Options): unknown[] | undefined {
  const { names, variadicFrom, schema } = signature
  let positional = args
  if (variadicFrom >= 0 && typeof args[variadicFrom] === 'number') {
    positional = [...args.slice(0, variadicFrom), args.slice(variadicFrom)]
  }
  if (positional.length > schema.arguments.length) return undefined
  const flat: unknown[] = positional.slice()
  for (const key of Object.keys(options)) {
    const at = names.indexOf(key)
    if (at < 0 || at < positional.length) return undefined
    while (flat.length < at) flat.push(undefined)
    flat[at] = options[key]
  }
  if (positional.length && schema.arguments[positional.length - 1]!.keywordOnly) return undefined
  return flat
}

const deviceText =
  /^(cpu|cuda|meta|mps|xpu|hip|mtia|hpu|vulkan|xla|lazy|ipu|mkldnn|privateuseone|maia|ve|fpga|ideep)(:\d+)?$/

/** What is wrong with the options `dtype` and `device`; undefined when it is something else. */
function unknownDtypeOrDevice({ dtype, device }: Options): string | undefined {
  const [word, kind] =
    typeof dtype === 'string' && !dtypes.isDtype(dtype)
      ? [dtype, 'dtype']
      : typeof device === 'string' && !deviceText.test(device)
        ? [device, 'device']
        : []
  if (word === undefined) return undefined
  const near = nearest(word, [
    ...Object.values(dtypes).filter(dtypes.isDtype),
    'cpu',
    'cuda',
    'cuda:0',
    'meta',
    'mps',
    'xpu',
  ])
  return `unknown ${kind} '${word}'${near ? `; did you mean '${near}'?` : ''}`
}

/** The error for an option that `what` does not have. */
export function unknownOption(what: string, key: string, known: string[]): ArgumentError {
  if (key === 'out')
    return new ArgumentError(`${what}(): there is no option 'out'; assign the result, or use the in-place form`)
  const near = nearest(key, known)
  const hint = near
    ? `; did you mean '${near}'?`
    : known.length
      ? `; it takes ${known.map((n) => `'${n}'`).join(', ')}`
      : ''
  return new ArgumentError(`${what}(): unknown option '${key}'${hint}`)
}

/** How messages call a value: its kind, not its contents. */
export function describe(value: unknown): string {
  if (native().isTensor(value)) return `Tensor(${value.dtype}, [${value.shape}])`
  if (Array.isArray(value)) return `[${value.slice(0, 4).map(describe).join(', ')}${value.length > 4 ? ', …' : ''}]`
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'object' && value !== null) return value.constructor?.name ?? 'object'
  return String(value)
}

/** The arguments with handles in place of Tensors, and the bits that say which. */
function withHandles(args: unknown[]): [number, unknown[]] {
  let handles = 0
  const values = args.map((arg, i) => {
    const handle = i < 31 ? handleOf(arg) : undefined
    if (handle === undefined) return arg
    handles |= 1 << i
    return handle
  })
  return [handles, values]
}

/** `out` with the handle of its result; or the argument that the operator returned (in place, or with nothing to do). */
function toResult(result: number | null, out: Tensor, args: unknown[]): unknown {
  if (result === null) return null
  if (result < 0) return args[-1 - result]
  out[tensorHandle] = result
  return out
}

/** A free function for an operator. */
export function operatorFunction(name: string): (...args: any[]) => any {
  const operator = new Operator(name)
  let call: OperatorFunctions['positional'] | undefined
  let returnsTensor = false
  let drawsFromThread = false
  // Up to three arguments are spelled out, as Operator.call() has them: arrays cost allocations.
  return function (a?: unknown, b?: unknown, c?: unknown) {
    if (call === undefined) {
      drawsFromThread = operator.drawsFromThread
      ;({ positional: call, returnsTensor } = operator.functions)
    }
    // biome-ignore lint/complexity/noArguments: see above
    const args = arguments
    const n = args.length
    if (n > 0 && isOptions(args[n - 1]))
      return operator.callWithOptions(Array.prototype.slice.call(args, 0, n - 1), args[n - 1])
    if (drawsFromThread) return operator.callWithOptions(Array.prototype.slice.call(args), {})
    if (!returnsTensor || n === 0 || n > 3) return operator.call(Array.prototype.slice.call(args))
    const out = newTensor()
    const x = handleOf(a)
    const y = handleOf(b)
    const z = handleOf(c)
    const handles = (x === undefined ? 0 : 1) | (y === undefined ? 0 : 2) | (z === undefined ? 0 : 4)
    const result =
      n === 1
        ? call(out, handles, x ?? a)
        : n === 2
          ? call(out, handles, x ?? a, y ?? b)
          : call(out, handles, x ?? a, y ?? b, z ?? c)
    if (result === null) return null
    if (result < 0) return args[-1 - result]
    out[tensorHandle] = result
    return out
  }
}

/** A method of Tensor for an operator whose first argument is the receiver. */
export function operatorMethod(name: string): (this: Tensor, ...args: any[]) => any {
  const operator = new Operator(name)
  let call: OperatorFunctions['positional'] | undefined
  let returnsTensor = false
  let drawsFromThread = false
  return function (this: Tensor, a?: unknown, b?: unknown) {
    if (call === undefined) {
      drawsFromThread = operator.drawsFromThread
      ;({ positional: call, returnsTensor } = operator.functions)
    }
    // biome-ignore lint/complexity/noArguments: a rest array costs an allocation for each call
    const args = arguments
    const n = args.length
    if (n > 0 && isOptions(args[n - 1]))
      return operator.callWithOptions([this, ...Array.prototype.slice.call(args, 0, n - 1)], args[n - 1])
    if (drawsFromThread) return operator.callWithOptions([this, ...Array.prototype.slice.call(args)], {})
    if (!returnsTensor || n > 2) return operator.call([this, ...Array.prototype.slice.call(args)])
    const out = newTensor()
    const self = handleOf(this)
    const x = handleOf(a)
    const y = handleOf(b)
    const handles = (self === undefined ? 0 : 1) | (x === undefined ? 0 : 2) | (y === undefined ? 0 : 4)
    const result =
      n === 0
        ? call(out, handles, self ?? this)
        : n === 1
          ? call(out, handles, self ?? this, x ?? a)
          : call(out, handles, self ?? this, x ?? a, y ?? b)
    if (result === null) return null
    if (result < 0) return result === -1 ? this : args[-2 - result]
    out[tensorHandle] = result
    return out
  }
}
