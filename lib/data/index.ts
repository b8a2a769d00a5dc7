/** `torch.utils.data`: datasets, samplers and the loader. */
export { type Collated, defaultCollate } from './collate.js'
export { ConcatDataset, Dataset, type DatasetLike, randomSplit, Subset, TensorDataset } from './dataset.js'
export { DataLoader, type DataLoaderOptions } from './loader.js'
export {
  BatchSampler,
  RandomSampler,
  type Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from './sampler.js'
