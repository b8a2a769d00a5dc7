// Promise: torch.hub.load makes torchvision's classifiers by name as Python does, with their weights, and never runs or fetches code.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { models } from 'libtorch-node/vision'
import { fileServer } from './support/file-server.js'
import { bytesOf, cache } from './support/hub.js'
import { tempDir } from './support/paths.js'
import { python, requirePython } from './support/python.js'

const { hub } = torch

test('load makes the models of pytorch/vision by name, with weights and without', async (t) => {
  const folder = cache(t)
  assert.deepEqual(await hub.list('pytorch/vision'), models.listModels())
  assert.deepEqual(await hub.list('pytorch/vision:v0.10.0', { trustRepo: true }), models.listModels())
  const help = await hub.help('pytorch/vision', 'resnet50')
  assert.match(
    help,
    /^resnet50\(options\): .*\nweights: IMAGENET1K_V1, IMAGENET1K_V2, or DEFAULT, which is IMAGENET1K_V2;/,
  )

  torch.manualSeed(1)
  const plain = await hub.load('pytorch/vision:main', 'squeezenet1_1', { numClasses: 3, verbose: false })
  torch.manualSeed(1)
  const same = models.squeezenet11({ numClasses: 3 }).stateDict() as Record<string, torch.Tensor>
  for (const [key, tensor] of Object.entries<torch.Tensor>(plain.stateDict()))
    assert.ok(torch.equal(tensor, same[key]!), key)
  assert.ok(plain instanceof models.SqueezeNet)

  const trained = models.squeezenet11()
  const file = 'squeezenet1_1-b8a52dc0.pth'
  const content = bytesOf(trained.stateDict())
  // another file than that of the table is refused, and its name is what was asked for
  const server = await fileServer(t, { [file]: content })
  const wrong = hub.load('pytorch/vision', 'squeezenet1_1', {
    weights: 'DEFAULT',
    baseUrl: server.url,
    progress: false,
  })
  await assert.rejects(wrong, /its name says b8a52dc0/)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, file), content)
  const expected = trained.stateDict() as Record<string, torch.Tensor>
  for (const options of [
    { weights: 'DEFAULT' },
    { weights: 'SqueezeNet1_1_Weights.IMAGENET1K_V1' },
    { weights: models.getModelWeights('squeezenet1_1').IMAGENET1K_V1 },
    { weights: trained.stateDict() },
    { pretrained: true },
  ]) {
    const model = await hub.load('pytorch/vision', 'squeezenet1_1', { ...options, progress: false })
    for (const [key, tensor] of Object.entries<torch.Tensor>(model.stateDict()))
      assert.ok(torch.equal(tensor, expected[key]!), key)
  }
  assert.deepEqual(server.requests, [`GET /${file}`])
  const none = await hub.load('pytorch/vision', 'squeezenet1_1', { pretrained: false, numClasses: 2 })
  assert.equal(none.numClasses, 2)
})

test('GoogLeNet and Inception with trained weights: heads and normalisation as torchvision has them', async (t) => {
  const folder = cache(t)
  mkdirSync(folder, { recursive: true })
  const google = models.googlenet({ initWeights: false })
  writeFileSync(join(folder, 'googlenet-1378be20.pth'), bytesOf(google.stateDict()))
  const plain = models.googlenet({ weights: 'DEFAULT' })
  assert.deepEqual([plain.auxLogits, plain.transformInput, plain.aux1, plain.aux2], [false, true, null, null])
  assert.ok(!Object.keys(plain.stateDict()).some((key) => key.startsWith('aux')))
  const full = models.googlenet({ weights: 'DEFAULT', auxLogits: true, transformInput: false })
  assert.deepEqual(Object.keys(full.stateDict()), Object.keys(google.stateDict()))
  assert.equal(full.transformInput, false)
  assert.throws(
    () => models.googlenet({ weights: 'DEFAULT', auxLogits: false }),
    /The parameter 'aux_logits' expected value True but got False instead\./,
  )
  const inception = models.inceptionV3({ initWeights: false })
  writeFileSync(join(folder, 'inception_v3_google-0cc3c7bd.pth'), bytesOf(inception.stateDict()))
  const loaded = models.inceptionV3({ weights: 'DEFAULT' })
  assert.ok(loaded.AuxLogits !== null && loaded.transformInput)
  assert.ok(torch.equal(loaded.fc.getParameter('weight'), inception.fc.getParameter('weight')))
  await assert.rejects(
    models.fromPretrained(models.maxvitT, 'DEFAULT', { inputSize: [448, 448] }),
    /The parameter 'input_size' expected value \[224, 224\] but got \[448, 448\] instead\./,
  )
})

test('load refuses what is Python code, in words that say what to do', async (t) => {
  const wrong: [() => Promise<unknown>, { code: string; message: RegExp }][] = [
    [
      () => hub.load('ultralytics/yolov5', 'yolov5s'),
      {
        code: 'ERR_TORCH',
        message:
          /entry points of ultralytics\/yolov5 are Python code \(hubconf\.py\), which Node\.js cannot run\. Here are those of pytorch\/vision\. .*loadStateDictFromUrl/,
      },
    ],
    [() => hub.list('a/b:c'), { code: 'ERR_TORCH', message: /^hub\.list\(\): the entry points of a\/b are Python/ }],
    [() => hub.load('.', 'x', { source: 'local' }), { code: 'ERR_TORCH', message: /a folder has Python code/ }],
    [() => hub.load('vision', 'x'), { code: 'ERR_ARGUMENT', message: /expected a repository as 'owner\/name'/ }],
    [() => hub.load('pytorch/vision', 'resnet19'), { code: 'ERR_TORCH', message: /did you mean resnet1/ }],
    [() => hub.help('pytorch/vision', 5 as never), { code: 'ERR_ARGUMENT', message: /model should be a string/ }],
    [
      () => hub.list('pytorch/vision', { force: true } as never),
      { code: 'ERR_ARGUMENT', message: /unknown option 'force'/ },
    ],
    [
      () => hub.load('pytorch/vision', 'resnet18', { numclasses: 3 }),
      { code: 'ERR_ARGUMENT', message: /did you mean 'numClasses'/ },
    ],
    [
      () => hub.load('pytorch/vision', 'vit_h_14', { pretrained: true }),
      { code: 'ERR_ARGUMENT', message: /No weights available for model vit_h_14/ },
    ],
  ]
  for (const [call, error] of wrong) await assert.rejects(call, error, String(error.message))
  const messages: string[] = []
  for (const call of [
    () => hub.load('pytorch/vision', 'resnet18', { source: 'gitlab' as 'github' }),
    () => hub.load('pytorch/vision', 'nothing'),
  ])
    await call().catch((error) => messages.push(error.message))
  if (!requirePython(t)) return
  const folder = tempDir(t)
  writeFileSync(join(folder, 'hubconf.py'), '')
  const code = `
import sys, torch
for args in [dict(model="resnet18", source="gitlab"), dict(model="nothing", source="local")]:
    try:
        torch.hub.load(sys.argv[1], **args)
    except Exception as error:
        print(error)
`
  const theirs = python(code, [folder]).trim().split('\n')
  assert.deepEqual(
    messages.map((text) => text.replace(/^hub\.load\(\): /, '')),
    theirs,
  )
})
