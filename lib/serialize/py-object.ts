import type { Tuple } from '../tensor/python-values.js'

export type PyObjectKind = 'global' | 'reduce' | 'new' | 'newEx'

/**
 * An object of Python that has no counterpart here, as data: nothing was imported or called to make it. It can be looked at
 * and is written back as it was.
 * @example
 * const checkpoint = torch.loadSync('checkpoint.pth') // saved with args = argparse.Namespace(lr=0.1)
 * checkpoint.args // PyObject { module: 'argparse', name: 'Namespace', args: Tuple(0) [], state: { lr: 0.1 } }
 */
export class PyObject {
  /** Module of the class or function, by its Python 3 name; '' where a value was called that is no name */
  readonly module: string
  readonly name: string
  /** What is called, where it is not a plain name */
  declare readonly callable?: PyObject
  /** Arguments of the call; null for the class or function itself (`kind` 'global') */
  args: Tuple | null
  /** What `__setstate__` or `__dict__` would get: the instance's attributes */
  declare state?: unknown
  /** Elements of a subclass of list, deque or set */
  declare items?: unknown[]
  /** Contents of a subclass of dict */
  declare entries?: Map<unknown, unknown>
  /** Keyword arguments of `__new__` */
  declare kwargs?: unknown

  constructor(
    module: string,
    name: string,
    args: Tuple | null = null,
    /** How Python makes it: by looking the name up, by calling it, or by its class's `__new__` */
    readonly kind: PyObjectKind = args === null ? 'global' : 'reduce',
    callable?: PyObject,
  ) {
    this.module = module
    this.name = name
    this.args = args
    if (callable) this.callable = callable
  }

  /** `module.name` */
  get path(): string {
    return this.module === '' ? this.name : `${this.module}.${this.name}`
  }
}
