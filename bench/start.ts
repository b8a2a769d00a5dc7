/** From the start of the process to the first tensor. */
import * as torch from 'libtorch-node'

torch.ones(1)
process.stdout.write('ready\n')
