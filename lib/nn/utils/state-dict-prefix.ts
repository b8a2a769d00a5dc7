import { ArgumentError } from '../../errors.js'
import { describe } from '../../tensor/operator.js'
import { entriesInOrder, metadataOf, setInOrder } from '../../tensor/python-values.js'

type Dict = Record<string, unknown> | Map<string, unknown>

function keysOf(dict: Dict): string[] {
  return dict instanceof Map ? [...dict.keys()] : entriesInOrder(dict).map(([key]) => key)
}

/** `dict[to] = dict.pop(from)` */
function rename(dict: Dict, from: string, to: string): void {
  if (dict instanceof Map) {
    const value = dict.get(from)
    dict.delete(from)
    dict.set(to, value)
  } else {
    const value = dict[from]
    delete dict[from]
    setInOrder(dict, to, value)
  }
}

/**
 * Takes a prefix off all keys that have it, in place, also in `_metadata`: what was saved of a `DataParallel` then fits the
 * model itself. Keys that change go to the end, as in Python (torch/nn/modules/utils.py, PyTorch 2.13).
 * @example
 * nn.utils.consumePrefixInStateDictIfPresent(stateDict, 'module.')
 */
export function consumePrefixInStateDictIfPresent(stateDict: Dict, prefix: string): void {
  if (typeof stateDict !== 'object' || stateDict === null || typeof prefix !== 'string') {
    throw new ArgumentError(
      `consumePrefixInStateDictIfPresent(stateDict, prefix): received ${describe(stateDict)}, ${describe(prefix)}`,
    )
  }
  if (prefix === '') return
  for (const key of keysOf(stateDict)) {
    if (key.startsWith(prefix)) rename(stateDict, key, key.slice(prefix.length))
  }
  const metadata = metadataOf(stateDict) as Dict | undefined
  if (metadata === undefined) return
  for (const key of keysOf(metadata)) {
    // '' is the wrapper's own entry, 'module' the model's, 'module.…' those of its parts.
    if (key === '') continue
    if (key === prefix.replaceAll('.', '') || key.startsWith(prefix)) rename(metadata, key, key.slice(prefix.length))
  }
}
