/** Rules: torch/nn/parallel/parallel_apply.py, PyTorch 2.13. */
import { ArgumentError } from '../../errors.js'
import type { Device } from '../../tensor/dtype.js'
import { isOptions } from '../../tensor/operator.js'
import type { Module } from '../module.js'

/**
 * The results of `modules[i].forward(...inputs[i])`. The calls are made one after the other from this thread: a device works on its
 * queue while the next call is made.
 * @param inputs - the arguments for each module: an array, or the one argument
 * @param options - for each module, the options that come as its last argument
 * @param devices - as many as modules; only their number is looked at, since tensors know where they are
 */
export function parallelApply(
  modules: readonly Module[],
  inputs: readonly unknown[],
  options?: readonly Record<string, unknown>[] | null,
  devices?: readonly (Device | number | null)[] | null,
): any[] {
  const check = (what: string, list: readonly unknown[] | null | undefined): void => {
    if (!list || list.length === modules.length) return
    throw new ArgumentError(
      `The number of modules ${modules.length} is not equal to the number of ${what} ${list.length}`,
    )
  }
  check('inputs', inputs)
  check('kwargs_tup', options)
  check('devices', devices)
  return modules.map((module, i) => {
    const args = Array.isArray(inputs[i]) ? inputs[i] : [inputs[i]]
    const last = options?.[i]
    return isOptions(last) && Object.keys(last).length > 0 ? module.forward(...args, last) : module.forward(...args)
  })
}
