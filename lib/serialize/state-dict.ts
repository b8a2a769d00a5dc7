/** Finds the state dict in whatever was saved. Source: torch/nn/modules/module.py, state_dict, PyTorch 2.13 (cf30153c). */
import { CheckpointError } from '../errors.js'
import { metadataOf, orderedDict, setInOrder } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import { isLazy } from '../tensor/uninitialized.js'
import { archiveState } from './archive/states.js'
import { limits } from './limits.js'
import { asModule, boundTo, classOf, entriesOf, find, isPlain, type PickledModule } from './pickled-module.js'
import { PyObject } from './py-object.js'

export type StateDict = Record<string, Tensor>

/**
 * The state dict inside of what was loaded: a state dict itself, a checkpoint that holds one, or a whole model that was
 * pickled, its classes known or not. It equals Python's `state_dict()` of the saved object, as far as that follows from what
 * every module has: code of its own (`get_extra_state`, `_save_to_state_dict`, state dict hooks) is in no file. A `DataParallel`
 * keeps its `module.` keys.
 * @param loaded - what {@link load} returned
 * @param options - `key`: where in a checkpoint it is; by default it is found
 * @throws {@link CheckpointError} `ERR_CHECKPOINT_FORMAT` when there is none, or more than one and no `key`
 * @example
 * model.loadStateDict(torch.toStateDict(await torch.load('checkpoint.pth')))
 */
export function toStateDict(loaded: unknown, options: { key?: string } = {}): StateDict {
  return find(loaded, options, {
    function: 'toStateDict',
    what: 'state dict',
    probe: stateDictOf,
    slight: (found) => Object.keys(found).length === 0,
  })
}

/** The value as a state dict, when it is one, a pickled module, or what an archive of TorchScript or C++ held. */
function stateDictOf(value: unknown): StateDict | undefined {
  const archived = archiveState(value)
  if (archived) return archived
  if (value instanceof PyObject) {
    const module = asModule(value) ?? asModule(boundTo(value, 'state_dict'))
    return module && walk(module)
  }
  if (!isPlain(value)) return undefined
  const items = Object.values(value)
  // a module's own state dict may also hold extra state that is no tensor
  if (metadataOf(value) !== undefined) return value as StateDict
  return items.length > 0 && items.every((item) => item instanceof Tensor) ? (value as StateDict) : undefined
}

/** What `state_dict()` of the module would give: own parameters, own persistent buffers, then the children. */
function walk(root: PickledModule): StateDict {
  const found: StateDict = Object.create(null)
  const metadata: Record<string, object> = Object.create(null)
  const above = new Set<PyObject>()
  let names = 0
  const count = (more: number): void => {
    names += more
    if (names > limits.modules)
      throw new CheckpointError('ERR_CHECKPOINT_UNSAFE', `a model of more than ${limits.modules} modules and tensors`)
  }
  const visit = (module: PickledModule, prefix: string): void => {
    const name = prefix.slice(0, -1)
    if (above.has(module)) throw new CheckpointError('ERR_CHECKPOINT_FORMAT', `module '${name}' contains itself`)
    // a module that is in many places is visited in each, so that a small file could ask for more than memory holds
    count(1)
    setInOrder(metadata, name, localMetadata(module))
    const { _parameters, _buffers, _modules, _non_persistent_buffers_set: transient } = module.state
    const parameters = entriesOf(_parameters)
    const buffers = entriesOf(_buffers)
    count(parameters.length + buffers.length)
    for (const [key, tensor] of parameters) put(found, `${prefix}${key}`, tensor)
    for (const [key, tensor] of buffers) {
      if (!(transient instanceof Set && transient.has(key))) put(found, `${prefix}${key}`, tensor)
    }
    above.add(module)
    for (const [key, value] of entriesOf(_modules)) {
      const child = asModule(value)
      if (child) visit(child, `${prefix}${key}.`)
    }
    above.delete(module)
  }
  visit(root, '')
  return orderedDict(found, orderedDict(metadata))
}

function put(found: StateDict, key: string, value: unknown): void {
  if (value instanceof Tensor) setInOrder(found, key, isLazy(value) ? value : value.detach())
}

function localMetadata(module: PickledModule): object {
  const own: Record<string, unknown> = Object.assign(Object.create(null), { version: versionOf(module) })
  for (const [, hook] of entriesOf(module.state._state_dict_hooks)) {
    // the one hook of PyTorch's own that a file can hold, torch/nn/utils/spectral_norm.py
    if (!(hook instanceof PyObject) || hook.path !== 'torch.nn.utils.spectral_norm.SpectralNormStateDictHook') continue
    const norm = isPlain(hook.state) ? hook.state.fn : undefined
    const name = norm instanceof PyObject && isPlain(norm.state) ? norm.state.name : undefined
    if (typeof name !== 'string') continue
    own.spectral_norm = Object.assign(Object.create(null), own.spectral_norm, { [`${name}.version`]: 1 })
  }
  return own
}

/** `_version` of PyTorch's own classes, where it is not 1: modules and names of classes. */
const versions: [module: RegExp, name: RegExp, version: number][] = [
  [/^torch\.nn\.modules\.batchnorm$/, /BatchNorm|NormBase/, 2],
  [/^torch\.nn\.modules\.instancenorm$/, /InstanceNorm/, 2],
  [/^torch\.ao\.nn\.intrinsic\.qat\.modules\.conv_fused$/, /^_?ConvBn/, 2],
  [/^torch\.ao\.nn\.intrinsic\.quantized\.modules\.bn_relu$/, /^BNReLU/, 2],
  [/^torch\.ao\.nn\.quantized\.modules\.(batchnorm|normalization)$/, /BatchNorm|InstanceNorm/, 2],
  [/^torch\.ao\.nn\.quantized\.dynamic\.modules\.rnn$/, /^(GRU|LSTM|RNNBase)$/, 2],
  [/^torch\.ao\.nn\.(intrinsic\.)?quantized\.dynamic\.modules\.linear(_relu)?$/, /^Linear/, 4],
  [/^torch\.ao\.nn\.(intrinsic\.)?quantized\.modules\.linear(_relu)?$/, /^Linear/, 3],
  [/^torch\.ao\.quantization\.observer$/, /^(Histogram|.*MinMax|UniformQuantization)Observer/, 3],
]

/** `_version` of the class. A class that is not PyTorch's has that of the batch norm it extends, if it has the members of one. */
function versionOf(module: PickledModule): number {
  const type = classOf(module)
  // where PyTorch before 1.11 had what is now in torch.ao
  const home = type.module.replace(/^torch\.(quantization|nn\.(?:intrinsic|quantized|qat))\b/, 'torch.ao.$1')
  if (/^torch\.(ao|nn)\./.test(home)) {
    return versions.find((row) => row[0].test(home) && row[1].test(type.name))?.[2] ?? 1
  }
  const { _buffers, num_features, track_running_stats } = module.state
  const names = entriesOf(_buffers).map(([name]) => name)
  const counts = ['running_mean', 'running_var', 'num_batches_tracked'].every((name) => names.includes(name))
  return counts && num_features !== undefined && track_running_stats !== undefined ? 2 : 1
}
