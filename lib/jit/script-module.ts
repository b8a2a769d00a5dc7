import { closeSync, fsyncSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { getSystemErrorName } from 'node:util'
import { native } from '../binding.js'
import { ArgumentError, TorchError } from '../errors.js'
import type { Memo } from '../nn/deepcopy.js'
import { hasGlobalHooks } from '../nn/global-hooks.js'
import { Module } from '../nn/module.js'
import { atomicallySync } from '../serialize/save.js'
import { noGrad } from '../tensor/autograd.js'
import { camelCase } from '../tensor/names.js'
import { describe, isOptions, unknownOption } from '../tensor/operator.js'
import { Buffer, emptyShell, Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import type { ScriptArgument, ScriptHandle, ScriptMember } from './native.js'
import { decode, encode, knowHandle } from './values.js'

/** What {@link ScriptModule.save} takes. */
export interface ScriptSaveOptions {
  /** Files to put into the archive beside the program, by name. */
  extraFiles?: Readonly<Record<string, string | Uint8Array>>
}

interface Slot extends ScriptMember {
  index: number
  /** The tensor or module that JavaScript has for the slot, and the identity of that tensor. */
  held: Tensor | ScriptModule | null
  id: bigint
}

/** Tensors that a tree of modules has JavaScript objects for: a shared parameter is one object. */
type Known = Map<bigint, Parameter | Buffer>

/**
 * A module whose program is TorchScript: Python made it with `torch.jit.script` or `torch.jit.trace`, and {@link load} opened it. Its
 * parameters, buffers and children are its own, in Python's order; {@link Module}'s functions do with them what they do with any
 * module's. Methods and attributes have the program's names, and are properties where no member of Module has that name.
 *
 * Arguments: tensors, numbers, strings, booleans, null, arrays for lists, arrays or {@link Tuple}s for tuples, plain objects and
 * Maps for dictionaries, the names of enum members, dtypes and devices as strings. Keyword arguments stand in one plain object at
 * the end; an object in the place of a dictionary is the dictionary. Results: tuples as {@link Tuple}, dictionaries with keys of text
 * as plain objects without prototype, others as Maps. Lists and dictionaries are copies in both directions.
 */
export class ScriptModule extends Module {
  declare readonly keyBrand?: string;
  [member: string]: any

  readonly #handle: ScriptHandle
  readonly #known: Known
  readonly #className: string
  readonly #slots: Map<string, Slot>
  readonly #methods: ReadonlySet<string>
  readonly #arguments = new Map<string, ScriptArgument[]>()

  /** @internal */
  constructor(handle: ScriptHandle, known: Known = new Map()) {
    super()
    this.#handle = handle
    this.#known = known
    knowHandle(this, handle)
    const { name, members, methods } = native().scriptDescribe(handle)
    this.#className = name
    this.#slots = new Map(members.map((member, index) => [member.name, { ...member, index, held: null, id: 0n }]))
    this.#methods = new Set(methods)
    // a frozen module has no mode of its own
    if (!this.#slots.has('training')) super.training = false
    for (const slot of this.#slots.values()) {
      if (slot.kind === 'module') slot.held = this.#decode(native().scriptGet(handle, slot.index)) as ScriptModule
      if (slot.name in this) continue
      Object.defineProperty(this, slot.name, {
        configurable: true,
        enumerable: slot.kind !== 'attribute',
        get: () => this.#read(slot),
        set: (value: unknown) => this.#write(slot, value),
      })
    }
    for (const method of methods) if (!(method in this)) this.#defineMethod(method)
  }

  #defineMethod(name: string): void {
    const call = (...args: unknown[]): unknown => this.method(name, ...args)
    Object.defineProperties(call, {
      name: { value: name },
      code: { get: () => native().scriptText(this.#handle, name, 'code') },
      graph: { get: () => native().scriptText(this.#handle, name, 'graph') },
    })
    Object.defineProperty(this, name, { configurable: true, enumerable: false, writable: true, value: call })
  }

  #decode(value: unknown): unknown {
    return decode(value, (handle) => new ScriptModule(handle, this.#known))
  }

  #read(slot: Slot): unknown {
    if (slot.kind === 'module') return slot.held
    if (slot.kind === 'attribute') return this.#decode(native().scriptGet(this.#handle, slot.index))
    const id = native().scriptTensorId(this.#handle, slot.index)
    if (id === 0n) return null
    if (id === slot.id) return slot.held
    let tensor = this.#known.get(id)
    if (tensor === undefined) {
      const shell: Parameter | Buffer = slot.kind === 'parameter' ? emptyShell(Parameter) : emptyShell(Buffer)
      if (native().scriptTensor(shell, this.#handle, slot.index) === null) return null
      tensor = shell
      this.#known.set(id, tensor)
    }
    this.#hold(slot, tensor, id)
    return tensor
  }

  /** The program may put another tensor into a slot; then the one before is let go of. */
  #hold(slot: Slot, value: Tensor | null, id: bigint): void {
    if (slot.id !== 0n && slot.id !== id) this.#known.delete(slot.id)
    slot.held = value
    slot.id = id
  }

  #write(slot: Slot, value: unknown): void {
    if (slot.kind === 'module') {
      if (!(value instanceof ScriptModule)) {
        throw new TorchError(
          `Cannot re-assign modules in a ScriptModule with non-scripted module, tried to replace existing module '${slot.name}': ${value}`,
        )
      }
      native().scriptSet(this.#handle, slot.index, encode(value))
      slot.held = value
    } else if (slot.kind === 'attribute') {
      native().scriptSet(this.#handle, slot.index, encode(value))
    } else {
      const tensor = slot.kind === 'parameter' ? parameterFor(slot.name, value) : bufferFor(slot.name, value)
      this.#place(slot, tensor)
    }
  }
  #place(slot: Slot, tensor: Tensor | null): void {
    native().scriptSet(this.#handle, slot.index, tensor)
    const id = native().scriptTensorId(this.#handle, slot.index)
    if (tensor instanceof Parameter || tensor instanceof Buffer) this.#known.set(id, tensor)
    this.#hold(slot, tensor, id)
  }

  // ---- what Module finds

  /** @internal */
  override _fields(): [string, unknown][] {
    const own: [string, unknown][] = []
    for (const slot of this.#slots.values()) if (slot.kind !== 'attribute') own.push([slot.name, this.#read(slot)])
    return [...own, ...super._fields().filter(([name]) => !this.#slots.has(name))]
  }
  /** @internal */
  override _put(name: string, value: unknown): void {
    const slot = this.#slots.get(name)
    if (slot) this.#write(slot, value)
    else super._put(name, value)
  }
  /** @internal */
  override _putReplica(name: string, tensor: Tensor): void {
    const slot = this.#slots.get(name)
    if (slot) this.#place(slot, tensor)
    else super._putReplica(name, tensor)
  }
  /** @internal */
  override _present(name: string): unknown {
    const slot = this.#slots.get(name)
    return slot ? this.#read(slot) : super._present(name)
  }
  /** @internal */
  override _getName(): string {
    return 'RecursiveScriptModule'
  }
  /** Name of the class that was scripted or traced. */
  get originalName(): string {
    return this.#className
  }
  override extraRepr(): string {
    return `original_name=${this.#className}`
  }

  override get training(): boolean {
    const slot = this.#slots.get('training')
    return slot ? (this.#read(slot) as boolean) : super.training
  }
  override set training(mode: boolean) {
    super.training = mode
    const slot = this.#slots.get('training')
    if (slot) native().scriptSet(this.#handle, slot.index, mode)
  }

  // ---- calls

  /** Computes the program's result; as for all modules, hooks fire. */
  override forward(...args: any[]): any {
    if (!this.#methods.has('forward')) return super.forward()
    return this.method('forward', ...args)
  }
  /**
   * The same off the main thread. Modules with hooks that are JavaScript's cannot do it. Calls that change attributes of the
   * module take turns; the data of arguments must not be written to before the result is there.
   */
  async forwardAsync(...args: any[]): Promise<any> {
    if (Object.hasOwn(this, 'forward') || hasGlobalHooks())
      throw new ArgumentError('forwardAsync(): the module has hooks, which run on the main thread; use forward()')
    return this.methodAsync('forward', ...args)
  }
  /** Calls the method of that name: `module.method('encode', x)`. */
  method(name: string, ...args: any[]): any {
    const [values, names] = this.#take(name, args)
    return this.#decode(native().scriptCall(this.#handle, name, values, names))
  }
  /** {@link ScriptModule.method} off the main thread. */
  async methodAsync(name: string, ...args: any[]): Promise<any> {
    const [values, names] = this.#take(name, args)
    return this.#decode(await native().scriptCallAsync(this.#handle, name, values, names))
  }
  /** Names of the methods, in the program's order. */
  methodNames(): string[] {
    return [...this.#methods]
  }

  /** Values for a call, and the names of those at the end that came as keyword arguments. */
  #take(name: string, args: unknown[]): [unknown[], string[]] {
    if (typeof name !== 'string') throw new ArgumentError(`method(): expected a name, received ${describe(name)}`)
    let declared = this.#arguments.get(name)
    if (declared === undefined) {
      declared = native().scriptArguments(this.#handle, name)
      this.#arguments.set(name, declared)
    }
    const positional = [...args]
    const names: string[] = []
    const last = positional.at(-1)
    const keywords = isOptions(last) && declared[positional.length - 1]?.takesDict !== true ? last : undefined
    if (keywords) positional.pop()
    while (positional.length > 0 && positional.at(-1) === undefined) positional.pop()
    const values = positional.map((value) => encode(value))
    for (const [key, value] of Object.entries(keywords ?? {})) {
      if (value === undefined) continue
      const known = declared.find((argument) => argument.name === key || camelCase(argument.name) === key)
      names.push(known?.name ?? key)
      values.push(encode(value))
    }
    return [values, names]
  }

  // ---- attributes

  /** Names of the attributes that are neither parameter nor buffer nor module. */
  attributeNames(): string[] {
    return [...this.#slots.values()].filter((slot) => slot.kind === 'attribute').map((slot) => slot.name)
  }
  /** What the program has under this name; also where it is no property here, because Module has one of that name. */
  getAttribute(name: string): any {
    return this.#read(this.#slotOf(name))
  }
  /** Sets what the program has under this name, of its declared type. */
  setAttribute(name: string, value: unknown): void {
    this.#write(this.#slotOf(name), value)
  }
  #slotOf(name: string): Slot {
    const slot = this.#slots.get(name)
    if (!slot) throw new ArgumentError(`'RecursiveScriptModule' object has no attribute '${name}'`)
    return slot
  }

  // ---- text and files

  /** `forward` as Python would write it. */
  get code(): string {
    return native().scriptText(this.#handle, 'forward', 'code')
  }
  /** `forward` as the interpreter runs it. */
  get graph(): string {
    return native().scriptText(this.#handle, 'forward', 'graph')
  }
  /** The same with all functions and methods that it calls put in their places. */
  get inlinedGraph(): string {
    return native().scriptText(this.#handle, 'forward', 'inlined graph')
  }

  /**
   * Saves program and values; Python's `torch.jit.load` opens the file. It appears under its name only when it is complete and on
   * the disk; until then, and when anything fails, a file that was there before stays as it is.
   * @throws {@link CheckpointError} `ERR_CHECKPOINT_WRITE` with the system's error as `cause`
   */
  save(path: string | URL, options: ScriptSaveOptions = {}): void {
    const extra = extraFilesOf('save', options)
    const target = path instanceof URL ? fileURLToPath(path) : path
    if (typeof target !== 'string' || target === '' || target.includes('\0'))
      throw new ArgumentError('save(): path has to be a path or a file: URL')
    atomicallySync(target, (temporary) => {
      const fd = openSync(temporary, 'wx')
      try {
        const errno = native().scriptSave(this.#handle, fd, extra)
        if (errno !== 0) throw writeError(errno, temporary)
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
    })
  }
  /** The bytes of the file that {@link ScriptModule.save} writes. */
  saveToBuffer(options: ScriptSaveOptions = {}): Uint8Array {
    return native().scriptSaveToBuffer(this.#handle, extraFilesOf('saveToBuffer', options))
  }

  // ---- copies

  /** @internal */
  override _deepcopy(memo: Memo): this {
    const copy = this.#copy(true)
    memo.objects.set(this, copy)
    const members = (module: Module): Tensor[] =>
      [...module.namedParameters({ removeDuplicate: false }), ...module.namedBuffers({ removeDuplicate: false })].map(
        ([, tensor]) => tensor,
      )
    const copies = members(copy)
    members(this).forEach((tensor, i) => {
      if (tensor.requiresGrad) native().setRequiresGrad(copies[i]!, true)
    })
    return this._complete(copy)
  }
  /** @internal */
  override _shallowCopy(): this {
    return this._complete(this.#copy(false))
  }
  #copy(deep: boolean): this {
    return new ScriptModule(noGrad(() => native().scriptCopy(this.#handle, deep))) as this
  }
}

function parameterFor(name: string, value: unknown): Parameter | null {
  if (value === null || value instanceof Parameter) return value
  throw new ArgumentError(
    `cannot assign '${describe(value)}' as parameter '${name}' (torch.nn.Parameter or None expected)`,
  )
}

// A plain tensor becomes the buffer itself, as in Python: no copy is made.
function bufferFor(name: string, value: unknown): Buffer | null {
  if (value === null || value instanceof Buffer) return value
  if (!(value instanceof Tensor) || value instanceof Parameter) {
    throw new ArgumentError(
      `cannot assign '${describe(value)}' as buffer '${name}' (torch.nn.Buffer, torch.Tensor or None expected)`,
    )
  }
  const buffer = emptyShell(Buffer)
  native().alias(buffer, value)
  return buffer
}

function extraFilesOf(what: string, options: ScriptSaveOptions): [string, Uint8Array][] {
  if (!isOptions(options)) throw new ArgumentError(`${what}(): expected options, received ${describe(options)}`)
  for (const key of Object.keys(options)) if (key !== 'extraFiles') throw unknownOption(what, key, ['extraFiles'])
  return Object.entries(options.extraFiles ?? {}).map(([name, content]): [string, Uint8Array] => {
    if (typeof content === 'string') return [name, new TextEncoder().encode(content)]
    if (content instanceof Uint8Array) return [name, content]
    throw new ArgumentError(
      `${what}(): expected extraFiles['${name}'] to be text or bytes, received ${describe(content)}`,
    )
  })
}

function writeError(errno: number, path: string): Error {
  const code = getSystemErrorName(-errno)
  return Object.assign(new Error(`${code}: write '${path}'`), { code, errno: -errno, syscall: 'write', path })
}

/** The native module of a ScriptModule, whatever was given. @internal */
export function handleOf(value: unknown): ScriptHandle | undefined {
  const coded = value instanceof ScriptModule ? (encode(value) as { handle: ScriptHandle }) : undefined
  return coded?.handle
}
