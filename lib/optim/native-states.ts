import type { OptimizerHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import type { Tensor } from '../tensor/tensor.js'
import type { ParamGroup } from './groups.js'
import type { ParameterStates } from './optimizer.js'
import { type Dict, fromEntries, toEntries } from './values.js'

/**
 * State that native code keeps, seen as a Map of parameters. Its tensors are the live ones; a record is a copy of the list of
 * them, so that a new entry takes effect only with `set(parameter, record)`.
 */
export class NativeStates implements ParameterStates {
  groups: ParamGroup<any>[] = []
  readonly #handle: OptimizerHandle
  #sent: Tensor[][] = []
  #places = new Map<Tensor, number>()

  constructor(handle: OptimizerHandle) {
    this.#handle = handle
  }

  /** Tells native code of the parameters, when they are others than at the last time. */
  sync(): void {
    const { groups } = this
    const sent = this.#sent
    if (groups.length === sent.length && groups.every(({ params }, i) => sameItems(params, sent[i]!))) return
    const params = groups.map((group) => [...group.params])
    native().optimizerSetParams(this.#handle, params)
    this.#sent = params
    this.#places = new Map()
    for (const [i, parameter] of params.flat().entries())
      if (!this.#places.has(parameter)) this.#places.set(parameter, i)
  }

  #place(parameter: Tensor): number | undefined {
    this.sync()
    return this.#places.get(parameter)
  }

  get(parameter: Tensor): Dict | undefined {
    const place = this.#place(parameter)
    const entries = place === undefined ? [] : native().optimizerState(this.#handle, place)
    return entries.length > 0 ? fromEntries(entries) : undefined
  }
  has(parameter: Tensor): boolean {
    return this.get(parameter) !== undefined
  }
  set(parameter: Tensor, record: Dict): any {
    const place = this.#place(parameter)
    if (place === undefined)
      throw new ArgumentError('this tensor is no parameter of the optimizer, and can have no state in it')
    native().optimizerSetState(this.#handle, place, toEntries(record))
    return this
  }
  /** Forgets the state of a parameter, which starts anew with the next step. */
  delete(parameter: Tensor): boolean {
    const place = this.#place(parameter)
    if (place === undefined || !this.has(parameter)) return false
    native().optimizerSetState(this.#handle, place, null)
    return true
  }
  clear(): void {
    for (const parameter of [...this.keys()]) this.delete(parameter)
  }
  get size(): number {
    this.sync()
    return native().optimizerStateIndices(this.#handle).length
  }
  *keys(): MapIterator<Tensor> {
    this.sync()
    const params = this.#sent.flat()
    for (const place of native().optimizerStateIndices(this.#handle)) yield params[place]!
  }
  *entries(): MapIterator<[Tensor, Dict]> {
    for (const parameter of this.keys()) yield [parameter, this.get(parameter)!]
  }
  [Symbol.iterator](): MapIterator<[Tensor, Dict]> {
    return this.entries()
  }
}

function sameItems(a: Tensor[], b: Tensor[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
