/** Deep copies of modules and of what they hold. Rules: Tensor.__deepcopy__ and Parameter.__deepcopy__, PyTorch 2.13. */
import { types } from 'node:util'
import { native } from '../binding.js'
import { TorchError } from '../errors.js'
import { noGrad } from '../tensor/autograd.js'
import { Generator } from '../tensor/generator.js'
import { operatorFunction } from '../tensor/operator.js'
import { Buffer, emptyShell, Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import type { Module } from './module.js'
import { ModuleTree } from './tree.js'

const set = operatorFunction('aten::set_')
const empty = operatorFunction('aten::empty')
const clone = operatorFunction('aten::clone')
const detach = operatorFunction('aten::detach')

/** What was copied already, so that it is shared in the copy, too. */
export class Memo {
  readonly objects = new Map<object, object>()
  /** copies of storages, as tensors over the whole of them */
  readonly storages = new Map<bigint, Tensor>()
}

/** A copy of `value` and all below it; functions, promises and weak collections stay what they are. */
export function deepcopy<T>(value: T, memo = new Memo()): T {
  if (typeof value !== 'object' || value === null) return value
  const known = memo.objects.get(value)
  if (known) return known as T
  if (value instanceof ModuleTree) return (value as unknown as Module)._deepcopy(memo) as T
  const copy = copyObject(value, memo)
  memo.objects.set(value, copy)
  return copy as T
}

function copyObject(value: object, memo: Memo): object {
  if (value instanceof Tensor) return noGrad(() => copyTensor(value, memo))
  if (value instanceof Generator) return new Generator(value.device).setState(value.getState())
  if (value instanceof Date) return new Date(value)
  if (value instanceof RegExp) return new RegExp(value)
  if (value instanceof ArrayBuffer) return value.slice(0)
  if (ArrayBuffer.isView(value)) return copyView(value, memo)
  if (isOpaque(value)) return value
  const copy: object = shellOf(value)
  memo.objects.set(value, copy)
  if (value instanceof Map) {
    for (const [key, item] of value) (copy as Map<unknown, unknown>).set(deepcopy(key, memo), deepcopy(item, memo))
  } else if (value instanceof Set) {
    for (const item of value) (copy as Set<unknown>).add(deepcopy(item, memo))
  }
  copyFields(value, copy, (item) => deepcopy(item, memo))
  return copy
}

function shellOf(value: object): object {
  const prototype = Object.getPrototypeOf(value)
  const shell = Array.isArray(value)
    ? new Array(value.length)
    : value instanceof Map
      ? new Map()
      : value instanceof Set
        ? new Set()
        : Object.create(prototype)
  return Object.getPrototypeOf(shell) === prototype ? shell : Object.setPrototypeOf(shell, prototype)
}

function isOpaque(value: object): boolean {
  return (
    value instanceof WeakMap ||
    value instanceof WeakSet ||
    value instanceof WeakRef ||
    types.isPromise(value) ||
    types.isProxy(value) ||
    types.isExternal(value) ||
    types.isSharedArrayBuffer(value)
  )
}

function copyView(view: ArrayBufferView, memo: Memo): ArrayBufferView {
  const { buffer, byteOffset } = view
  const length = view instanceof DataView ? view.byteLength : (view as Uint8Array).length
  const copy = Reflect.construct(globalThis[types.isDataView(view) ? 'DataView' : typeName(view)], [
    deepcopy(buffer, memo),
    byteOffset,
    length,
  ])
  return Object.setPrototypeOf(copy, Object.getPrototypeOf(view))
}

function typeName(view: ArrayBufferView): 'Uint8Array' {
  return (view as unknown as Record<symbol, 'Uint8Array'>)[Symbol.toStringTag]!
}

/**
 * Gives `to` the own properties of `from`, with `copy` of their values. `isStore` says that the value is where a container
 * keeps its members. What `to` has already is set, so that the properties of layers reach their native side.
 */
export function copyFields(from: object, to: object, copy: (value: unknown, isStore: boolean) => unknown): void {
  for (const key of Reflect.ownKeys(from)) {
    const property = Object.getOwnPropertyDescriptor(from, key)!
    // Hooks put it there, and put it into the copy.
    if (key === 'forward' && property.get && from instanceof ModuleTree) continue
    const present = Object.getOwnPropertyDescriptor(to, key)
    if (present && !present.configurable && !present.writable) continue
    if ('value' in property) {
      Object.defineProperty(to, key, { ...property, value: copy(property.value, key === '_items') })
    } else if (present?.set) {
      ;(to as Record<PropertyKey, unknown>)[key] = copy((from as Record<PropertyKey, unknown>)[key], false)
    } else Object.defineProperty(to, key, property)
  }
}

function copyTensor(tensor: Tensor, memo: Memo): Tensor {
  if (!tensor.isLeaf) {
    throw new TorchError(
      'Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001',
    )
  }
  const shell = emptyShell(tensor.constructor as typeof Parameter) as Tensor
  memo.objects.set(tensor, shell)
  native().alias(shell, tensor instanceof Parameter ? clone(detach(tensor)) : overCopiedStorage(tensor, memo))
  if (tensor.requiresGrad) native().setRequiresGrad(shell, true)
  if (tensor instanceof Parameter) return shell
  const { grad } = tensor
  if (grad) shell.grad = deepcopy(grad, memo)
  if (tensor instanceof Buffer) (shell as Buffer).persistent = tensor.persistent
  return shell
}

/** Tensors over one storage stay over one: the storage is copied once, whole. */
function overCopiedStorage(tensor: Tensor, memo: Memo): Tensor {
  const plain = detach(tensor)
  if (tensor.layout !== 'strided' || tensor.isMeta || tensor.isConj() || tensor.isNeg()) return clone(plain)
  const { id, nbytes, offset } = native().tensorStorage(tensor)
  const count = Math.floor(nbytes / tensor.itemsize)
  let base = memo.storages.get(id)
  if (base === undefined) {
    base = clone(plain.asStrided([count], [1], 0)) as Tensor
    memo.storages.set(id, base)
  }
  const typed = base.dtype === tensor.dtype ? base : base.view(tensor.dtype)
  return set(empty([0], { dtype: tensor.dtype, device: tensor.device }), typed, offset, tensor.shape, tensor.stride())
}
