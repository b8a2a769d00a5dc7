/**
 * The trials of ../trials.ts that TensorFlow.js has, on the backend that is the argument: `cpu`, which is JavaScript, or `wasm`.
 * Its users free tensors themselves: so does this program.
 */
import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import * as wasm from '@tensorflow/tfjs-backend-wasm'
import { serve } from '../../.build/bench/measure.js'

const backend = process.argv[2]
tf.env().set('PROD', true)
wasm.setWasmPaths(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')) + sep)
await tf.setBackend(backend)

const a = tf.randomNormal([2, 2])
const b = tf.randomNormal([2, 2])

/** A step of the optimizer on what `loss` makes of the model's output. */
function step(model, x, optimizer, loss) {
  const variables = model.trainableWeights.map((weight) => weight.val)
  return () => optimizer.minimize(() => loss(model.apply(x, { training: true })), false, variables)
}

function mlp(optimizer) {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 32, activation: 'relu', inputShape: [10] }),
      tf.layers.dense({ units: 32, activation: 'relu' }),
      tf.layers.dense({ units: 1 }),
    ],
  })
  const y = tf.randomNormal([64, 1])
  return step(model, tf.randomNormal([64, 10]), optimizer, (output) => tf.losses.meanSquaredError(y, output))
}

function example() {
  const { conv2d, batchNormalization, reLU, maxPooling2d, flatten, dropout, dense } = tf.layers
  const conv = (filters, more) => conv2d({ filters, kernelSize: 3, padding: 'same', ...more })
  const model = tf.sequential({
    layers: [
      ...[conv(16, { inputShape: [8, 8, 1] }), batchNormalization(), reLU()],
      ...[conv(32), batchNormalization(), reLU(), maxPooling2d({ poolSize: 2 })],
      ...[flatten(), dropout({ rate: 0.25 }), dense({ units: 32, activation: 'relu' }), dense({ units: 10 })],
    ],
  })
  const labels = tf.oneHot(tf.randomUniform([64], 0, 10, 'int32'), 10)
  const images = tf.randomUniform([64, 8, 8, 1])
  return step(model, images, tf.train.adam(2e-3), (output) => tf.losses.softmaxCrossEntropy(labels, output))
}

function lstm() {
  const layer = tf.layers.lstm({
    units: 64,
    returnSequences: true,
    recurrentActivation: 'sigmoid',
    recurrentInitializer: 'glorotUniform', // the default takes minutes to make

    inputShape: [20, 32],
  })
  const model = tf.sequential({ layers: [layer] })
  return step(model, tf.randomNormal([16, 20, 32]), tf.train.sgd(0.01), (output) => tf.mean(tf.square(output)))
}

const trials = {
  add: () => () => tf.add(a, b).dispose(),
  mul: () => () => tf.mul(a, b).dispose(),
  matmul: () => () => tf.matMul(a, b).dispose(),
  sum: () => () => tf.sum(a).dispose(),
  'mlp sgd': () => mlp(tf.train.sgd(0.01)),
  'mlp adam': () => mlp(tf.train.adam(0.001)),
  example,
  lstm,
}

function addOf(count) {
  const [x, y] = [tf.randomNormal([count]), tf.randomNormal([count])]
  return () => tf.add(x, y).dispose()
}

await serve((name) => {
  const [, size] = /^add of (\d+)$/.exec(name) ?? []
  return size === undefined ? trials[name]() : addOf(Number(size))
})
