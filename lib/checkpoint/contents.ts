/** What a save writes: the dicts of its files. */

import { ArgumentError, nearest } from '../errors.js'
import type { Optimizer } from '../optim/optimizer.js'
import { markFloats, PyFloat } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import { nameOf } from './entry.js'
import { type Objects, stateKey } from './objects.js'
import type { Best } from './options.js'
import { type RngState, rngState } from './rng.js'

/** What the manager itself notes in a checkpoint, under `checkpoint_manager`. */
export interface Notes {
  version: number
  save_id: string
  run_id: string
  serial: number
  /** whether an epoch was not over yet */
  in_epoch: boolean
  /** names of the parameters of each optimizer's groups, beside and not inside of its state dict; null where one has none */
  parameter_names: Record<string, string[][] | null>
  /** names of the parameters of each module that take no gradient */
  frozen: Record<string, string[]>
}

export interface Saving {
  epoch: number
  step: number | undefined
  objects: Objects
  metrics: Record<string, number>
  foreignRng: RngState
  saveId: string
  runId: string
  serial: number
  split: boolean
}

/** The files of a save by name; the one that makes it a checkpoint is the last. */
export function filesOf(saving: Saving): [file: string, value: object][] {
  const { epoch, step, objects, metrics, split } = saving
  const parts: [file: string, value: object][] = []
  const main: Record<string, unknown> = Object.create(null)
  main.epoch = epoch
  const apart = (name: string): boolean => split && (objects.modules.has(name) || objects.optimizers.has(name))
  const put = (name: string, state: unknown): void => {
    if (apart(name)) parts.push([nameOf(name, epoch, step), state as object])
    else main[stateKey(name)] = state
  }
  for (const map of [objects.modules, objects.optimizers, objects.schedulers])
    for (const [name, object] of map) put(name, object.stateDict())
  main.rng = rngState(objects.generators, saving.foreignRng)
  main.metrics = markFloats(Object.assign(Object.create(null), metrics), Object.keys(metrics))
  if (step !== undefined) main.step = step
  for (const map of [objects.loaders, objects.plans, objects.states])
    for (const [name, object] of map) put(name, object.stateDict())
  for (const [name, value] of objects.extras) main[name] = value
  main.checkpoint_manager = notes(saving)
  return [...parts, [nameOf('checkpoint', epoch, step), main]]
}

function notes({ saveId, runId, serial, step, objects }: Saving): Notes {
  const names = objects.parameterNames()
  const plain = <T>(entries: Iterable<[string, T]>): Record<string, T> =>
    Object.assign(Object.create(null), Object.fromEntries(entries))
  return {
    version: 1,
    save_id: saveId,
    run_id: runId,
    serial,
    in_epoch: step !== undefined,
    parameter_names: plain([...objects.optimizers].map(([name, optimizer]) => [name, groupNames(optimizer, names)])),
    frozen: plain(
      [...objects.modules].map(([name, module]) => [
        name,
        module.namedParameters().flatMap(([path, parameter]) => (parameter.requiresGrad ? [] : [path])),
      ]),
    ),
  }
}

/** The names of an optimizer's parameters group by group; null where one is of no module. */
export function groupNames(optimizer: Optimizer<any>, names: ReadonlyMap<Tensor, string>): string[][] | null {
  const groups = optimizer.paramGroups.map(({ params }) => params.map((parameter: Tensor) => names.get(parameter)))
  return groups.flat().includes(undefined) ? null : (groups as string[][])
}

/** Metrics as numbers. @throws {@link ArgumentError} for what is no number, and where the one to judge by is missing */
export function readMetrics(
  owner: string,
  given: Record<string, unknown> | undefined,
  best: Best | undefined,
  inEpoch: boolean,
): Record<string, number> {
  const metrics: Record<string, number> = Object.create(null)
  if (given !== undefined && (typeof given !== 'object' || given === null))
    throw new ArgumentError(`${owner}: metrics should be an object such as { loss: 0.5 }, but is ${String(given)}`)
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined) continue
    const number = value instanceof PyFloat ? value.value : value instanceof Tensor ? value.item() : value
    if (typeof number !== 'number' && typeof number !== 'bigint')
      throw new ArgumentError(
        `${owner}: metrics.${name} should be a number or a tensor of one, but is ${String(value)}`,
      )
    metrics[name] = Number(number)
  }
  // in the middle of an epoch there often is none yet; such a checkpoint is not judged
  const judged = best && (!inEpoch || Object.keys(metrics).length > 0)
  if (judged && metrics[best.metric] === undefined) {
    const near = nearest(best.metric, Object.keys(metrics))
    throw new ArgumentError(
      `${owner}: '${best.metric}' says which checkpoint is best, but is not among the metrics` +
        `${near ? `; did you mean '${near}'?` : `; pass { metrics: { ${best.metric}: … } }`}`,
    )
  }
  return metrics
}
