/** The ways to go through data that the tests of resuming try, here and in Python. Generators are named by their seed. */
export interface ResumeSetting {
  n: number
  batchSize: number
  shuffle?: boolean
  dropLast?: boolean
  generator?: number
  sampler?: 'random' | 'replacement' | 'subset' | 'weighted'
  samplerGenerator?: number
  numSamples?: number
  stream?: boolean
}

export const resumeSettings: Record<string, ResumeSetting> = {
  'in order': { n: 14, batchSize: 4 },
  shuffled: { n: 14, batchSize: 4, shuffle: true },
  'shuffled, last batch dropped': { n: 14, batchSize: 4, shuffle: true, dropLast: true },
  'shuffled by a generator': { n: 14, batchSize: 4, shuffle: true, generator: 5 },
  'shuffled by a generator, whole batches': { n: 12, batchSize: 4, shuffle: true, generator: 5, dropLast: true },
  'a sampler with a generator of its own': { n: 14, batchSize: 4, sampler: 'random', samplerGenerator: 6 },
  'one generator for loader and sampler': { n: 14, batchSize: 4, sampler: 'random', generator: 6, samplerGenerator: 6 },
  'two generators': { n: 14, batchSize: 4, sampler: 'random', generator: 5, samplerGenerator: 6 },
  'with replacement, 40 of 14': { n: 14, batchSize: 4, sampler: 'replacement', numSamples: 40 },
  'with replacement, a generator': { n: 14, batchSize: 4, sampler: 'replacement', numSamples: 40, samplerGenerator: 6 },
  'more samples than there are': { n: 6, batchSize: 4, sampler: 'random', numSamples: 15, samplerGenerator: 6 },
  'a subset': { n: 14, batchSize: 2, sampler: 'subset' },
  'a subset, a generator': { n: 14, batchSize: 2, sampler: 'subset', samplerGenerator: 6 },
  weighted: { n: 14, batchSize: 4, sampler: 'weighted', numSamples: 15 },
  'a stream': { n: 14, batchSize: 4, stream: true },
}
