/** Schedulers that are rows of native/lr_scheduler. Their classes, in `lib/generated/lr-scheduler.ts`, only name the row. */
import type { OptionRow } from '../../binding.js'
import { native } from '../binding.js'
import { readArguments } from '../optim/arguments.js'
import type { Optimizer } from '../optim/optimizer.js'
import type { Dict } from '../optim/values.js'
import { camelCase } from '../tensor/names.js'
import { LRScheduler, rateOf, type StateKey } from './scheduler.js'

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
    super(optimizer, lastEpoch as number, { row, ...own })
  }

  protected override prepare(): void {
    Object.defineProperty(this, 'row', { enumerable: false })
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

  // not #private: such methods exist only once the base class's constructor, and its first step, have ended
  private rates(closedForm: boolean): number[] {
    const { lastEpoch: epoch, _stepCount: stepCount, _isInitial: initial, row } = this
    const options = row.keys.map((key) => (this as unknown as Dict)[key])
    const present = this.optimizer.paramGroups.map((group) => rateOf(group.lr))
    return native().schedulerRates(
      row.name,
      options,
      { epoch, stepCount, initial },
      closedForm,
      present,
      this.baseLrs.map(rateOf),
    )
  }
}

function defaultsOf(row: Row): Dict {
  return Object.fromEntries(row.options.map((option, i) => [row.keys[i]!, option.default]))
}
