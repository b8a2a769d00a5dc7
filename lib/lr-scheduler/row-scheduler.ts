/** Schedulers that are rows of native/lr_scheduler. Their classes, in `lib/generated/lr-scheduler.ts`, only name the row. */
import type { OptionRow } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { readArguments } from '../optim/arguments.js'
import type { Optimizer } from '../optim/optimizer.js'
import type { Dict } from '../optim/values.js'
import { camelCase } from '../tensor/names.js'
import { describe } from '../tensor/operator.js'
import { counter } from '../tensor/python-values.js'
import { isSingle, LRScheduler, rateOf, type StateKey } from './scheduler.js'

interface Row {
  name: string
  options: OptionRow[]
  /** all options under their names here */
  keys: string[]
  ownState: StateKey[]
  hasClosedForm: boolean
}

const rows = new Map<string, Row>()

function rowOf(name: string): Row {
  if (rows.size === 0) {
    for (const { name, options, state, hasClosedForm } of native().schedulers()) {
      const own = options.filter((option) => state.includes(option.name) && option.name !== 'last_epoch')
      rows.set(name, {
        name,
        options,
        keys: options.map((option) => camelCase(option.name)),
        ownState: own.map((option) => ({
          inFile: option.name,
          here: camelCase(option.name),
          float: option.kind === 'float',
        })),
        hasClosedForm,
      })
    }
  }
  return rows.get(name)!
}

/** Base of the schedulers of this package. Their options are live properties, as in Python. */
export abstract class RowScheduler extends LRScheduler {
  /** The row is needed by the first step, which the constructor of the base class takes. */
  declare readonly row: Row

  /** @param args - positional options in Python's order, and options by name */
  constructor(name: string, optimizer: Optimizer<any>, args: unknown[]) {
    const row = rowOf(name)
    const given = readArguments(name, row.options, [], args)
    const { lastEpoch = -1, ...own } = { ...defaultsOf(row), ...given }
    for (const { name: inFile, kind } of row.options)
      if (kind === 'Counter') own[camelCase(inFile)] = countOf(name, camelCase(inFile), own[camelCase(inFile)])
    super(optimizer, lastEpoch as number, { row, ...own })
  }

  protected override prepare(): void {
    Object.defineProperty(this, 'row', { enumerable: false })
    native().checkScheduler(this.row.name, this.values())
  }

  protected override get ownState(): readonly StateKey[] {
    return this.row.ownState
  }

  override getLr(): number[] {
    this.warnOutsideStep()
    return this.rates(false)
  }

  protected override getClosedFormLr(): number[] | undefined {
    return this.row.hasClosedForm ? this.rates(true) : undefined
  }

  private values(): unknown[] {
    return this.row.keys.map((key) => {
      const value = (this as unknown as Dict)[key] ?? -1
      return typeof value === 'object' ? pairsOf(value as object) : value
    })
  }

  // not #private: such methods exist only once the base class's constructor, and its first step, have ended
  private rates(closedForm: boolean): number[] {
    const { lastEpoch: epoch, _stepCount: stepCount, _isInitial: initial, row } = this
    const options = this.values()
    const { paramGroups } = this.optimizer
    const present = paramGroups.map((group) => rateOf(group.lr))
    const single = paramGroups.map((group) => isSingle(group.lr))
    // a group that was added later has no first rate, which many formulas do not need
    const first = present.map((_, i) => rateOf(this.baseLrs[i] ?? Number.NaN))
    const count = { epoch, stepCount, initial }
    const rates = native().schedulerRates(row.name, options, count, closedForm, present, first, single)
    const missing = rates.findIndex((rate, i) => Number.isNaN(rate) && !(i in this.baseLrs))
    if (missing < 0) return rates
    throw new ArgumentError(
      `${row.name}: parameter group ${missing} was added later and has no rate in baseLrs, which this epoch needs; add one`,
    )
  }
}

function defaultsOf(row: Row): Dict {
  return Object.fromEntries(row.options.map((option, i) => [row.keys[i]!, option.default]))
}

/** Python's `Counter(list)`: how often each is in it. */
function countOf(owner: string, key: string, list: unknown): Map<number, number> {
  if (typeof list !== 'object' || list === null || !(Symbol.iterator in list)) {
    throw new ArgumentError(`${owner}: ${key} should be an array of epochs, but got ${describe(list)}`)
  }
  const counts = counter(new Map<number, number>())
  for (const item of list as Iterable<number>) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}

function pairsOf(counts: object): number[] {
  return [...(counts instanceof Map ? counts : Object.entries(counts))].flat().map(Number)
}
