/** What a worker that reads images is told: the module of its dataset. */
import { datasets, transforms } from 'libtorch-node/vision'

export const dataset = (root: string) =>
  new datasets.ImageFolder(root, { transform: new transforms.RandomHorizontalFlip() })
