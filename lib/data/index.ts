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
export { DataLoader, type DataLoaderOptions } from './loader.js'
export {
  BatchSampler,
  DistributedSampler,
  RandomSampler,
  type Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from './sampler.js'
export type { DataLoaderState } from './state.js'
