import type { StateDict } from '../state-dict.js'

const states = new WeakMap<object, () => StateDict>()

/** Notes how the state dict of an archive is made, of which `value` was made. */
export function knowState(value: object, make: () => StateDict): void {
  states.set(value, make)
}

/** The state dict of an archive of TorchScript or C++ whose value this is. */
export function archiveState(value: unknown): StateDict | undefined {
  return typeof value === 'object' && value !== null ? states.get(value)?.() : undefined
}
