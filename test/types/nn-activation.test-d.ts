/** Arguments of activations, embeddings and their kin as types; the compiler is the test. */
import * as torch from 'libtorch-node'

const { nn } = torch

/** Never called: the types of these statements are what is tested. */
export function types(x: torch.Tensor): void {
  const made: torch.nn.Module[] = [
    new nn.GELU('tanh'),
    new nn.EmbeddingBag(3, 2, { mode: 'max' }),
    new nn.Unflatten(1, [2, 3] as const),
    new nn.ReLU6({ inplace: true }),
    new nn.Identity(1, 'x', { any: true }),
    new nn.Hardtanh(0, 6, { inplace: true }),
    new nn.Threshold({ threshold: 0, value: 1 }),
    nn.Embedding.fromPretrained(x, { paddingIdx: 0 }),
    nn.Embedding.fromPretrained(x, true, null, 1),
  ]
  // @ts-expect-error no such approximation
  made.push(new nn.GELU('erf'))
  // @ts-expect-error no such mode
  made.push(new nn.EmbeddingBag(3, 2, { mode: 'min' }))
  // @ts-expect-error dimensions have no names
  made.push(new nn.Unflatten('C', [2, 3]))
  // @ts-expect-error the value is missing
  made.push(new nn.Threshold(0))
  // @ts-expect-error bags have a mode, embeddings have none
  made.push(nn.Embedding.fromPretrained(x, { mode: 'sum' }))

  const bag = new nn.EmbeddingBag(3, 2)
  const outputs: torch.Tensor[] = [
    bag.forward(x),
    bag.forward(x, null, x),
    bag.forward(x, { perSampleWeights: x }),
    new nn.Bilinear(1, 2, 3).forward(x, x),
    new nn.PairwiseDistance().forward(x, x),
  ]
  // @ts-expect-error two inputs
  outputs.push(new nn.CosineSimilarity().forward(x))
  const state = new nn.Sequential(new nn.Embedding(3, 2), new nn.PReLU(), new nn.Dropout1d()).stateDict()
  outputs.push(state['0.weight'], state['1.weight'])
  // @ts-expect-error a Dropout1d has no weight
  outputs.push(state['2.weight'])
  const mode: 'sum' | 'mean' | 'max' = bag.mode
  const slope: number = new nn.PReLU().init
  void [mode, slope]
}
