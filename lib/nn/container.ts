import { Module } from './module.js'

/**
 * A module with the children that it is given, by name. Deprecated in Python, too: extend {@link Module} instead.
 * @deprecated
 */
export class Container extends Module {
  constructor(modules: Readonly<Record<string, Module>> = {}) {
    super()
    process.emitWarning(
      '`nn.Container` is deprecated. All of its functionality is now implemented in `nn.Module`. Subclass that instead.',
      'FutureWarning',
    )
    for (const [name, module] of Object.entries(modules)) this.addModule(name, module)
  }
}
