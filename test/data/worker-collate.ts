/** A module for workers with all that one may export. */
import * as torch from 'libtorch-node'

let started = -1
export const workerInitFn = (id: number): void => {
  started = id
}
export default Promise.resolve([...Array(7).keys()])
export const collateFn = (samples: number[]): { sum: torch.Tensor; started: number } => ({
  sum: torch.tensor(samples).sum(),
  started,
})
