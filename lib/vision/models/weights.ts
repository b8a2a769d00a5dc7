/** Trained weights of torchvision 0.28 by model and name: facts of its sources. */

/** One file of trained weights. */
export interface Weights {
  /** its name below `https://download.pytorch.org/models/`; the digits before the dot begin its sha256 */
  readonly file: string
  /** outputs of the last layer; null where the file has none that are trained */
  readonly numClasses: number | null
  /** height and width of images, where the model is made for one size */
  readonly imageSize?: number
}

function weights(
  file: string,
  { classes = 1000, imageSize }: { classes?: number | null; imageSize?: number } = {},
): Weights {
  return { file, numClasses: classes, ...(imageSize !== undefined && { imageSize }) }
}

/** For each model its weights, and under `DEFAULT` the name of the best. */
export const weightsTable = {
  alexnet: {
    IMAGENET1K_V1: weights('alexnet-owt-7be5be79.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  convnext_base: {
    IMAGENET1K_V1: weights('convnext_base-6075fbad.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  convnext_large: {
    IMAGENET1K_V1: weights('convnext_large-ea097f82.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  convnext_small: {
    IMAGENET1K_V1: weights('convnext_small-0c510722.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  convnext_tiny: {
    IMAGENET1K_V1: weights('convnext_tiny-983f1562.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  densenet121: {
    IMAGENET1K_V1: weights('densenet121-a639ec97.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  densenet161: {
    IMAGENET1K_V1: weights('densenet161-8d451a50.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  densenet169: {
    IMAGENET1K_V1: weights('densenet169-b2777c0a.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  densenet201: {
    IMAGENET1K_V1: weights('densenet201-c1103571.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  efficientnet_b0: {
    IMAGENET1K_V1: weights('efficientnet_b0_rwightman-7f5810bc.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  efficientnet_b1: {
    IMAGENET1K_V1: weights('efficientnet_b1_rwightman-bac287d4.pth'),
    IMAGENET1K_V2: weights('efficientnet_b1-c27df63c.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  efficientnet_b2: {
    IMAGENET1K_V1: weights('efficientnet_b2_rwightman-c35c1473.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  efficientnet_b3: {
    IMAGENET1K_V1: weights('efficientnet_b3_rwightman-b3899882.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  efficientnet_b4: {
    IMAGENET1K_V1: weights('efficientnet_b4_rwightman-23ab8bcd.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  efficientnet_b5: {
    IMAGENET1K_V1: weights('efficientnet_b5_lukemelas-1a07897c.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  efficientnet_b6: {
    IMAGENET1K_V1: weights('efficientnet_b6_lukemelas-24a108a5.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  efficientnet_b7: {
    IMAGENET1K_V1: weights('efficientnet_b7_lukemelas-c5b4e57e.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  efficientnet_v2_l: {
    IMAGENET1K_V1: weights('efficientnet_v2_l-59c71312.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  efficientnet_v2_m: {
    IMAGENET1K_V1: weights('efficientnet_v2_m-dc08266a.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  efficientnet_v2_s: {
    IMAGENET1K_V1: weights('efficientnet_v2_s-dd5fe13b.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  googlenet: {
    IMAGENET1K_V1: weights('googlenet-1378be20.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  inception_v3: {
    IMAGENET1K_V1: weights('inception_v3_google-0cc3c7bd.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  maxvit_t: {
    IMAGENET1K_V1: weights('maxvit_t-bc5ab103.pth', { imageSize: 224 }),
    DEFAULT: 'IMAGENET1K_V1',
  },
  mnasnet0_5: {
    IMAGENET1K_V1: weights('mnasnet0.5_top1_67.823-3ffadce67e.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  mnasnet0_75: {
    IMAGENET1K_V1: weights('mnasnet0_75-7090bc5f.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  mnasnet1_0: {
    IMAGENET1K_V1: weights('mnasnet1.0_top1_73.512-f206786ef8.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  mnasnet1_3: {
    IMAGENET1K_V1: weights('mnasnet1_3-a4c69d6f.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  mobilenet_v2: {
    IMAGENET1K_V1: weights('mobilenet_v2-b0353104.pth'),
    IMAGENET1K_V2: weights('mobilenet_v2-7ebf99e0.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  mobilenet_v3_large: {
    IMAGENET1K_V1: weights('mobilenet_v3_large-8738ca79.pth'),
    IMAGENET1K_V2: weights('mobilenet_v3_large-5c1a4163.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  mobilenet_v3_small: {
    IMAGENET1K_V1: weights('mobilenet_v3_small-047dcff4.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  regnet_x_16gf: {
    IMAGENET1K_V1: weights('regnet_x_16gf-2007eb11.pth'),
    IMAGENET1K_V2: weights('regnet_x_16gf-ba3796d7.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_x_1_6gf: {
    IMAGENET1K_V1: weights('regnet_x_1_6gf-e3633e7f.pth'),
    IMAGENET1K_V2: weights('regnet_x_1_6gf-a12f2b72.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_x_32gf: {
    IMAGENET1K_V1: weights('regnet_x_32gf-9d47f8d0.pth'),
    IMAGENET1K_V2: weights('regnet_x_32gf-6eb8fdc6.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_x_3_2gf: {
    IMAGENET1K_V1: weights('regnet_x_3_2gf-f342aeae.pth'),
    IMAGENET1K_V2: weights('regnet_x_3_2gf-7071aa85.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_x_400mf: {
    IMAGENET1K_V1: weights('regnet_x_400mf-adf1edd5.pth'),
    IMAGENET1K_V2: weights('regnet_x_400mf-62229a5f.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_x_800mf: {
    IMAGENET1K_V1: weights('regnet_x_800mf-ad17e45c.pth'),
    IMAGENET1K_V2: weights('regnet_x_800mf-94a99ebd.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_x_8gf: {
    IMAGENET1K_V1: weights('regnet_x_8gf-03ceed89.pth'),
    IMAGENET1K_V2: weights('regnet_x_8gf-2b70d774.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_y_128gf: {
    IMAGENET1K_SWAG_E2E_V1: weights('regnet_y_128gf_swag-c8ce3e52.pth'),
    IMAGENET1K_SWAG_LINEAR_V1: weights('regnet_y_128gf_lc_swag-cbe8ce12.pth'),
    DEFAULT: 'IMAGENET1K_SWAG_E2E_V1',
  },
  regnet_y_16gf: {
    IMAGENET1K_V1: weights('regnet_y_16gf-9e6ed7dd.pth'),
    IMAGENET1K_V2: weights('regnet_y_16gf-3e4a00f9.pth'),
    IMAGENET1K_SWAG_E2E_V1: weights('regnet_y_16gf_swag-43afe44d.pth'),
    IMAGENET1K_SWAG_LINEAR_V1: weights('regnet_y_16gf_lc_swag-f3ec0043.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_y_1_6gf: {
    IMAGENET1K_V1: weights('regnet_y_1_6gf-b11a554e.pth'),
    IMAGENET1K_V2: weights('regnet_y_1_6gf-0d7bc02a.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_y_32gf: {
    IMAGENET1K_V1: weights('regnet_y_32gf-4dee3f7a.pth'),
    IMAGENET1K_V2: weights('regnet_y_32gf-8db6d4b5.pth'),
    IMAGENET1K_SWAG_E2E_V1: weights('regnet_y_32gf_swag-04fdfa75.pth'),
    IMAGENET1K_SWAG_LINEAR_V1: weights('regnet_y_32gf_lc_swag-e1583746.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_y_3_2gf: {
    IMAGENET1K_V1: weights('regnet_y_3_2gf-b5a9779c.pth'),
    IMAGENET1K_V2: weights('regnet_y_3_2gf-9180c971.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_y_400mf: {
    IMAGENET1K_V1: weights('regnet_y_400mf-c65dace8.pth'),
    IMAGENET1K_V2: weights('regnet_y_400mf-e6988f5f.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_y_800mf: {
    IMAGENET1K_V1: weights('regnet_y_800mf-1b27b58c.pth'),
    IMAGENET1K_V2: weights('regnet_y_800mf-58fc7688.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  regnet_y_8gf: {
    IMAGENET1K_V1: weights('regnet_y_8gf-d0d0e4a8.pth'),
    IMAGENET1K_V2: weights('regnet_y_8gf-dc2b1b54.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  resnet101: {
    IMAGENET1K_V1: weights('resnet101-63fe2227.pth'),
    IMAGENET1K_V2: weights('resnet101-cd907fc2.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  resnet152: {
    IMAGENET1K_V1: weights('resnet152-394f9c45.pth'),
    IMAGENET1K_V2: weights('resnet152-f82ba261.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  resnet18: {
    IMAGENET1K_V1: weights('resnet18-f37072fd.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  resnet34: {
    IMAGENET1K_V1: weights('resnet34-b627a593.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  resnet50: {
    IMAGENET1K_V1: weights('resnet50-0676ba61.pth'),
    IMAGENET1K_V2: weights('resnet50-11ad3fa6.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  resnext101_32x8d: {
    IMAGENET1K_V1: weights('resnext101_32x8d-8ba56ff5.pth'),
    IMAGENET1K_V2: weights('resnext101_32x8d-110c445d.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  resnext101_64x4d: {
    IMAGENET1K_V1: weights('resnext101_64x4d-173b62eb.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  resnext50_32x4d: {
    IMAGENET1K_V1: weights('resnext50_32x4d-7cdf4587.pth'),
    IMAGENET1K_V2: weights('resnext50_32x4d-1a0047aa.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  shufflenet_v2_x0_5: {
    IMAGENET1K_V1: weights('shufflenetv2_x0.5-f707e7126e.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  shufflenet_v2_x1_0: {
    IMAGENET1K_V1: weights('shufflenetv2_x1-5666bf0f80.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  shufflenet_v2_x1_5: {
    IMAGENET1K_V1: weights('shufflenetv2_x1_5-3c479a10.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  shufflenet_v2_x2_0: {
    IMAGENET1K_V1: weights('shufflenetv2_x2_0-8be3c8ee.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  squeezenet1_0: {
    IMAGENET1K_V1: weights('squeezenet1_0-b66bff10.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  squeezenet1_1: {
    IMAGENET1K_V1: weights('squeezenet1_1-b8a52dc0.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  swin_b: {
    IMAGENET1K_V1: weights('swin_b-68c6b09e.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  swin_s: {
    IMAGENET1K_V1: weights('swin_s-5e29d889.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  swin_t: {
    IMAGENET1K_V1: weights('swin_t-704ceda3.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  swin_v2_b: {
    IMAGENET1K_V1: weights('swin_v2_b-781e5279.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  swin_v2_s: {
    IMAGENET1K_V1: weights('swin_v2_s-637d8ceb.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  swin_v2_t: {
    IMAGENET1K_V1: weights('swin_v2_t-b137f0e2.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vgg11: {
    IMAGENET1K_V1: weights('vgg11-8a719046.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vgg11_bn: {
    IMAGENET1K_V1: weights('vgg11_bn-6002323d.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vgg13: {
    IMAGENET1K_V1: weights('vgg13-19584684.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vgg13_bn: {
    IMAGENET1K_V1: weights('vgg13_bn-abd245e5.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vgg16: {
    IMAGENET1K_V1: weights('vgg16-397923af.pth'),
    IMAGENET1K_FEATURES: weights('vgg16_features-amdegroot-88682ab5.pth', { classes: null }),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vgg16_bn: {
    IMAGENET1K_V1: weights('vgg16_bn-6c64b313.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vgg19: {
    IMAGENET1K_V1: weights('vgg19-dcbb9e9d.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vgg19_bn: {
    IMAGENET1K_V1: weights('vgg19_bn-c79401a0.pth'),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vit_b_16: {
    IMAGENET1K_V1: weights('vit_b_16-c867db91.pth', { imageSize: 224 }),
    IMAGENET1K_SWAG_E2E_V1: weights('vit_b_16_swag-9ac1b537.pth', { imageSize: 384 }),
    IMAGENET1K_SWAG_LINEAR_V1: weights('vit_b_16_lc_swag-4e70ced5.pth', { imageSize: 224 }),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vit_b_32: {
    IMAGENET1K_V1: weights('vit_b_32-d86f8d99.pth', { imageSize: 224 }),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vit_h_14: {
    IMAGENET1K_SWAG_E2E_V1: weights('vit_h_14_swag-80465313.pth', { imageSize: 518 }),
    IMAGENET1K_SWAG_LINEAR_V1: weights('vit_h_14_lc_swag-c1eb923e.pth', { imageSize: 224 }),
    DEFAULT: 'IMAGENET1K_SWAG_E2E_V1',
  },
  vit_l_16: {
    IMAGENET1K_V1: weights('vit_l_16-852ce7e3.pth', { imageSize: 224 }),
    IMAGENET1K_SWAG_E2E_V1: weights('vit_l_16_swag-4f3808c9.pth', { imageSize: 512 }),
    IMAGENET1K_SWAG_LINEAR_V1: weights('vit_l_16_lc_swag-4d563306.pth', { imageSize: 224 }),
    DEFAULT: 'IMAGENET1K_V1',
  },
  vit_l_32: {
    IMAGENET1K_V1: weights('vit_l_32-c7638314.pth', { imageSize: 224 }),
    DEFAULT: 'IMAGENET1K_V1',
  },
  wide_resnet101_2: {
    IMAGENET1K_V1: weights('wide_resnet101_2-32ee1156.pth'),
    IMAGENET1K_V2: weights('wide_resnet101_2-d733dc28.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
  wide_resnet50_2: {
    IMAGENET1K_V1: weights('wide_resnet50_2-95faca4d.pth'),
    IMAGENET1K_V2: weights('wide_resnet50_2-9ba9bcbe.pth'),
    DEFAULT: 'IMAGENET1K_V2',
  },
} as const

/** torchvision's name of a model. */
export type ModelName = keyof typeof weightsTable
/** The name of weights of a model. */
export type WeightsName<N extends ModelName = ModelName> = N extends ModelName
  ? keyof (typeof weightsTable)[N] & string
  : never

/** The weights of a model by name, as torchvision's enumeration of them. */
export function getModelWeights<N extends ModelName>(name: N): (typeof weightsTable)[N] {
  return weightsTable[name]
}
