/**
 * Writes nodes as a pickle of protocol 2, byte for byte as CPython's C pickler does: every object that can be referred to
 * is put into the memo, equal objects are told apart by identity, and long containers go in batches of 1,000.
 */
import { ArgumentError } from '../errors.js'
import { ByteWriter } from './byte-writer.js'
import { limits } from './limits.js'
import {
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
} from './nodes.js'
import { toPython2 } from './python-names.js'

const batchSize = 1000
const op = (character: string): number => character.charCodeAt(0)
const MARK = op('(')
const tupleOps = [op(')'), 0x85, 0x86, 0x87]

/** The bytes of the pickle of `root`. */
export function writePickle(root: Node): Uint8Array {
  const pickler = new Pickler()
  return pickler.dump(root)
}

type Memoized = Extract<Node, { place: number }>

/** How many nodes have been remembered, in all pickles: the next place. Nodes know their places, as a Map of them would take more time than the rest. */
let places = 0

class Pickler {
  private readonly out = new ByteWriter()
  /** A node's place below this one is that in an earlier pickle. */
  private readonly first = places
  /** globals are one object for Python however many nodes name them */
  private readonly globals = new Map<string, PyGlobal>()
  private readonly encode = new PyGlobal('_codecs', 'encode')
  private readonly latin1 = new PyStr('latin1')
  private depth = 0

  dump(root: Node): Uint8Array {
    this.out.bytes2(0x80, 2)
    this.save(root)
    this.out.byte(op('.'))
    return this.out.finish()
  }

  private save(node: Node): void {
    switch (typeof node) {
      case 'number':
        if (Number.isInteger(node)) this.int(node)
        else this.float(node)
        return
      case 'boolean':
        this.out.byte(node ? 0x88 : 0x89)
        return
      case 'bigint':
        if (node >= -0x80000000n && node <= 0x7fffffffn) this.int(Number(node))
        else this.longInt(node)
        return
    }
    if (node === null) {
      this.out.byte(op('N'))
      return
    }
    if (node instanceof PyFloatNode) {
      this.float(node.number)
      return
    }
    if (node instanceof PyGlobal) {
      this.global(node)
      return
    }
    if (node instanceof PyPersistent) {
      this.save(node.id)
      this.out.byte(op('Q'))
      return
    }
    // Python's C code has this one as a literal
    if (node instanceof PyStr && node.text === 'latin1') node = this.latin1
    if (this.recall(node)) return
    if (node instanceof PyStr) {
      this.string(node)
      return
    }
    if (++this.depth > 3 * limits.depth) {
      throw new ArgumentError(`cannot save an object that is more than ${limits.depth} levels deep`)
    }
    this.compound(node)
    this.depth--
  }

  private compound(node: Exclude<Memoized, PyStr | PyGlobal>): void {
    if (node instanceof PyTuple) this.tuple(node)
    else if (node instanceof PyList) this.list(node)
    else if (node instanceof PyDict) this.dict(node)
    else if (node instanceof PyCall) this.call(node)
    else if (node instanceof PySet) this.set(node)
    else if (node instanceof PyBytes) this.bytes(node)
    else throw new TypeError('not a node')
  }

  private memoize(node: Memoized): void {
    const index = places - this.first
    node.place = places++
    if (index < 256) this.out.bytes2(op('q'), index)
    else this.out.byteUint32(op('r'), index)
  }
  private remembers(node: Memoized): boolean {
    return node.place >= this.first
  }
  /** Refers back to a node; false when it is not remembered. */
  private recall(node: Memoized): boolean {
    const index = node.place - this.first
    if (index < 0) return false
    if (index < 256) this.out.bytes2(op('h'), index)
    else this.out.byteUint32(op('j'), index)
    return true
  }

  private int(value: number): void {
    if (value >= 0 && value < 256) this.out.bytes2(op('K'), value)
    else if (value >= 0 && value < 65536) {
      this.out.byte(op('M'))
      this.out.uint16(value)
    } else if (value >= -0x80000000 && value <= 0x7fffffff) this.out.byteUint32(op('J'), value >>> 0)
    else this.longInt(BigInt(value))
  }

  private longInt(value: bigint): void {
    // the shortest two's complement
    let count = 1
    const magnitude = value < 0n ? -value - 1n : value
    count = Math.floor(magnitude.toString(16).length / 2) + 1
    while (count > 1 && BigInt.asIntN((count - 1) * 8, value) === value) count--
    const hex = BigInt.asUintN(count * 8, value)
      .toString(16)
      .padStart(count * 2, '0')
    if (count < 256) this.out.bytes2(0x8a, count)
    else this.out.byteUint32(0x8b, count)
    this.out.raw(Buffer.from(hex, 'hex').reverse())
  }

  private float(value: number): void {
    this.out.byte(op('G'))
    this.out.float64(value)
  }

  private string(node: PyStr): void {
    this.out.unicode(op('X'), node.text)
    this.memoize(node)
  }

  private global(node: PyGlobal): void {
    if (this.recall(node)) return
    const key = `${node.module}\n${node.name}`
    let one = this.globals.get(key)
    if (one === undefined) this.globals.set(key, (one = node))
    if (this.recall(one)) return
    const [module, name] = toPython2(node.module, node.name)
    const dot = name.lastIndexOf('.')
    if (dot > 0) {
      // protocol 2 knows no dotted names: what is inside of a class is asked of it, each time anew
      const holder = new PyGlobal(node.module, node.name.slice(0, dot))
      this.callOf(new PyGlobal('builtins', 'getattr'), [holder, new PyStr(node.name.slice(dot + 1))])
      return
    }
    this.out.byte(op('c'))
    this.out.raw(Buffer.from(`${module}\n${name}\n`, 'utf8'))
    this.memoize(one)
  }

  private tuple(node: PyTuple): void {
    const { items } = node
    if (items.length === 0) {
      this.out.byte(tupleOps[0]!)
      return
    }
    const short = items.length <= 3
    if (!short) this.out.byte(MARK)
    for (let i = 0; i < items.length; i++) this.save(items[i]!)
    // an item that refers back has written the tuple already: drop what is on the stack for that one
    if (this.remembers(node)) {
      if (short) for (const _ of items) this.out.byte(op('0'))
      else this.out.byte(op('1'))
      this.recall(node)
      return
    }
    this.out.byte(short ? tupleOps[items.length]! : op('t'))
    this.memoize(node)
  }

  private list(node: PyList): void {
    this.out.byte(op(']'))
    this.memoize(node)
    const { items } = node
    if (items.length === 1) {
      this.save(items[0]!)
      this.out.byte(op('a'))
      return
    }
    for (let start = 0; start < items.length; start += batchSize) {
      this.out.byte(MARK)
      for (let i = start; i < items.length && i < start + batchSize; i++) this.save(items[i]!)
      this.out.byte(op('e'))
    }
  }

  private dict(node: PyDict): void {
    this.out.byte(op('}'))
    this.memoize(node)
    const { keys, values } = node
    if (keys.length === 0) return
    if (keys.length === 1) {
      this.pair(keys[0]!, values[0]!)
      return
    }
    // a full last batch is followed by an empty one: the C pickler looks for more after it has closed it
    for (let start = 0; start <= keys.length; start += batchSize) {
      if (start === keys.length && keys.length % batchSize !== 0) break
      this.out.byte(MARK)
      for (let i = start; i < keys.length && i < start + batchSize; i++) {
        this.save(keys[i]!)
        this.save(values[i]!)
      }
      this.out.byte(op('u'))
    }
  }
  private pair(key: Node, value: Node): void {
    this.save(key)
    this.save(value)
    this.out.byte(op('s'))
  }

  private call(node: PyCall): void {
    if (node.kind === 'newEx') this.callOf(withKeywords(node), [])
    else {
      this.save(node.callable)
      this.save(node.args)
      this.out.byte(node.kind === 'reduce' ? op('R') : 0x81)
    }
    this.popOrMemoize(node)
    if (node.items) this.appendAll(node.items)
    if (node.keys) this.setAll(node.keys, node.values!)
    if (node.state !== undefined) {
      this.save(node.state)
      this.out.byte(op('b'))
    }
  }
  /** What a subclass of list or dict contains comes from an iterator, which the C pickler batches in another way. */
  private appendAll(items: Node[]): void {
    for (let start = 0; start < items.length; start += batchSize) {
      if (start === items.length - 1) {
        this.save(items[start]!)
        this.out.byte(op('a'))
        return
      }
      this.out.byte(MARK)
      for (let i = start; i < items.length && i < start + batchSize; i++) this.save(items[i]!)
      this.out.byte(op('e'))
    }
  }
  private setAll(keys: Node[], values: Node[]): void {
    for (let start = 0; start < keys.length; start += batchSize) {
      if (start === keys.length - 1) {
        this.pair(keys[start]!, values[start]!)
        return
      }
      this.out.byte(MARK)
      for (let i = start; i < keys.length && i < start + batchSize; i++) {
        this.save(keys[i]!)
        this.save(values[i]!)
      }
      this.out.byte(op('u'))
    }
  }

  private set(node: PySet): void {
    const items = new PyList()
    items.items = node.items
    this.reduce(new PyGlobal('builtins', node.frozen ? 'frozenset' : 'set'), [items], node)
  }

  private bytes(node: PyBytes): void {
    if (node.mutable) {
      const args = node.bytes.length === 0 ? [] : [new PyBytes(node.bytes, false)]
      this.reduce(new PyGlobal('builtins', 'bytearray'), args, node)
      return
    }
    const { buffer, byteOffset, byteLength } = node.bytes
    // Python writes empty bytes as `bytes()`, which its own weights_only reader refuses; that one takes this form
    const text = new PyStr(Buffer.from(buffer, byteOffset, byteLength).toString('latin1'))
    this.reduce(this.encode, [text, this.latin1], node)
  }

  private callOf(callable: Node, args: Node[]): void {
    this.save(callable)
    this.save(new PyTuple(args))
    this.out.byte(op('R'))
  }

  /** Remembers what has been written, or drops it when that was written inside of itself. */
  private popOrMemoize(node: Memoized): void {
    if (!this.remembers(node)) {
      this.memoize(node)
      return
    }
    this.out.byte(op('0'))
    this.recall(node)
  }

  private reduce(callable: PyGlobal, args: Node[], node: Memoized): void {
    this.callOf(callable, args)
    this.popOrMemoize(node)
  }
}

/** `partial(cls.__new__, cls, *args, **kwargs)`: how Python has keyword arguments of `__new__` before protocol 4. */
function withKeywords({ callable, args, kwargs }: PyCall): PyCall {
  const make = new PyCall(
    'reduce',
    new PyGlobal('builtins', 'getattr'),
    new PyTuple([callable, new PyStr('__new__')]),
    undefined,
    0,
  )
  const partial = new PyCall('reduce', new PyGlobal('functools', 'partial'), new PyTuple([make]), undefined, 0)
  partial.state = new PyTuple([make, new PyTuple([callable, ...args.items]), kwargs ?? new PyDict(), null])
  return partial
}
