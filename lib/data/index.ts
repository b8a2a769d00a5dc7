/** `torch.utils.data`: datasets, samplers and the loader. */
export { type Collated, defaultCollate, defaultConvert } from './collate.js'
export {
  ConcatDataset,
  Dataset,
  type DatasetLike,
  randomSplit,
  StackDataset,
  Subset,
  TensorDataset,
} from './dataset.js'
export { ChainDataset, IterableDataset, type IterableDatasetLike } from './iterable-dataset.js'
export { DataLoader } from './loader.js'
export type { DataLoaderOptions } from './loader-options.js'
export {
  BatchSampler,
  DistributedSampler,
  RandomSampler,
  Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from './sampler.js'
export type { DataLoaderState } from './state.js'
export { getWorkerInfo, type WorkerInfo } from './workers/info.js'
