/** `torch.optim.swaUtils`: averages of a model's weights. */
export { AveragedModel, type AveragedModelOptions } from './averaged-model.js'
export {
  type AvgFn,
  getEmaAvgFn,
  getEmaMultiAvgFn,
  getSwaAvgFn,
  getSwaMultiAvgFn,
  type MultiAvgFn,
} from './averages.js'
export { SWALR, type SWALROptions } from './swa-lr.js'
export { updateBn } from './update-bn.js'
