/** `torch.jit`: modules that Python scripted or traced. */
export {
  type FreezeOptions,
  freeze,
  load,
  optimizeForInference,
  type ScriptLoadOptions,
  save,
  script,
  trace,
} from './load.js'
export { ScriptModule, type ScriptSaveOptions } from './script-module.js'
export { ScriptObject } from './values.js'
