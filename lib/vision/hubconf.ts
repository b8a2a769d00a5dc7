/** What stands for the `hubconf.py` of pytorch/vision. Legacy options: torchvision/models/_utils.py, torchvision 0.28. */
import { ArgumentError } from '../errors.js'
import type { Hubconf } from '../hub/repositories.js'
import { warn } from '../nn/warn.js'
import { fromPretrained, getModelBuilder, listModels } from './models/index.js'
import { type ModelName, weightsTable } from './models/weights.js'

/** Names of the weights of a model, the best under `DEFAULT`, too. */
function weightsOf(name: string): Record<string, unknown> & { DEFAULT: string } {
  return weightsTable[name as ModelName]
}

/** The `pretrained: true` of old programs: the first weights of the model. */
function legacy(name: string, options: Record<string, unknown>): Record<string, unknown> {
  const { pretrained, ...rest } = options
  if (pretrained === undefined || rest.weights !== undefined) return options
  warn(
    "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, please use 'weights' instead.",
  )
  if (!pretrained) return rest
  if (!('IMAGENET1K_V1' in weightsOf(name))) throw new ArgumentError(`No weights available for model ${name}`)
  return { ...rest, weights: 'IMAGENET1K_V1' }
}

/** The classifiers as entry points of `torch.hub`, under torchvision's names. @internal */
export const hubconf: Hubconf = {
  list: () => listModels(),
  help(model) {
    const { DEFAULT, ...rows } = weightsOf(model)
    const { name } = getModelBuilder(model)
    return [
      `${name}(options): a model of torchvision 0.28, as models.${name} of libtorch-node/vision.`,
      `weights: ${Object.keys(rows).join(', ')}, or DEFAULT, which is ${DEFAULT}; a state dict; null (default): random ones.`,
      'progress: whether a download is shown (default true). Further options are those of the model, such as numClasses.',
    ].join('\n')
  },
  async load(model, options) {
    const { weights, ...rest } = legacy(model, options)
    const builder = getModelBuilder(model)
    const trained = typeof weights === 'string' || Object.values(weightsOf(model)).includes(weights)
    if (trained) return fromPretrained(builder, weights as never, rest)
    return builder({ ...rest, weights: weights as never })
  },
}
