/**
 * The pickle machine: every opcode of protocols 0 to 5, into nodes. Nothing is imported, called or looked up: a call in the
 * pickle is a node that says what would have been called.
 */
import { ByteReader, shrink } from './byte-reader.js'
import { limits } from './limits.js'
import {
  type CallKind,
  kindOf,
  type Node,
  PyBytes,
  PyCall,
  PyDict,
  PyFloatNode,
  PyGlobal,
  PyList,
  PyPersistent,
  PySet,
  PyStr,
  PyTuple,
  Substitute,
} from './nodes.js'
import { oldNew } from './pickle-old.js'
import { pythonFloat, quotedText, rawUnicodeEscape } from './pickle-text.js'
import { toPython3 } from './python-names.js'
import { badFormat, unsafe, type Where } from './where.js'

/** Turns a persistent id, PyTorch's reference to a storage, into what stands for it or a {@link Substitute}; throws when it is none. */
export type PersistentLoad = (id: Node, offset: number) => unknown

/**
 * Reads one pickle.
 * @throws {@link CheckpointError} `ERR_CHECKPOINT_FORMAT` when it is not one, `ERR_CHECKPOINT_UNSAFE` beyond {@link limits}
 */
export function readPickle(
  bytes: Uint8Array,
  where: Where,
  persistentLoad: PersistentLoad,
  watcher?: PickleWatcher,
): Node {
  if (bytes.length > limits.pickleBytes) {
    throw unsafe(where, `a pickle of ${bytes.length} bytes; ${limits.pickleBytes} are allowed`)
  }
  return readPickleFrom(new ByteReader(bytes, where), persistentLoad, watcher)
}

/** Sees all that a pickle names and would call, also what it throws away and what is not in its value. */
export interface PickleWatcher {
  global(global: PyGlobal): void
  call(call: PyCall): void
}

/** {@link readPickle} for one of several in a row: the reader stands behind it afterwards. */
export function readPickleFrom(input: ByteReader, persistentLoad: PersistentLoad, watcher?: PickleWatcher): Node {
  return new Machine(input, persistentLoad, watcher).run()
}

class Machine {
  private readonly stack: Node[] = []
  /** values on the stack; what lies above is of no meaning */
  private height = 0
  /** heights of the stack at each MARK that is open */
  private readonly marks: number[] = []
  // places are filled from 0 on, but for pickles that nobody's writer made: V8 keeps those in a table
  private readonly memo: Node[] = []
  private remembered = 0
  private readonly globals = new Map<string, PyGlobal>()
  private protocol = 0
  private objects = 0
  /** where the opcode at work begins */
  private offset = 0

  constructor(
    private readonly input: ByteReader,
    private readonly persistentLoad: PersistentLoad,
    private readonly watcher: PickleWatcher | undefined,
  ) {}

  run(): Node {
    for (let count = 0; count < limits.opcodes; count++) {
      this.offset = this.input.at
      const opcode = this.input.uint8()
      if (opcode === 0x2e) return this.pop()
      const operation = operations[opcode]
      if (operation === undefined)
        throw this.bad(`0x${opcode.toString(16).padStart(2, '0')} is not an opcode of pickle`)
      operation(this, this.input)
    }
    throw this.excess(`more than ${limits.opcodes} opcodes`)
  }

  bad(message: string): Error {
    return badFormat({ ...this.input.where, offset: this.offset }, message)
  }

  excess(message: string): Error {
    return unsafe({ ...this.input.where, offset: this.offset }, message)
  }

  /** Counts an object that takes memory. */
  count(): void {
    if (++this.objects > limits.objects) throw this.excess(`more than ${limits.objects} objects`)
  }

  push(node: Node): void {
    if (this.height >= limits.stack) throw this.excess(`more than ${limits.stack} values on the stack`)
    this.stack[this.height++] = node
  }
  make(node: Node): void {
    if (node instanceof PyCall) this.watcher?.call(node)
    this.count()
    this.push(node)
  }

  private get floor(): number {
    return this.marks.length === 0 ? 0 : this.marks[this.marks.length - 1]!
  }

  pop(): Node {
    if (this.height <= this.floor) throw this.bad('the stack is empty')
    return this.stack[--this.height]!
  }
  top(): Node {
    if (this.height <= this.floor) throw this.bad('the stack is empty')
    return this.stack[this.height - 1]!
  }
  popMany(count: number): Node[] {
    if (this.height - count < this.floor) throw this.bad('the stack is empty')
    return this.takeFrom(this.height - count)
  }
  mark(): void {
    this.marks.push(this.height)
  }
  /** What is above the last MARK, which is closed. */
  popMark(): Node[] {
    const height = this.marks.pop()
    if (height === undefined) throw this.bad('there is no mark')
    return this.takeFrom(height)
  }
  private takeFrom(height: number): Node[] {
    const all = this.height
    this.height = height
    return this.stack.slice(height, all)
  }
  popOrMark(): void {
    if (this.height > this.floor) this.height--
    else if (this.marks.pop() === undefined) throw this.bad('the stack is empty')
  }

  setProtocol(version: number): void {
    if (version > 5) throw this.bad(`pickle protocol ${version} is newer than the newest known, 5`)
    this.protocol = version
  }

  remember(index: number): void {
    if (this.memo[index] === undefined) this.remembered++
    this.memo[index] = this.top()
    if (this.remembered > limits.objects) throw this.excess(`more than ${limits.objects} objects to remember`)
  }
  memoize(): void {
    this.remember(this.remembered)
  }
  recall(index: number): void {
    const node = this.memo[index]
    if (node === undefined) throw this.bad(`nothing was remembered under ${index}`)
    this.push(node)
  }

  text(bytes: number): void {
    const text = this.input.utf8(bytes)
    if (text === undefined) throw this.bad('a string is not UTF-8')
    this.make(new PyStr(text))
  }
  /** A string of Python 2, which may be text or bytes. */
  legacyString(bytes: number): void {
    const start = this.input.at
    const text = this.input.utf8(bytes)
    if (text === undefined) this.input.at = start
    this.make(text === undefined ? new PyBytes(this.input.bytes(bytes), false) : new PyStr(text))
  }

  global(module: string, name: string): void {
    if (this.protocol < 3) [module, name] = toPython3(module, name)
    const key = `${module}\n${name}`
    let global = this.globals.get(key)
    if (global === undefined) {
      this.count()
      this.globals.set(key, (global = new PyGlobal(module, name)))
    }
    this.watcher?.global(global)
    this.push(global)
  }
  stackGlobal(): void {
    const [module, name] = this.popMany(2)
    if (!(module instanceof PyStr && name instanceof PyStr)) throw this.bad('the name of a global is not a string')
    this.global(module.text, name.text)
  }

  call(kind: CallKind, callable: Node, args: Node, kwargs?: Node): void {
    if (!(args instanceof PyTuple)) throw this.bad(`arguments have to be a tuple, not ${kindOf(args)}`)
    if (!(callable instanceof PyGlobal || callable instanceof PyCall)) {
      throw this.bad(`${kindOf(callable)} cannot be called`)
    }
    if (kwargs !== undefined && !(kwargs instanceof PyDict)) throw this.bad('keyword arguments have to be a dict')
    this.make(oldNew(callable, args, this.offset) ?? new PyCall(kind, callable, args, kwargs, this.offset))
  }

  append(items: Node[]): void {
    const target = this.top()
    const list = target instanceof PyList ? target.items : target instanceof PyCall ? (target.items ??= []) : undefined
    if (list === undefined) throw this.bad(`nothing can be appended to ${kindOf(target)}`)
    for (const item of items) list.push(item)
  }
  add(items: Node[]): void {
    const target = this.top()
    const set = target instanceof PySet ? target.items : target instanceof PyCall ? (target.items ??= []) : undefined
    if (set === undefined) throw this.bad(`nothing can be added to ${kindOf(target)}`)
    for (const item of items) set.push(item)
  }
  setItems(items: Node[]): void {
    const target = this.top()
    if (!(target instanceof PyDict || target instanceof PyCall)) {
      throw this.bad(`${kindOf(target)} has no keys to set`)
    }
    if (items.length % 2 !== 0) throw this.bad('a key has no value')
    const keys = (target.keys ??= [])
    const values = (target.values ??= [])
    for (let i = 0; i < items.length; i += 2) {
      keys.push(items[i]!)
      values.push(items[i + 1]!)
    }
  }
  build(): void {
    const state = this.pop()
    const target = this.top()
    // Python would set attributes of the class itself
    if (!(target instanceof PyCall)) throw this.bad(`${kindOf(target)} takes no state`)
    if (target.state !== undefined) throw this.bad(`${kindOf(target)} gets its state twice`)
    target.state = state
  }

  persistent(id: Node): void {
    const loaded = this.persistentLoad(id, this.offset)
    this.make(loaded instanceof Substitute ? loaded.node : new PyPersistent(id, loaded))
  }

  /** An int written in decimal digits; `00` and `01` are protocol 1's False and True. */
  decimal(text: string): void {
    if (text === '00' || text === '01') {
      this.push(text === '01')
      return
    }
    const digits = text.endsWith('L') ? text.slice(0, -1) : text
    if (digits.length > limits.digits) throw this.excess('an int of too many digits')
    if (!/^[+-]?\d+$/.test(digits)) throw this.bad(`${JSON.stringify(text.slice(0, 40))} is not an int`)
    this.push(shrink(BigInt(digits.replace(/^\+/, ''))))
  }
  float(value: number): void {
    if (Number.isInteger(value)) this.make(new PyFloatNode(value))
    else this.push(value)
  }
  longInt(bytes: number): void {
    if (bytes < 0 || bytes > limits.intBytes) throw this.excess(`an int of ${bytes} bytes`)
    this.push(this.input.int(bytes))
  }
  index(text: string): number {
    if (!/^\d{1,15}$/.test(text)) throw this.bad(`${JSON.stringify(text.slice(0, 40))} is not a place in the memo`)
    return Number(text)
  }
}

type Operation = (m: Machine, input: ByteReader) => void

const noBuffers: Operation = (m) => {
  throw m.bad('the pickle refers to buffers outside of it')
}
const noExtensions: Operation = (m) => {
  throw m.bad("the pickle uses a name of Python's extension registry, which is not in the file")
}

const byCharacter: [string, Operation][] = [
  ['(', (m) => m.mark()],
  ['0', (m) => m.popOrMark()],
  ['1', (m) => void m.popMark()],
  ['2', (m) => m.push(m.top())],
  ['F', (m, input) => m.float(floatLine(m, input.line()))],
  ['I', (m, input) => m.decimal(input.line())],
  ['J', (m, input) => m.push(input.int32())],
  ['K', (m, input) => m.push(input.uint8())],
  ['L', (m, input) => m.decimal(input.line())],
  ['M', (m, input) => m.push(input.uint16())],
  ['N', (m) => m.push(null)],
  ['P', (m, input) => m.persistent(new PyStr(input.line()))],
  ['Q', (m) => m.persistent(m.pop())],
  ['R', (m) => twoOf(m, (callable, args) => m.call('reduce', callable, args))],
  ['S', (m, input) => m.make(stringLine(m, input.line()))],
  ['T', (m, input) => m.legacyString(input.int32())],
  ['U', (m, input) => m.legacyString(input.uint8())],
  ['V', (m, input) => m.make(new PyStr(rawUnicodeEscape(input.line())))],
  ['X', (m, input) => m.text(input.uint32())],
  ['a', (m) => m.append([m.pop()])],
  ['b', (m) => m.build()],
  ['c', (m, input) => m.global(utf8Line(input), utf8Line(input))],
  ['d', (m) => dictOf(m, m.popMark())],
  ['}', (m) => m.make(new PyDict())],
  ['e', (m) => m.append(m.popMark())],
  ['g', (m, input) => m.recall(m.index(input.line()))],
  ['h', (m, input) => m.recall(input.uint8())],
  ['i', (m, input) => instance(m, utf8Line(input), utf8Line(input))],
  ['j', (m, input) => m.recall(input.uint32())],
  ['l', (m) => listOf(m, m.popMark())],
  [']', (m) => m.make(new PyList())],
  ['o', (m) => objectOf(m, m.popMark())],
  ['p', (m, input) => m.remember(m.index(input.line()))],
  ['q', (m, input) => m.remember(input.uint8())],
  ['r', (m, input) => m.remember(input.uint32())],
  ['s', (m) => m.setItems(m.popMany(2))],
  ['t', (m) => m.make(new PyTuple(m.popMark()))],
  [')', (m) => m.make(new PyTuple([]))],
  ['u', (m) => m.setItems(m.popMark())],
  ['G', (m, input) => m.float(input.float64())],
  ['B', (m, input) => m.make(new PyBytes(input.bytes(input.uint32()), false))],
  ['C', (m, input) => m.make(new PyBytes(input.bytes(input.uint8()), false))],
]

const byCode: [number, Operation][] = [
  [0x80, (m, input) => m.setProtocol(input.uint8())],
  [0x81, (m) => twoOf(m, (type, args) => m.call('new', type, args))],
  [0x82, noExtensions],
  [0x83, noExtensions],
  [0x84, noExtensions],
  [0x85, (m) => m.make(new PyTuple(m.popMany(1)))],
  [0x86, (m) => m.make(new PyTuple(m.popMany(2)))],
  [0x87, (m) => m.make(new PyTuple(m.popMany(3)))],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [0x8a, (m, input) => m.longInt(input.uint8())],
  [0x8b, (m, input) => m.longInt(input.int32())],
  [0x8c, (m, input) => m.text(input.uint8())],
  [0x8d, (m, input) => m.text(input.uint64())],
  [0x8e, (m, input) => m.make(new PyBytes(input.bytes(input.uint64()), false))],
  [0x8f, (m) => m.make(new PySet([], false))],
  [0x90, (m) => m.add(m.popMark())],
  [0x91, (m) => m.make(new PySet(m.popMark(), true))],
  [0x92, (m) => threeOf(m, (type, args, kwargs) => m.call('newEx', type, args, kwargs))],
  [0x93, (m) => m.stackGlobal()],
  [0x94, (m) => m.memoize()],
  // a frame only says how many bytes follow; its end is found by the opcodes themselves
  [0x95, (_, input) => void input.uint64()],
  [0x96, (m, input) => m.make(new PyBytes(input.bytes(input.uint64()), true))],
  [0x97, noBuffers],
  [0x98, noBuffers],
]

const operations: (Operation | undefined)[] = new Array(256).fill(undefined)
for (const [character, operation] of byCharacter) operations[character.charCodeAt(0)] = operation
for (const [code, operation] of byCode) operations[code] = operation

function twoOf(m: Machine, then: (first: Node, second: Node) => void): void {
  const second = m.pop()
  then(m.pop(), second)
}
function threeOf(m: Machine, then: (first: Node, second: Node, third: Node) => void): void {
  const third = m.pop()
  twoOf(m, (first, second) => then(first, second, third))
}
function dictOf(m: Machine, items: Node[]): void {
  m.make(new PyDict())
  m.setItems(items)
}
function listOf(m: Machine, items: Node[]): void {
  m.make(new PyList())
  m.append(items)
}
/** Protocol 1's way to make an instance: a class and its arguments on the stack; without arguments it is not called. */
function objectOf(m: Machine, items: Node[]): void {
  if (items.length === 0) throw m.bad('there is no class to make an object of')
  m.call(items.length === 1 ? 'new' : 'reduce', items[0]!, new PyTuple(items.slice(1)))
}
function instance(m: Machine, module: string, name: string): void {
  const args = m.popMark()
  m.global(module, name)
  m.call(args.length === 0 ? 'new' : 'reduce', m.pop(), new PyTuple(args))
}
function utf8Line(input: ByteReader): string {
  return Buffer.from(input.line(), 'latin1').toString('utf8')
}
function stringLine(m: Machine, line: string): Node {
  const bytes = quotedText(line)
  if (bytes === undefined) throw m.bad('a string lacks its quotes')
  const text = bytes.toString('utf8')
  return text.includes('\ufffd') ? new PyBytes(new Uint8Array(bytes), false) : new PyStr(text)
}
function floatLine(m: Machine, line: string): number {
  const value = pythonFloat(line)
  if (value === undefined) throw m.bad(`${JSON.stringify(line.slice(0, 40))} is not a float`)
  return value
}
