/** Bytes in the forms that Python's pickler writes them in. */
import { remember } from './memory.js'
import { type Node, PyBytes, PyCall, PyStr } from './nodes.js'

/** `encode(text, 'latin1')`, `bytearray(bytes)`, `bytearray(text, 'latin-1')`, `bytes()` */
export function bytesOf(call: PyCall, mutable: boolean): unknown {
  const [data, encoding] = call.args.items
  let bytes: Uint8Array | undefined
  if (data === undefined) bytes = new Uint8Array(0)
  else if (data instanceof PyStr && encoding instanceof PyStr && /^latin-?1$/.test(encoding.text)) {
    bytes = latin1Bytes(data.text)
  } else if (mutable && encoding === undefined) bytes = bytesOfNode(data)
  if (bytes !== undefined) remember(bytes, { mutable, bytesNode: call })
  return bytes
}

function latin1Bytes(text: string): Uint8Array | undefined {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 255) return undefined
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

/** The bytes that a node stands for, in any of the forms that Python writes them in. */
export function bytesOfNode(node: Node | undefined): Uint8Array | undefined {
  if (node instanceof PyBytes) return new Uint8Array(node.bytes)
  const known = node instanceof PyCall && (node.path === '_codecs.encode' || node.path === 'builtins.bytes')
  return known ? (bytesOf(node, false) as Uint8Array | undefined) : undefined
}
