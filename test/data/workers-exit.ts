/** Leaves a loop, and then abandons another iterator without a word: the process must end all the same. */
import * as torch from 'libtorch-node'

const threads = () => process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort/.test(name)).length

const rows = new torch.utils.data.TensorDataset(torch.rand(1000, 10))
const loader = new torch.utils.data.DataLoader(rows, { numWorkers: 2, batchSize: 10 })
for await (const _ of loader) break
console.log(`left ${threads()} threads`)
await loader[Symbol.asyncIterator]().next()
console.log('abandoned')
