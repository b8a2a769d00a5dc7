// Promise: the types know which weights there are, and which arguments a model has.
import type * as torch from 'libtorch-node'
import { models, resnet18 } from 'libtorch-node/vision'

export async function vision(stateDict: Record<string, torch.Tensor>): Promise<void> {
  const resnet: models.ResNet = resnet18({ numClasses: 10, weights: stateDict })
  const out: torch.Tensor = resnet.forward(stateDict.x!)
  resnet18({ weights: 'IMAGENET1K_V1' })
  models.resnet50({ weights: 'IMAGENET1K_V2', numClasses: 10 })
  const vit: models.VisionTransformer = await models.fromPretrained(models.vitB16, 'IMAGENET1K_SWAG_E2E_V1', {
    progress: false,
  })
  // @ts-expect-error ResNet-18 has one set of weights
  resnet18({ weights: 'IMAGENET1K_V2' })
  // @ts-expect-error
  await models.fromPretrained(models.resnet18, 'IMAGENET1K_V2')
  // @ts-expect-error
  resnet18({ num_classes: 10 })
  // @ts-expect-error
  models.vgg11({ widthMult: 2 })
  void [out, vit]
}
