/** Lists in archives, which have the name of their type around them. */
import { limits } from '../limits.js'
import { type Node, PyCall, PyList, PyStr } from '../nodes.js'
import { reduce } from '../to-nodes.js'
import type { Leaf } from './tree.js'

const typed = /^torch\.jit\._pickle\.(build_(int|tensor|double|bool|complex)list|restore_type_tag)$/

/** The list or dict itself, where the name of its type is around it. */
export function plainNode(node: Node): Node {
  for (let depth = 0; depth < limits.depth; depth++) {
    if (!(node instanceof PyCall && typed.test(node.path) && node.args.items.length > 0)) return node
    node = node.args.items[0]!
  }
  return node
}

const builders: Record<string, string> = {
  int: 'build_intlist',
  float: 'build_doublelist',
  bool: 'build_boollist',
  Tensor: 'build_tensorlist',
}

/** A list, with the name of its type around it as C++'s reader wants it. */
export function typedList(type: string, nodes: Node[]): Leaf {
  const list = new PyList()
  list.items = nodes
  const builder = builders[type]
  const node = builder
    ? reduce('torch.jit._pickle', builder, [list])
    : reduce('torch.jit._pickle', 'restore_type_tag', [list, new PyStr(`List[${type}]`)])
  return { type: `List[${type}]`, node }
}
