/** Arguments of nn.init and nn.utils as types; the compiler is the test. */
import * as torch from 'libtorch-node'

const { nn } = torch

/** Never called: the types of these statements are what is tested. */
export function types(layer: torch.nn.Linear, weight: torch.nn.Parameter, generator: torch.Generator): void {
  const filled: torch.nn.Parameter = nn.init.kaimingUniform_(weight, 0.2, 'fan_out', {
    nonlinearity: 'relu',
    generator,
  })
  nn.init.truncNormal_(filled, { std: 0.02 })
  nn.init.uniform_(weight, undefined, 2, generator)
  nn.init.sparse_(weight, 0.1, { std: 1 })
  // @ts-expect-error misspelt mode
  nn.init.kaimingNormal_(weight, 0, 'fan_avg')
  // @ts-expect-error misspelt option
  nn.init.normal_(weight, { sdt: 1 })
  // @ts-expect-error given twice
  nn.init.normal_(weight, 0, 1, generator, 3)
  // @ts-expect-error Python's names of options are camelCase here
  nn.utils.clipGradNorm_([weight], 1, { norm_type: 2 })
  const norm: torch.Tensor = nn.utils.clipGradNorm_(layer.parameters(), 1, 2, { errorIfNonfinite: true })
  nn.utils.clipGradValue_(weight, norm.numel(), true)

  // What comes back is the layer, with its type.
  const same: torch.nn.Linear = nn.utils.parametrizations.weightNorm(layer, { dim: null })
  nn.utils.prune.lnStructured(same, 'weight', 0.5, 2, 0).inFeatures.toFixed()
  nn.utils.prune.globalUnstructured([[layer, 'weight']], nn.utils.prune.L1Unstructured, { amount: 1 })
  // @ts-expect-error no pair of a module and a name
  nn.utils.prune.globalUnstructured([layer], nn.utils.prune.L1Unstructured, { amount: 1 })
  nn.utils.prune.LnStructured.apply(layer, 'weight', 1, 2, 0)
  // @ts-expect-error the order of the norm is missing
  nn.utils.prune.LnStructured.apply(layer, 'weight', 1)
  // @ts-expect-error not a map
  nn.utils.parametrizations.orthogonal(layer, 'weight', 'qr')
  const made: torch.nn.Linear = nn.utils.skipInit(nn.Linear, 2, 3)
  const fused: torch.nn.Conv2d = nn.utils.fuseConvBnEval(new nn.Conv2d(1, 2, 3), new nn.BatchNorm2d(2))
  torch.func.functionalCall(made, [{ weight }, {}], [norm], null, { strict: true })
  // @ts-expect-error misspelt option
  torch.func.functionalCall(fused, { weight }, norm, null, { tie: true })
  const text: string = nn.utils.parametrize.cached(() => 'text')
  text.trim()
}
