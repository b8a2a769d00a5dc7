/**
 * `torch.klDiv` and its relatives. Python's parser reads the default of `reduction`, which the schema has as "mean", as 0:
 * these functions of `torch` leave every element as it is, unlike those of `nn.functional`. Seen in PyTorch 2.13.
 */
import { native } from '../binding.js'
import { isOptions, operatorFunction } from './operator.js'

const none = 0

/** A free function for an operator with a `reduction`, which is "none" unless given. */
export function lossFunction(name: string): (...args: any[]) => any {
  const call = operatorFunction(name)
  let position: number | undefined
  return (...args) => {
    position ??= native()
      .schemas(name)[0]!
      .arguments.findIndex((argument) => argument.name === 'reduction')
    const last = args[args.length - 1]
    const options = isOptions(last) ? last : {}
    const given = isOptions(last) ? args.slice(0, -1) : args
    return given.length > position ? call(...args) : call(...given, { reduction: none, ...options })
  }
}
