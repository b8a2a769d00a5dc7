import { ArgumentError, StateDictError } from '../errors.js'
import { enableGrad, noGrad } from '../tensor/autograd.js'
import { isPromise } from '../tensor/scope.js'
import { Tensor } from '../tensor/tensor.js'
import { alignByName } from './by-name.js'
import { GroupNames, makeGroup, type NewParamGroup, type ParamGroup, type Params, readGroups } from './groups.js'
import { Hooks, type RemovableHandle } from './hooks.js'
import { formatOptimizer } from './repr.js'
import { copyValue, type Dict, entriesOf, isFloat, keep, moveKinds, optionTuple, pack } from './values.js'

/** Python's `optimizer.state_dict()`: keys are PyTorch's, parameters are numbered over all groups. */
export interface OptimizerStateDict {
  state: Map<number, Dict>
  param_groups: Dict[]
}

/** State by parameter, such as `{ step, exp_avg, exp_avg_sq }`, in the order in which the parameters got it. */
export type ParameterStates = Pick<
  Map<Tensor, Dict>,
  'get' | 'set' | 'has' | 'delete' | 'clear' | 'size' | 'keys' | 'entries'
> &
  Iterable<[Tensor, Dict]>

/** A function that computes the loss and its gradients anew. */
export type Closure<T> = () => T

/** What a scheduler has to know of the optimizer's steps. @internal */
export const tracking: unique symbol = Symbol('steps seen by schedulers')

/** What a subclass tells of itself. */
export interface OptimizerDescription {
  /** Names of the options in files, where they differ: `weight_decay` */
  names?: string[]
  /** Kinds of the options' defaults in Python, by their names here. */
  kinds?: Record<string, string>
  /** Places in tuples of options that are ints in Python. */
  ints?: Record<string, number[]>
  state?: ParameterStates
}

/**
 * Base class of all optimizers: parameter groups, state dicts in Python's layout, hooks. A subclass of your own implements
 * {@link Optimizer.update}, which `step()` calls without gradients being recorded, and keeps what it needs in `state`.
 * @see https://docs.pytorch.org/docs/2.13/optim.html#torch.optim.Optimizer
 */
export abstract class Optimizer<Options extends object = Dict> {
  /** Live: `optimizer.paramGroups[0].lr = 1e-4` takes effect with the next step. */
  readonly paramGroups: ParamGroup<Options>[] = []
  /** The options of groups that do not have their own. */
  readonly defaults: Required<Options>
  readonly state: ParameterStates;
  /** @internal */
  [tracking]?: { called: boolean; step: unknown }
  readonly #names: GroupNames
  readonly #kinds: Record<string, string>
  readonly #ints: Record<string, number[]>
  readonly #hooks = {
    stepPre: new Hooks<(optimizer: this, closure?: Closure<any>) => Closure<any> | undefined>(),
    stepPost: new Hooks<(optimizer: this, closure?: Closure<any>) => void>(),
    saving: new Hooks<(optimizer: this) => void>(),
    saved: new Hooks<(optimizer: this, stateDict: OptimizerStateDict) => OptimizerStateDict | undefined>(),
    loading: new Hooks<(optimizer: this, stateDict: OptimizerStateDict) => OptimizerStateDict | undefined>(),
    loaded: new Hooks<(optimizer: this) => void>(),
  }
  /** State in a file of parameters that are in no group of it. */
  #foreign = new Map<unknown, unknown>()

  constructor(
    params: Params<Options>,
    defaults: Required<Options>,
    { names = [], kinds = {}, ints = {}, state = new Map() }: OptimizerDescription = {},
  ) {
    this.defaults = defaults
    this.state = state
    this.#names = new GroupNames(names)
    this.#kinds = kinds
    this.#ints = ints
    for (const group of readGroups(this.constructor.name, params)) this.addParamGroup(group as NewParamGroup<Options>)
    const all = this.paramGroups.flatMap((group) => group.params)
    if (all.length > 0 && !all.some((parameter) => parameter.requiresGrad)) {
      throw new ArgumentError(
        `${this.constructor.name}: none of the ${all.length} parameters requires a gradient: everything is frozen, and there is ` +
          'nothing to optimize. Unfreeze some before making the optimizer: unfreeze(model, …) or parameter.requiresGrad = true',
      )
    }
  }

  /** One step for all parameters that have a gradient; runs without recording gradients. */
  protected abstract update(): void

  /** `update()` off the main thread, where there is such a thing. */
  protected async updateAsync(): Promise<void> {
    noGrad(() => this.update())
  }

  /** Puts loaded state in place of the present one. The records are the caller's and may not be kept. */
  protected replaceState(loaded: Map<number, Dict>, _groups: readonly Dict[]): void {
    const parameters = this.#parameters()
    this.state.clear()
    for (const [index, record] of loaded) {
      const parameter = parameters[index]!
      const copy: Dict = Object.create(null)
      for (const [key, value] of Object.entries(record)) {
        const cast = value instanceof Tensor && key !== 'step'
        const dtype = cast && parameter.isFloatingPoint() ? { dtype: parameter.dtype } : {}
        copy[key] = cast ? value.detach().to({ device: parameter.device, ...dtype, copy: true }) : copyValue(value)
      }
      this.state.set(parameter, copy)
    }
  }

  /**
   * Adds a group, as for a layer that is unfrozen during training.
   * @throws {@link ArgumentError} for a parameter that already is in a group, that is not a leaf, or an option near a known one
   */
  addParamGroup(group: NewParamGroup<Options>): void {
    this.paramGroups.push(
      makeGroup(this.constructor.name, group, this.defaults as Dict, this.paramGroups) as ParamGroup<Options>,
    )
  }

  /** Updates all parameters that have a gradient. */
  step(): undefined
  /**
   * Calls the closure, then updates all parameters that have a gradient.
   * @param closure - computes the loss and its gradients; gradients are recorded inside of it
   * @returns what the closure returned
   */
  step<T>(closure: Closure<T>): T
  step<T>(closure?: Closure<T>): T | undefined {
    closure = this.#begin(closure)
    const loss = this.perform(closure)
    this.#end(closure)
    return loss
  }

  /** What `step()` does between its hooks; for optimizers that call the closure more than once. @internal */
  protected perform<T>(closure?: Closure<T>): T | undefined {
    const loss = closure && enableGrad(closure)
    noGrad(() => this.update())
    return loss
  }
  /** {@link Optimizer.perform} of `stepAsync()`. @internal */
  protected async performAsync<T>(closure?: Closure<T | Promise<T>>): Promise<T | undefined> {
    const result = closure?.()
    const loss = isPromise(result) ? await result : result
    await this.updateAsync()
    return loss
  }

  /** {@link Optimizer.step} off the main thread. Use neither the optimizer nor its parameters until it resolves. */
  stepAsync(): Promise<undefined>
  stepAsync<T>(closure: Closure<T | Promise<T>>): Promise<T>
  async stepAsync<T>(closure?: Closure<T | Promise<T>>): Promise<T | undefined> {
    closure = this.#begin(closure)
    const loss = await this.performAsync(closure)
    this.#end(closure)
    return loss
  }

  #begin<T>(closure: Closure<T> | undefined): Closure<T> | undefined {
    if (closure !== undefined && typeof closure !== 'function') {
      throw new ArgumentError(`${this.constructor.name}.step(closure): closure should be a function`)
    }
    if (this[tracking]) this[tracking].called = true
    if (!this.#hooks.stepPre.empty) for (const hook of this.#hooks.stepPre) closure = hook(this, closure) ?? closure
    return closure
  }
  #end(closure: Closure<unknown> | undefined): void {
    if (!this.#hooks.stepPost.empty) for (const hook of this.#hooks.stepPost) hook(this, closure)
  }

  /**
   * Forgets the gradients of all parameters.
   * @param options - `setToNone: false` fills them with zeros instead, for which momentum and weight decay go on
   */
  zeroGrad({ setToNone = true }: { setToNone?: boolean } = {}): void {
    for (const parameter of this.#parameters()) {
      const { grad } = parameter
      if (!grad) continue
      if (setToNone) parameter.grad = null
      else (grad.gradFn ? grad.detach_() : grad.requiresGrad_(false)).zero_()
    }
  }

  /** Runs before each step; may return another closure for it. */
  registerStepPreHook(hook: (optimizer: this, closure?: Closure<any>) => Closure<any> | undefined): RemovableHandle {
    return this.#hooks.stepPre.add(hook)
  }
  /** Runs after each step. */
  registerStepPostHook(hook: (optimizer: this, closure?: Closure<any>) => void): RemovableHandle {
    return this.#hooks.stepPost.add(hook)
  }
  registerStateDictPreHook(hook: (optimizer: this) => void, options: { prepend?: boolean } = {}): RemovableHandle {
    return this.#hooks.saving.add(hook, options.prepend)
  }
  /** May change the state dict or return another one. */
  registerStateDictPostHook(
    hook: (optimizer: this, stateDict: OptimizerStateDict) => OptimizerStateDict | undefined,
    options: { prepend?: boolean } = {},
  ): RemovableHandle {
    return this.#hooks.saved.add(hook, options.prepend)
  }
  /** May change a shallow copy of what is loaded, or return something else. */
  registerLoadStateDictPreHook(
    hook: (optimizer: this, stateDict: OptimizerStateDict) => OptimizerStateDict | undefined,
    options: { prepend?: boolean } = {},
  ): RemovableHandle {
    return this.#hooks.loading.add(hook, options.prepend)
  }
  registerLoadStateDictPostHook(hook: (optimizer: this) => void, options: { prepend?: boolean } = {}): RemovableHandle {
    return this.#hooks.loaded.add(hook, options.prepend)
  }

  /** State and groups in Python's layout. The tensors are the live ones: save them, or copy them, before the next step. */
  stateDict(): OptimizerStateDict {
    for (const hook of this.#hooks.saving) hook(this)
    const positions = this.#positions()
    const state = new Map<any, any>()
    for (const [parameter, record] of this.state)
      if (positions.has(parameter)) state.set(positions.get(parameter), record)
    for (const [key, value] of this.#foreign) state.set(key, value)
    const packed = this.paramGroups.map((group) => this.#pack(group, positions))
    let result: OptimizerStateDict = Object.assign(Object.create(null), { state, param_groups: packed })
    for (const hook of this.#hooks.saved) result = hook(this, result) ?? result
    return result
  }

  #pack(group: ParamGroup<any>, positions: Map<Tensor, number>): Dict {
    const packed: Dict = Object.create(null)
    for (const key of Object.keys(group)) {
      if (key === 'params') continue
      pack(packed, this.#names.inFile(key), this.#option(group, key), this.isFloatOption(group, key))
    }
    packed.params = group.params.map((parameter: Tensor) => positions.get(parameter))
    return packed
  }

  /** An option as a state dict has it. */
  #option(group: ParamGroup<any>, key: string): unknown {
    const value = group[key]
    return this.#kinds[key] === 'tuple' && Array.isArray(value) ? optionTuple(value, this.#ints[key]) : value
  }

  /** Whether a number of a group is Python's float: `lr` is, also when it is 1. @internal */
  isFloatOption(group: ParamGroup<any>, key: string): boolean {
    const isRate = ['lr', 'initialLr', 'maxLr', 'minLr', 'maxMomentum', 'baseMomentum', 'swaLr'].includes(key)
    return isFloat(group, key, isRate || this.#kinds[key] === 'float')
  }

  /**
   * Loads what {@link Optimizer.stateDict} or Python gave. Parameters are matched by their position. Tensors are copied, cast
   * to the dtype and device of their parameter; options in the file take the place of the present ones. Nothing changes when
   * it does not fit.
   * @param options - `by: 'name'` matches parameters by the names that an optimizer of named parameters saves: for one that has
   * other layers frozen, or other groups. Parameters that are not in the file start anew.
   * @throws {@link StateDictError} when groups or their sizes differ, or names are missing
   */
  loadStateDict(stateDict: OptimizerStateDict | object, { by = 'position' }: { by?: 'position' | 'name' } = {}): void {
    if (by !== 'position' && by !== 'name')
      throw new ArgumentError(
        `${this.constructor.name}.loadStateDict(): by should be 'position' or 'name', not '${by}'`,
      )
    let given = Object.assign(
      Object.create(null),
      stateDict instanceof Map ? Object.fromEntries(stateDict) : stateDict,
    ) as OptimizerStateDict
    for (const hook of this.#hooks.loading) given = hook(this, given) ?? given
    if (by === 'name') {
      const present = this.paramGroups.map((group) => this.#pack(group, this.#positions()))
      given = alignByName(this.constructor.name, given, this.paramGroups, present)
    }
    const saved = checkGroups(this.constructor.name, given.param_groups, this.paramGroups)
    const places = new Map(saved.flatMap(idsOf).map((id, position) => [String(id), position]))
    const state = new Map<number, Dict>()
    const foreign = new Map<unknown, unknown>()
    for (const [id, record] of entriesOf(given.state, `${this.constructor.name}: 'state' of the state dict`)) {
      const position = places.get(String(id))
      if (position === undefined) foreign.set(id, record)
      else state.set(position, record as Dict)
    }
    const groups = saved.map((group, i) => this.#unpack(group, this.paramGroups[i]!))
    this.upgradeGroups(groups)
    this.replaceState(state, groups)
    this.#foreign = foreign
    for (const [i, group] of this.paramGroups.entries()) replaceContents(group, groups[i]!)
    for (const hook of this.#hooks.loaded) hook(this)
  }

  /** Adds what groups in files of older releases lack. */
  protected upgradeGroups(_groups: Dict[]): void {}

  #unpack(saved: Dict, present: ParamGroup<any>): Dict {
    const group: Dict = {}
    for (const [key, value] of entriesOf(saved, 'a parameter group')) {
      if (key === 'params') group.params = present.params
      else keep(group, this.#names.here(String(key)), copyValue(value), { dict: saved, key: String(key) })
    }
    if ('paramNames' in present && !('paramNames' in group)) group.paramNames = present.paramNames
    return group
  }

  #parameters(): Tensor[] {
    return this.paramGroups.flatMap((group) => group.params)
  }
  #positions(): Map<Tensor, number> {
    const positions = new Map<Tensor, number>()
    for (const [i, parameter] of this.#parameters().entries())
      if (!positions.has(parameter)) positions.set(parameter, i)
    return positions
  }

  /** As Python prints it: every group with its options. */
  toString(): string {
    return formatOptimizer(
      this.constructor.name,
      this.paramGroups,
      (key) => this.#names.inFile(key),
      (group, key) => this.#option(group, key),
      (group, key) => this.isFloatOption(group, key),
    )
  }
}

function idsOf(group: Dict): unknown[] {
  return group.params as unknown[]
}

function checkGroups(owner: string, saved: unknown, present: ParamGroup<any>[]): Dict[] {
  if (!Array.isArray(saved) || saved.some((group) => !Array.isArray(group?.params))) {
    throw new StateDictError(
      `${owner}: this is no state dict of an optimizer: 'param_groups' should be a list of groups with 'params'`,
    )
  }
  if (saved.length !== present.length) {
    throw new StateDictError(
      `${owner}: loaded state dict has a different number of parameter groups: ${saved.length}, the optimizer has ${present.length}`,
    )
  }
  for (const [i, group] of saved.entries()) {
    if (group.params.length === present[i]!.params.length) continue
    throw new StateDictError(
      `${owner}: loaded state dict contains a parameter group that doesn't match the size of optimizer's group: ` +
        `group ${i} has ${group.params.length} parameters in it, and ${present[i]!.params.length} in the optimizer`,
    )
  }
  return saved
}

/** A group stays the same object, so that whoever holds it sees the new values. */
function replaceContents(group: ParamGroup<any>, values: Dict): void {
  for (const key of Object.keys(group)) delete group[key]
  Object.assign(group, values)
  moveKinds(values, group)
}
