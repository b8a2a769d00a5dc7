/**
 * Fine-tunes a pretrained ResNet-18 on pictures of one's own, in a folder for each class: a new head for their number, the layers
 * near the input frozen, and a smaller learning rate for what was trained before than for the head. `reference.py` beside this file
 * is the same program in Python; both end with the same parameters, and each opens what the other saved.
 *
 * Needs the package `sharp`, which reads the pictures. Run after `npm run build`, here with torchvision's weights, which are
 * downloaded once: node .build/examples/fine-tune/fine-tune.js --data photos --out tuned.pth
 * where photos/train/cat/1.png is a cat to learn from, and photos/val/cat/2.png one to test with. `--weights file` starts from
 * another state dict of a ResNet-18, and `--tuned tuned.pth` only tests a model that was tuned before.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as torch from 'libtorch-node'
import { datasets, models, transforms } from 'libtorch-node/vision'

const { DataLoader } = torch.utils.data

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: 'photos' },
    weights: { type: 'string' },
    tuned: { type: 'string' },
    out: { type: 'string', default: 'tuned.pth' },
    epochs: { type: 'string', default: '2' },
    size: { type: 'string', default: '224' }, // of the pictures, in pixels
  },
})

torch.setNumThreads(1)

const size = Number(options.size)
const transform = new transforms.Compose([
  new transforms.CenterCrop(size),
  new transforms.ConvertImageDtype('float32'),
  // as the pictures were scaled that the weights come from
  new transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
])
const train = new datasets.ImageFolder(join(options.data, 'train'), { transform })
const val = new datasets.ImageFolder(join(options.data, 'val'), { transform })
const criterion = new torch.nn.CrossEntropyLoss()

const model = options.tuned === undefined ? await fineTune() : await open(options.tuned)
const [loss, correct] = await evaluate(model)
console.log(`loss ${loss.toFixed(6)}  correct ${correct} of ${val.length}`)

const hash = createHash('sha256')
for (const tensor of Object.values(model.stateDict())) hash.update(tensor.contiguous().typedArray())
console.log(`sha256 of the state dict: ${hash.digest('hex')}`)

async function fineTune(): Promise<models.ResNet> {
  const model =
    options.weights === undefined
      ? await models.fromPretrained(models.resnet18, 'DEFAULT')
      : models.resnet18({ weights: await torch.load(options.weights) })
  torch.manualSeed(0) // for the head and the order of the pictures
  const head = torch.replaceHead(model, 'fc', train.classes.length)
  // Frozen with their BatchNorms: statistics of few pictures would be worse than those of ImageNet.
  torch.freeze(model, 'conv1.*', 'bn1.*', 'layer1.*', 'layer2.*', 'layer3.*')
  const optimizer = new torch.optim.SGD(
    [
      { params: model.layer4.parameters(), lr: 0.001 },
      { params: head.map(([, parameter]) => parameter), lr: 0.01 },
    ],
    { momentum: 0.9, weightDecay: 1e-4 },
  )
  const trainable = torch.trainable(model).length
  console.log(`${train.length} pictures of ${train.classes.join(', ')}; ${trainable} trainable tensors`)

  const loader = new DataLoader(train, { batchSize: 8, shuffle: true })
  for (let epoch = 1; epoch <= Number(options.epochs); epoch++) {
    model.train()
    let total = 0
    for await (const [x, y] of loader) {
      optimizer.zeroGrad()
      const loss = criterion.forward(model.forward(x), y)
      loss.backward()
      optimizer.step()
      total += Number(loss.item())
    }
    console.log(`epoch ${epoch}  loss ${(total / loader.length).toFixed(6)}`)
  }
  // The names of the classes go along: their numbers mean nothing without them.
  await torch.save({ classes: [...train.classes], model: model.stateDict() }, options.out)
  return model
}

async function open(file: string): Promise<models.ResNet> {
  const { classes, model } = await torch.load(file)
  if (classes.join() !== val.classes.join()) throw new Error(`${file} tells ${classes}, and not ${val.classes}`)
  return models.resnet18({ numClasses: classes.length, weights: model })
}

async function evaluate(model: models.ResNet): Promise<[loss: number, correct: number]> {
  model.eval()
  let [loss, correct] = [0, 0]
  for await (const [x, y] of new DataLoader(val, { batchSize: 8 })) {
    const scores = torch.noGrad(() => model.forward(x))
    loss += Number(criterion.forward(scores, y).item()) * y.shape[0]!
    correct += Number(scores.argmax(1).eq(y).sum().item())
  }
  return [loss / val.length, correct]
}
