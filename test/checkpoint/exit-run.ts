/** Saves and ends at once: `node exit-run.js <folder>`. */
import * as torch from 'libtorch-node'

const manager = new torch.CheckpointManager(process.argv[2]!)
manager.maybeSave({ epoch: 3, model: new torch.nn.Linear(2000, 2000) })
process.exit(5)
