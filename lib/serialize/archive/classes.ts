/**
 * What an archive of TorchScript or C++ declares of its classes: which attributes are parameters and which buffers. Of the
 * program only the head of each class is looked at, line by line; nothing of it is compiled or run.
 */
import type { PyGlobal } from '../nodes.js'
import { badFormat, unsafe, type Where } from '../where.js'

/** The head of a class. */
export interface ClassHead {
  /** whether it is a module, not a plain class, a named tuple or an enum */
  module: boolean
  parameters: Set<string>
  buffers: Set<string>
  /** declared types of the attributes */
  types: Map<string, string>
  /** whether it has methods, as programs of Python do and archives of C++ do not */
  methods: boolean
}

/** Bytes of program text that are looked at for one archive. */
const mostCode = 2 ** 28

/** Finds the heads of classes in the records of one archive. */
export class Classes {
  private readonly files = new Map<string, Map<string, ClassHead>>()
  private read = 0

  constructor(
    private readonly where: Where,
    /** size of a record, -1 when there is none */
    private readonly sizeOf: (record: string) => number,
    private readonly readRecord: (record: string) => Uint8Array,
  ) {}

  /** The head of a class of the program; throws when the archive does not have it. */
  head(global: PyGlobal): ClassHead {
    const record = `code/${global.module.split('.').join('/')}.py`
    let file = this.files.get(record)
    if (file === undefined) this.files.set(record, (file = this.parse(record, global)))
    const found = file.get(global.name)
    if (found === undefined) {
      throw badFormat(
        { ...this.where, record },
        `the class ${global.path}, of which data.pkl has an object, is not there`,
      )
    }
    return found
  }

  private parse(record: string, global: PyGlobal): Map<string, ClassHead> {
    const where = { ...this.where, record }
    const size = this.sizeOf(record)
    if (size < 0) {
      throw badFormat(where, `the record is missing, which declares the class ${global.path} of an object in data.pkl`)
    }
    this.read += size
    if (this.read > mostCode) throw unsafe(where, `a program of more than ${mostCode} bytes`)
    return parseClasses(Buffer.from(this.readRecord(record)).toString('latin1'), where)
  }
}

/** The heads of all classes in a piece of program. */
export function parseClasses(program: string, where: Where): Map<string, ClassHead> {
  const classes = new Map<string, ClassHead>()
  let head: ClassHead | undefined
  for (let start = 0; start < program.length; ) {
    const end = program.indexOf('\n', start)
    const line = program.slice(start, end < 0 ? program.length : end)
    start = end < 0 ? program.length : end + 1
    const declared = /^class (\w+)(?:\((\w+)\))?:/.exec(line)
    if (declared) {
      const module = declared[2] === 'Module'
      head = { module, parameters: new Set(), buffers: new Set(), types: new Map(), methods: false }
      classes.set(declared[1]!, head)
    } else if (/^\S/.test(line)) head = undefined
    else if (head !== undefined) headLine(head, line, where)
  }
  return classes
}

function headLine(head: ClassHead, line: string, where: Where): void {
  if (/^ {2}(async )?def /.test(line)) head.methods = true
  if (head.methods || !/^ {2}\w/.test(line)) return
  const list = /^ {2}__(parameters|buffers)__ = \[/.exec(line)
  if (list) {
    for (const name of strings(line, list[0].length, where)) head[list[1] as 'parameters' | 'buffers'].add(name)
    return
  }
  const annotated = /^ {2}__annotations__\[/.exec(line)
  if (annotated) {
    const equals = line.lastIndexOf('] = ')
    const [name] = strings(line, annotated[0].length, where)
    if (equals > 0 && name !== undefined) head.types.set(name, line.slice(equals + 4).trim())
    return
  }
  const attribute = /^ {2}(\w+) : /.exec(line)
  if (attribute) head.types.set(attribute[1]!, line.slice(attribute[0].length).trim())
}

const quoted = /\s*(?:"([^"\\]*(?:\\.[^"\\]*)*)"|'([^'\\]*(?:\\.[^'\\]*)*)')\s*,?/y

/** The strings of a list, from behind its bracket to its end. */
function strings(line: string, from: number, where: Where): string[] {
  const found: string[] = []
  quoted.lastIndex = from
  for (let match = quoted.exec(line); match; match = quoted.exec(line)) {
    found.push(withoutEscapes(match[1] ?? match[2]!))
    from = quoted.lastIndex
  }
  if (!/^\s*\]/.test(line.slice(from, from + 64))) {
    throw badFormat(where, `a list of names is not closed: ${JSON.stringify(line.slice(0, 80))}`)
  }
  return found
}

const named: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' }

/** The text that LibTorch wrote with escapes: other bytes than printable ASCII in octal. */
function withoutEscapes(text: string): string {
  if (!text.includes('\\')) return utf8(text)
  return utf8(
    text.replace(/\\(?:([0-7]{3})|([\s\S]))/g, (_, octal: string | undefined, other: string) =>
      octal === undefined ? (named[other] ?? other) : String.fromCharCode(Number.parseInt(octal, 8) & 255),
    ),
  )
}
function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
