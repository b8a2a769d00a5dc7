/** What protocols 0 and 1 of pickle say in another way than those after them. */
import { type Node, PyCall, PyGlobal, PyTuple } from './nodes.js'

/** `cls.__new__(cls, *args)` in the ways of protocols 0 and 1, which have no opcode for it. */
export function oldNew(callable: Node, { items }: PyTuple, offset: number): PyCall | undefined {
  if (!(callable instanceof PyGlobal && callable.module === 'copyreg' && items[0] instanceof PyGlobal)) return undefined
  const [type, base, state] = items
  if (callable.name === '__newobj__') return new PyCall('new', type!, new PyTuple(items.slice(1)), undefined, offset)
  const plain = items.length === 3 && base instanceof PyGlobal && base.path === 'builtins.object' && state === null
  if (callable.name !== '_reconstructor' || !plain) return undefined
  return new PyCall('new', type!, new PyTuple([]), undefined, offset)
}
