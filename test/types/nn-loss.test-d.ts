/** Arguments and results of losses as types; the compiler is the test. */
import * as torch from 'libtorch-node'

const { nn } = torch

/** Never called: the types of these statements are what is tested. */
export function types(x: torch.Tensor, y: torch.Tensor): void {
  const scalar: torch.Tensor = new nn.GaussianNLLLoss().forward(x, y, 0.5)
  new nn.GaussianNLLLoss().forward(x, y, scalar)
  new nn.CTCLoss().forward(x, y, [3], [2])
  new nn.CTCLoss().forward(x, y, x, y)
  // @ts-expect-error lengths are numbers
  new nn.CTCLoss().forward(x, y, ['3'], [2])
  // @ts-expect-error the target is missing
  new nn.L1Loss().forward(x)
  new nn.KLDivLoss({ reduction: 'batchmean' })
  // @ts-expect-error only KLDivLoss has it
  new nn.L1Loss({ reduction: 'batchmean' })
  new nn.BCEWithLogitsLoss(x, null, null, 'sum', y)
  const weight: torch.nn.Buffer | null = new nn.BCEWithLogitsLoss().pos_weight
  new nn.NLLLoss2d(weight, { ignoreIndex: 3 })
  const { output, loss } = new nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3], 2, true).forward(x, y)
  output.add(loss)
  // @ts-expect-error cutoffs are needed
  new nn.AdaptiveLogSoftmaxWithLoss(4, 9)
  new nn.TripletMarginWithDistanceLoss({ distanceFunction: (a, b) => a.sub(b).sum(1) })
  // @ts-expect-error a distance is a tensor
  new nn.TripletMarginWithDistanceLoss({ distanceFunction: () => 3 })
  const chunks = new nn.LinearCrossEntropyOptions({ accPolicy: 'compact' })
  new nn.LinearCrossEntropyLoss(4, 7, { outFeatures: [2], options: chunks })
  // @ts-expect-error frozen
  chunks.accPolicy = 'auto'
  // @ts-expect-error no such policy
  new nn.LinearCrossEntropyOptions({ accPolicy: 'best' })
}
