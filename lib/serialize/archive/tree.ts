/**
 * Modules of an archive before they are written: names with the type that TorchScript declares for them, and what the pickle says.
 * Sources: torch/csrc/jit/serialization/python_print.cpp, pickler.cpp, PyTorch 2.13 (cf30153c).
 */
import { limits } from '../limits.js'
import { type Node, PyCall, PyDict, PyGlobal, PyStr, PyTuple } from '../nodes.js'

/** A value of a module that is no module. */
export interface Leaf {
  /** as the program declares it */
  type: string
  node: Node
  role?: 'parameter' | 'buffer'
}

/** A module: its attributes in order. */
export class Tree {
  readonly attributes = new Map<string, Leaf | Tree>()

  /** The module of that name inside of this one; undefined where another value has the name. */
  child(name: string): Tree | undefined {
    let child = this.attributes.get(name)
    if (child === undefined) this.attributes.set(name, (child = new Tree()))
    return child instanceof Tree ? child : undefined
  }
}

/** The object of data.pkl, and the records that declare the classes of its modules. */
export function describeTree(root: Tree): { node: Node; code: [record: string, text: string][] } {
  const code: [string, string][] = []
  let count = 0
  const visit = (tree: Tree): { node: Node; type: string } => {
    const index = count++
    const path = index === 0 ? '__torch__' : `__torch__.___torch_mangle_${index - 1}`
    const place = code.push([`code/${path.split('.').join('/')}.py`, '']) - 1
    const state = new PyDict()
    const types: [string, string][] = []
    for (const [name, value] of tree.attributes) {
      const { node, type } = value instanceof Tree ? visit(value) : value
      state.keys.push(new PyStr(name))
      state.values.push(node)
      types.push([name, type])
    }
    code[place]![1] = classText(tree, types)
    const call = new PyCall('new', new PyGlobal(path, 'Module'), new PyTuple([]), undefined, 0)
    call.state = state
    return { node: call, type: `${path}.Module` }
  }
  return { node: visit(root).node, code }
}

function classText(tree: Tree, types: [name: string, type: string][]): string {
  const listed = (role: string): string =>
    [...tree.attributes]
      .map(([name, value]) => (value instanceof Tree || value.role !== role ? '' : `${quote(name)}, `))
      .join('')
  const lines = [
    'class Module(Module):',
    `  __parameters__ = [${listed('parameter')}]`,
    `  __buffers__ = [${listed('buffer')}]`,
    ...types.flatMap(([name, type], i) => {
      if (isIdentifier(name)) return `  ${name} : ${type}`
      return [...(i === 0 ? ['  __annotations__ = []'] : []), `  __annotations__[${quote(name)}] = ${type}`]
    }),
  ]
  return `${lines.join('\n')}\n`
}

/** What the parser of TorchScript does not take for a name. */
const reserved = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda ' +
    'nonlocal not or pass raise return try while with print Final super rpc_async rpc_sync rpc_remote'
  ).split(' '),
)

function isIdentifier(name: string): boolean {
  return /^(?!__)[A-Za-z_]\w*$/.test(name) && !reserved.has(name)
}

/** A string as LibTorch writes it: in octal what is not printable ASCII. */
function quote(text: string): string {
  let out = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    if (byte === 0x22 || byte === 0x5c) out += `\\${String.fromCharCode(byte)}`
    else if (byte >= 0x20 && byte < 0x7f) out += String.fromCharCode(byte)
    else out += `\\${byte.toString(8).padStart(3, '0')}`
  }
  return `"${out}"`
}

/** How deep modules may be inside of one another in what is written. */
export const deepest = limits.depth / 10
