/** ResNet-18 from layers of nn, with the names of torchvision's; `resnet.py` is the same network. */
import * as torch from 'libtorch-node'

const { nn } = torch

class BasicBlock extends nn.Module {
  conv1: torch.nn.Conv2d
  bn1: torch.nn.BatchNorm2d
  relu = new nn.ReLU({ inplace: true })
  conv2: torch.nn.Conv2d
  bn2: torch.nn.BatchNorm2d
  downsample: torch.nn.Sequential<any> | null = null

  constructor(channels: number, planes: number, stride: number) {
    super()
    this.conv1 = new nn.Conv2d(channels, planes, 3, { stride, padding: 1, bias: false })
    this.bn1 = new nn.BatchNorm2d(planes)
    this.conv2 = new nn.Conv2d(planes, planes, 3, { padding: 1, bias: false })
    this.bn2 = new nn.BatchNorm2d(planes)
    if (stride !== 1 || channels !== planes) {
      const conv = new nn.Conv2d(channels, planes, 1, { stride, bias: false })
      this.downsample = new nn.Sequential(conv, new nn.BatchNorm2d(planes))
    }
  }

  override forward(x: torch.Tensor): torch.Tensor {
    let out = this.relu.forward(this.bn1.forward(this.conv1.forward(x)))
    out = this.bn2.forward(this.conv2.forward(out))
    out.add_(this.downsample === null ? x : this.downsample.forward(x))
    return this.relu.forward(out)
  }
}

const stage = (channels: number, planes: number, stride: number) =>
  new nn.Sequential(new BasicBlock(channels, planes, stride), new BasicBlock(planes, planes, 1))

class ResNet extends nn.Module {
  conv1 = new nn.Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false })
  bn1 = new nn.BatchNorm2d(64)
  relu = new nn.ReLU({ inplace: true })
  maxpool = new nn.MaxPool2d(3, 2, 1)
  layer1 = stage(64, 64, 1)
  layer2 = stage(64, 128, 2)
  layer3 = stage(128, 256, 2)
  layer4 = stage(256, 512, 2)
  avgpool = new nn.AdaptiveAvgPool2d([1, 1])
  fc = new nn.Linear(512, 10)

  // (N, 3, H, W) → (N, 10)
  override forward(x: torch.Tensor): torch.Tensor {
    x = this.maxpool.forward(this.relu.forward(this.bn1.forward(this.conv1.forward(x))))
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) x = layer.forward(x)
    return this.fc.forward(this.avgpool.forward(x).flatten(1))
  }
}

export const resnet18 = (): torch.nn.Module => new ResNet()
