/** Optimizers that are rows of native/optim. Their classes, in `lib/generated/optim.ts`, only name the row and its types. */
import type { OptimizerHandle, OptimizerRow } from '../../binding.js'
import { native } from '../binding.js'
import { StateDictError } from '../errors.js'
import { camelCase } from '../tensor/names.js'
import { PyFloat } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import { readArguments } from './arguments.js'
import type { Params } from './groups.js'
import { NativeStates } from './native-states.js'
import { Optimizer } from './optimizer.js'
import { type Dict, toEntries } from './values.js'

interface Row extends OptimizerRow {
  /** `defaults` under the names of groups here */
  keys: string[]
  kinds: Record<string, string>
  intPlaces: Record<string, number[]>
}

const rows = new Map<string, Row>()

function rowOf(name: string): Row {
  if (rows.size === 0) {
    for (const row of native().optimizers()) {
      const all = [...row.options, ...row.keywords, ...row.fixed]
      const kinds = Object.fromEntries(all.map((option) => [camelCase(option.name), option.kind]))
      const intPlaces: Record<string, number[]> = {}
      for (const [option, place] of row.ints) (intPlaces[camelCase(option)] ??= []).push(place)
      rows.set(row.name, { ...row, keys: row.defaults.map(camelCase), kinds, intPlaces })
    }
  }
  return rows.get(name)!
}

/** Base of the optimizers of this package. */
export abstract class RowOptimizer<Options extends object> extends Optimizer<Options> {
  /** What a GradScaler divides gradients by within a fused step; only during that step. */
  gradScale: Tensor | null = null
  /** Not 0 where a fused step has to be left out; only during that step. */
  foundInf: Tensor | null = null
  readonly #row: Row
  readonly #handle: OptimizerHandle
  readonly #states: NativeStates

  /** @param args - positional options in Python's order, and options by name */
  constructor(name: string, params: Params<Options>, args: unknown[]) {
    const row = rowOf(name)
    const given = readArguments(name, row.options, row.keywords, args)
    const defaults: Dict = {}
    const byName = new Map(
      [...row.options, ...row.keywords, ...row.fixed].map((option) => [option.name, option.default]),
    )
    for (const [i, key] of row.keys.entries()) defaults[key] = key in given ? given[key] : byName.get(row.defaults[i]!)
    const handle = native().newOptimizer(name, valuesOf(row, defaults))
    for (const key of row.keys) defaults[key] = withScalars(defaults[key])
    const states = new NativeStates(handle)
    super(params, defaults as Required<Options>, {
      names: row.defaults,
      kinds: row.kinds,
      ints: row.intPlaces,
      state: states,
    })
    this.#row = row
    this.#handle = handle
    this.#states = states
    states.groups = this.paramGroups
    if (row.startsAtOnce) native().optimizerStart(handle, this.#values())
    if (row.checksParams) states.sync()
  }

  /** Whether a step scales gradients itself, as those of fused optimizers do. @internal */
  get scalesGradients(): boolean {
    return (this.defaults as { fused?: unknown }).fused === true
  }

  #values(): unknown[][] {
    this.#states.sync()
    return this.paramGroups.map((group) => valuesOf(this.#row, group))
  }

  protected override update(): void {
    native().optimizerStep(this.#handle, this.#values(), this.gradScale, this.foundInf)
  }
  protected override updateAsync(): Promise<void> {
    return native().optimizerStepAsync(this.#handle, this.#values(), this.gradScale, this.foundInf)
  }

  override zeroGrad({ setToNone = true }: { setToNone?: boolean } = {}): void {
    this.#states.sync()
    native().optimizerZeroGrad(this.#handle, setToNone)
  }

  protected override upgradeGroups(groups: Dict[]): void {
    for (const group of groups) {
      for (const { name, default: value } of this.#row.older) {
        const key = camelCase(name)
        if (!(key in group)) group[key] = value
      }
      for (const { name, default: value } of this.#row.fixed) group[camelCase(name)] = value
      const missing = this.#row.defaults.find((_, i) => !(this.#row.keys[i]! in group))
      if (missing) {
        throw new StateDictError(
          `${this.constructor.name}: a parameter group of the loaded state dict has no '${missing}'`,
        )
      }
    }
  }

  protected override replaceState(loaded: Map<number, Dict>, groups: readonly Dict[]): void {
    this.#states.sync()
    const state = [...loaded].map(([index, record]) => ({ index, entries: toEntries(record) }))
    native().optimizerLoadState(
      this.#handle,
      state,
      groups.map((group) => valuesOf(this.#row, group)),
    )
  }
}

/** Tensors of one element in an option lose their dimensions, as in Python's groups. */
function withScalars(value: unknown): unknown {
  if (!Array.isArray(value) || !value.some((item) => item instanceof Tensor)) return value
  return value.map((item) => (item instanceof Tensor ? item.squeeze() : item))
}

function valuesOf(row: Row, group: Dict): unknown[] {
  return row.keys.map((key) => {
    const value = group[key]
    return value instanceof PyFloat ? value.value : (value as Tensor | number)
  })
}
