import * as torch from 'libtorch-node'

export type Format = NonNullable<torch.SaveOptions['format']>

/** What generation `number` saves: two tensors that a half-written file could not both have. */
export function generation(number: number): Record<string, torch.Tensor> {
  return { number: torch.tensor([number]), data: torch.full([2 ** 20], number) }
}

/** The generation of a file, all of which has to be there. */
export function generationOf(path: string): number {
  const { number, data } = torch.loadSync(path)
  const found = number.item() as number
  if (!torch.equal(data, torch.full([2 ** 20], found))) throw new Error(`${path} mixes generations`)
  return found
}
