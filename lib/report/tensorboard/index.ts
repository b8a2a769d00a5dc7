/** `torch.utils.tensorboard` */
export type { BinRule, Bins } from './bins.js'
export type { ScalarLike, ValuesLike } from './values.js'
export {
  type HistogramOptions,
  type ImageOptions,
  type ScalarOptions,
  type SummaryOptions,
  SummaryWriter,
  type SummaryWriterOptions,
} from './writer.js'
