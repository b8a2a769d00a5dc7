import type { Module } from '../module.js'

/** Whether a module is of one of these classes, or derived from one. By name, so that nothing here depends on the list of layers. */
export function isNamed(module: Module, names: readonly string[]): boolean {
  for (let at = module.constructor; typeof at === 'function' && at.name !== ''; at = Object.getPrototypeOf(at)) {
    if (names.includes(at.name)) return true
  }
  return false
}

/** The dimension of a weight that counts outputs: 1 for transposed convolutions, else 0. */
export function outputDim(module: Module): number {
  return isNamed(module, ['ConvTranspose1d', 'ConvTranspose2d', 'ConvTranspose3d']) ? 1 : 0
}
