/** A call of `forward` with the hooks around it. Order: Module._call_impl of torch/nn/modules/module.py, PyTorch 2.13 (cf30153c). */
import { ArgumentError, TorchError } from '../errors.js'
import { isOptions } from '../tensor/operator.js'
import { pythonRepr, pythonText, tupleText } from '../tensor/python-text.js'
import { BackwardBorders } from './backward-borders.js'
import { type Entry, globalLists, type HookLists, type Kind } from './hook-lists.js'
import type { ForwardKwargs } from './hook-types.js'
import type { Module } from './module.js'
import { hookNode } from './old-backward-hooks.js'

type Forward = (...args: any[]) => any

/** What a call was given; `kwargs` is undefined where no options came. */
interface Given {
  args: any[]
  kwargs: ForwardKwargs | undefined
}

// A hook that returns nothing, or Python's None, changes nothing.
const isChange = (value: unknown): boolean => value !== undefined && value !== null

/**
 * Options are a plain object at the end, as everywhere here. One that comes alone where `forward` declares a first parameter is that
 * parameter, as a batch can be.
 */
function split(forward: Forward, args: any[]): Given {
  const last = args[args.length - 1]
  if (!isOptions(last) || (args.length === 1 && forward.length > 0)) return { args, kwargs: undefined }
  return { args: args.slice(0, -1), kwargs: last }
}

/** Calls `forward` of a module with the hooks of all modules and those of `own`. @internal */
export function callWithHooks(module: Module, forward: Forward, own: HookLists | undefined, given: any[]): any {
  // Those that are there at the beginning of each part: a hook, or forward itself, may add some.
  const both = (kind: Kind): Entry[] => [...globalLists[kind], ...(own?.[kind] ?? [])]
  const hooksOf = (kind: Kind): Entry['hook'][] => both(kind).map((entry) => entry.hook)
  const called = new Set<Entry>()
  const call = split(forward, given)
  let output: any = null
  const after = (entry: Entry): void => {
    const args = entry.withKwargs ? [call.args, call.kwargs ?? {}, output] : [call.args, output]
    const changed = entry.hook(module, ...args)
    if (isChange(changed)) output = changed
  }
  try {
    const beforeBackward = hooksOf('beforeBackward')
    const afterBackward = hooksOf('afterBackward')
    for (const entry of both('before')) before(module, entry, call)
    let borders: BackwardBorders | undefined
    if (beforeBackward.length > 0 || afterBackward.length > 0) {
      borders = new BackwardBorders(module, afterBackward, beforeBackward)
      call.args = borders.enter(call.args)
    }
    output = forward.apply(module, call.kwargs === undefined ? call.args : [...call.args, call.kwargs])
    for (const entry of both('after')) {
      if (entry.alwaysCall) called.add(entry)
      after(entry)
    }
    if (borders) output = borders.leave(output)
    const old = hooksOf('oldBackward')
    if (old.length > 0) hookNode(module, old, call.args, output)
    return output
  } catch (error) {
    const missed = (entry: Entry): boolean => entry.alwaysCall && !called.has(entry)
    for (const entry of globalLists.after.filter(missed)) silently('global module', () => after(entry))
    for (const entry of own?.after.filter(missed) ?? []) silently('module', () => after(entry))
    throw error
  }
}

function before(module: Module, { hook, withKwargs }: Entry, call: Given): void {
  if (!withKwargs) {
    const changed = hook(module, call.args)
    if (isChange(changed)) call.args = Array.isArray(changed) ? changed : [changed]
    return
  }
  // A hook may write into it, which the caller's object must not see.
  const kwargs = { ...call.kwargs }
  const changed = hook(module, call.args, kwargs)
  const [args, named] = isChange(changed) ? checkPair(changed) : [call.args, kwargs]
  call.args = args
  call.kwargs = call.kwargs === undefined && Object.keys(named).length === 0 ? undefined : named
}

function checkPair(changed: unknown): [any[], ForwardKwargs] {
  if (!Array.isArray(changed) || changed.length !== 2) {
    const text = Array.isArray(changed) ? tupleText(changed.map(pythonRepr)) : pythonText(changed)
    throw new TorchError(`forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got ${text}.`)
  }
  const [args, kwargs] = changed
  if (!Array.isArray(args) || !isOptions(kwargs))
    throw new ArgumentError('forward pre-hook must return new arguments as an array and new options as an object')
  return [args, kwargs]
}

function silently(whose: string, run: () => void): void {
  try {
    run()
  } catch (error) {
    process.emitWarning(
      `${whose} forward hook with \`\`always_call=True\`\` raised an exception that was silenced as another error was raised in forward: ${(error as Error)?.message ?? error}`,
      'UserWarning',
    )
  }
}
