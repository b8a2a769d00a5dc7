/**
 * A training run of its own process, in one synchronous loop: `node run.js <folder> <single|split> <epochs> [options as JSON]`. Prints a
 * line for each save and at the end a digest of everything that was trained.
 */
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import * as torch from 'libtorch-node'
import { bytesOf, newRun, trainEpoch } from './nets.js'

const [folder, layout, epochs, options = '{}'] = process.argv.slice(2) as [string, 'single' | 'split', string, string?]
torch.setNumThreads(1)

const run = newRun()
// memory that makes a save long enough to be met
const ballast = { stateDict: () => ({ size: torch.ones(300_000) }), loadStateDict: () => {} }
const checkpoints = new torch.CheckpointManager(folder, {
  layout,
  keep: { last: 2, best: 1 },
  best: { metric: 'loss', mode: 'min' },
  ...JSON.parse(options),
})
const resumed = checkpoints.resume({ ...run, ballast })
writeSync(1, `begins ${resumed?.nextEpoch ?? 0} ${resumed?.skipped.length ?? 0}\n`)
for (let epoch = resumed?.nextEpoch ?? 0; epoch < Number(epochs); epoch++) {
  const loss = trainEpoch(run)
  const { saved, reason, stop } = checkpoints.maybeSave({ epoch, ...run, ballast }, { metrics: { loss } })
  if (saved) writeSync(1, `saved ${epoch} ${reason}\n`)
  if (stop) {
    writeSync(1, `stopped ${epoch}\n`)
    break
  }
}
writeSync(1, `digest ${createHash('sha256').update(bytesOf(run)).digest('hex')}\n`)
await checkpoints.close()
writeSync(1, 'closed\n')
