/** `torch.optim` without its schedulers, which build on it. */
export * from '../generated/optim.js'
export type { NewParamGroup, ParamGroup, Params } from './groups.js'
export type { RemovableHandle } from './hooks.js'
export { LBFGS, type LBFGSOptions } from './lbfgs.js'
export { type Closure, Optimizer, type OptimizerStateDict, type ParameterStates } from './optimizer.js'
