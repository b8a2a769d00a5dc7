/** `torchvision.models`: image classifiers. Functions also have torchvision's own names where those are others. */
export { AlexNet, type AlexNetOptions, alexnet } from './alexnet.js'
export {
  fromPretrained,
  getModel,
  getModelBuilder,
  listModels,
  type ModelBuilder,
  type PretrainedOptions,
  type WeightsOptions,
} from './builder.js'
export {
  DenseNet,
  type DenseNetOptions,
  densenet121,
  densenet161,
  densenet169,
  densenet201,
} from './densenet.js'
export * as efficientnet from './efficientnet.js'
export {
  EfficientNet,
  type EfficientNetModelOptions,
  type EfficientNetOptions,
  efficientnetB0,
  efficientnetB0 as efficientnet_b0,
  efficientnetB1,
  efficientnetB1 as efficientnet_b1,
  efficientnetB2,
  efficientnetB2 as efficientnet_b2,
  efficientnetB3,
  efficientnetB3 as efficientnet_b3,
  efficientnetB4,
  efficientnetB4 as efficientnet_b4,
  efficientnetB5,
  efficientnetB5 as efficientnet_b5,
  efficientnetB6,
  efficientnetB6 as efficientnet_b6,
  efficientnetB7,
  efficientnetB7 as efficientnet_b7,
  MBConv,
  MBConvConfig,
} from './efficientnet.js'
export * as mobilenetv2 from './mobilenetv2.js'
export { MobileNetV2, type MobileNetV2Options, mobilenetV2, mobilenetV2 as mobilenet_v2 } from './mobilenetv2.js'
export * as mobilenetv3 from './mobilenetv3.js'
export {
  MobileNetV3,
  type MobileNetV3ModelOptions,
  type MobileNetV3Options,
  mobilenetV3Large,
  mobilenetV3Large as mobilenet_v3_large,
  mobilenetV3Small,
  mobilenetV3Small as mobilenet_v3_small,
} from './mobilenetv3.js'
export * as resnet from './resnet.js'
export {
  BasicBlock,
  type BlockOptions,
  Bottleneck,
  ResNet,
  type ResNetBlock,
  type ResNetOptions,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext5032x4d,
  resnext5032x4d as resnext50_32x4d,
  resnext10132x8d,
  resnext10132x8d as resnext101_32x8d,
  resnext10164x4d,
  resnext10164x4d as resnext101_64x4d,
  wideResnet502,
  wideResnet502 as wide_resnet50_2,
  wideResnet1012,
  wideResnet1012 as wide_resnet101_2,
} from './resnet.js'
export {
  Fire,
  SqueezeNet,
  type SqueezeNetOptions,
  squeezenet10,
  squeezenet10 as squeezenet1_0,
  squeezenet11,
  squeezenet11 as squeezenet1_1,
} from './squeezenet.js'
export {
  VGG,
  type VGGOptions,
  vgg11,
  vgg11Bn,
  vgg11Bn as vgg11_bn,
  vgg13,
  vgg13Bn,
  vgg13Bn as vgg13_bn,
  vgg16,
  vgg16Bn,
  vgg16Bn as vgg16_bn,
  vgg19,
  vgg19Bn,
  vgg19Bn as vgg19_bn,
} from './vgg.js'
export * as visionTransformer from './vision-transformer.js'
export {
  type ConvStemConfig,
  Encoder,
  EncoderBlock,
  MLPBlock,
  VisionTransformer,
  type VisionTransformerModelOptions,
  type VisionTransformerOptions,
  vitB16,
  vitB16 as vit_b_16,
  vitB32,
  vitB32 as vit_b_32,
  vitL16,
  vitL16 as vit_l_16,
  vitL32,
  vitL32 as vit_l_32,
} from './vision-transformer.js'
export { getModelWeights, type ModelName, type Weights, type WeightsName, weightsTable } from './weights.js'
