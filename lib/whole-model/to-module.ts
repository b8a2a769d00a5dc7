/** Makes modules of pickled ones. Source: torch/nn/modules/module.py, __setstate__, PyTorch 2.13 (cf30153c). */
import { native } from '../binding.js'
import { CheckpointError, TorchError } from '../errors.js'
import * as nn from '../nn/index.js'
import { Layer } from '../nn/layer.js'
import {
  asModule,
  boundTo,
  classOf,
  entriesOf,
  find,
  isModule,
  type PickledModule,
} from '../serialize/pickled-module.js'
import { PyObject } from '../serialize/py-object.js'
import { camelCase } from '../tensor/names.js'
import { Buffer, Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import { isLazy } from '../tensor/uninitialized.js'
import {
  attributeValue,
  classFor,
  commonAttributes,
  fieldRecipes,
  hookAttributes,
  hookNotes,
  layerRecipe,
  type ModuleClass,
} from './classes.js'
import { apply as applyNorm, isOfNorm, type NormHook, normHookOf, restore } from './norm-hooks.js'

/**
 * A live module of a model that Python pickled whole with `torch.save(model, …)`, where all of its classes are those of
 * `torch.nn`: options, training flags, parameters (tied ones stay tied), buffers and `requiresGrad` are those of the file. Nothing
 * is executed, and no random number is drawn. The module has the loaded tensors themselves, no copies.
 *
 * A model with classes of its own has its code in Python: write that class here, and load it from {@link toStateDict}.
 * @param loaded - what {@link load} returned: a module, a checkpoint that holds one, or a module's bound method
 * @param options - `key`: where in a checkpoint it is; by default it is found
 * @throws {@link CheckpointError} `ERR_CHECKPOINT_FORMAT` when there is none, when classes are unknown (the message names
 * them), or when it has hooks or attributes that cannot be carried over
 * @example
 * const model = torch.toModule(await torch.load('model.pth')) // Python: torch.save(nn.Sequential(…), 'model.pth')
 * model.eval().forward(x)
 */
export function toModule(loaded: unknown, options: { key?: string } = {}): nn.Module {
  const pickled = find(loaded, options, {
    function: 'toModule',
    what: 'pickled module',
    probe: pickledModule,
    slight: (found) => ['_parameters', '_modules'].every((name) => entriesOf(found.state[name]).length === 0),
  })
  checkClasses(pickled)
  return new Builder().module(pickled, '')
}

function pickledModule(value: unknown): PickledModule | undefined {
  const module = asModule(value)
  if (module || !(value instanceof PyObject)) return module
  return asModule(boundTo(value, 'state_dict')) ?? asModule(boundTo(value, 'forward'))
}

/** Modules inside of one another; a module takes three of the 1,000 levels that a pickle may have. */
const deepest = 333

/** All classes that are not known, at once. */
function checkClasses(root: PickledModule): void {
  const seen = new Set<PickledModule>([root])
  const unknown = new Set<string>()
  for (const module of seen) {
    const type = classOf(module)
    if (!classFor(type)) unknown.add(type.path)
    for (const [, child] of entriesOf(module.state._modules)) {
      const below = asModule(child)
      if (below) seen.add(below)
    }
  }
  if (unknown.size === 0) return
  const names = [...unknown].sort()
  throw new CheckpointError(
    'ERR_CHECKPOINT_FORMAT',
    `toModule knows the classes of torch.nn alone, and this model has ${names.slice(0, 10).join(', ')}` +
      `${names.length > 10 ? `, and ${names.length - 10} more` : ''}: their code is in Python. Write the model as a class ` +
      'here, and load it with loadStateDict(torch.toStateDict(loaded))',
  )
}

class Builder {
  readonly #made = new Map<PickledModule, nn.Module>()
  readonly #open = new Set<PickledModule>()

  /** @param path - its dotted name, for errors */
  module(pickled: PickledModule, path: string): nn.Module {
    const known = this.#made.get(pickled)
    if (known) return known
    const { name } = classOf(pickled)
    const where = `module ${path === '' ? '' : `'${path}' `}(${name})`
    const bad = (message: string): CheckpointError =>
      new CheckpointError('ERR_CHECKPOINT_FORMAT', `toModule: ${where} ${message}`)
    if (this.#open.has(pickled)) throw bad('contains itself')
    if (this.#open.size >= deepest) throw bad(`is more than ${deepest} modules deep`)
    this.#open.add(pickled)
    const parts = new Parts(pickled, bad, (child, key) => this.module(child, path === '' ? key : `${path}.${key}`))
    const type = classFor(classOf(pickled))!
    let made: nn.Module
    try {
      made = parts.build(type, name)
    } catch (error) {
      if (error instanceof CheckpointError || !(error instanceof TorchError)) throw error
      throw Object.assign(bad(`cannot be made: ${error.message}`), { cause: error })
    }
    this.#open.delete(pickled)
    this.#made.set(pickled, made)
    return made
  }
}

/** One pickled module: its members, and what is made of them. */
class Parts {
  readonly state: PickledModule['state']
  readonly parameters: Map<string, unknown>
  readonly buffers: Map<string, unknown>
  readonly transient: unknown
  /** names of tensors that a hook computes */
  readonly normalized = new Set<string>()

  constructor(
    pickled: PickledModule,
    readonly bad: (message: string) => CheckpointError,
    readonly child: (pickled: PickledModule, key: string) => nn.Module,
  ) {
    this.state = pickled.state
    this.parameters = new Map(entriesOf(this.state._parameters))
    this.buffers = new Map(entriesOf(this.state._buffers))
    this.transient = this.state._non_persistent_buffers_set
    for (const [name, tensor] of this.parameters) {
      if (tensor !== null && !(tensor instanceof Parameter)) throw bad(`has a parameter '${name}' that is none`)
    }
    for (const [name, tensor] of this.buffers) {
      if (tensor !== null && !(tensor instanceof Tensor)) throw bad(`has a buffer '${name}' that is no tensor`)
    }
  }

  build(type: ModuleClass, name: string): nn.Module {
    const [parameters, buffers] = [new Map(this.parameters), new Map(this.buffers)]
    const norms = name.startsWith('Lazy') ? [] : this.hooks()
    for (const norm of norms) {
      if (!restore(norm, this.state, this.parameters, this.buffers))
        throw this.bad(`lacks what the normalisation of '${norm.name}' needs`)
    }
    const made = type.prototype instanceof Layer ? this.layer(type, name) : this.other(type, name)
    const { training } = this.state
    made.training = training === undefined ? true : training === true
    for (const norm of norms) applyNorm(norm, made, parameters, buffers)
    return made
  }

  layer(type: ModuleClass, name: string): nn.Module {
    const { options, known, fixed } = layerRecipe(name, this.state, this.parameters, this.buffers)
    for (const [attribute, value] of Object.entries(fixed)) {
      const found = this.state[attribute]
      if (found !== undefined && found !== value) throw this.bad(`has '${attribute}' changed to ${String(found)}`)
    }
    const made = new type(options)
    // what the class has and the file has not: a batch norm of PyTorch 0.4.0 does not count its batches
    for (const [own] of [...made._parameters(), ...made._buffers()]) {
      if (!this.parameters.has(own) && !this.buffers.has(own)) made._put(own, null)
    }
    this.tensors(made)
    this.children(made)
    this.rest(made, (attribute) => known.has(attribute))
    return made
  }

  other(type: ModuleClass, name: string): nn.Module {
    const recipe = fieldRecipes[name]
    if (!recipe) throw this.bad('is of a class that cannot be made from a file')
    const made = (type.prototype as nn.Module)._likeness()
    const fields = made as unknown as Record<string, unknown>
    const { fields: needed = [], usual = {}, ignored = [], asWritten = [] } = recipe
    for (const attribute of needed) {
      if (!(attribute in this.state)) throw this.bad(`has no attribute '${attribute}'`)
      fields[camelCase(attribute)] = this.value(attribute)
    }
    for (const [attribute, value] of Object.entries(usual)) {
      fields[camelCase(attribute)] = attribute in this.state ? this.value(attribute) : value
    }
    const below = new Map(entriesOf(this.state._modules))
    for (const child of recipe.children ?? [])
      if (!isModule(below.get(child))) throw this.bad(`has no child '${child}'`)
    for (const attribute of asWritten) if (attribute in this.state) fields[attribute] = this.value(attribute)
    this.own(made, name, fields)
    const known = new Set([...needed, ...Object.keys(usual), ...ignored, ...asWritten])
    if (made instanceof nn.ParameterList || made instanceof nn.ParameterDict) this.collection(made, known)
    else {
      this.tensors(made)
      this.children(made)
    }
    this.rest(made, (attribute) => known.has(attribute))
    return made
  }

  /** Fields of some classes that are no attributes of the same meaning. */
  own(made: nn.Module, name: string, fields: Record<string, unknown>): void {
    const { state } = this
    if (name === 'MultiheadAttention') {
      fields.kdim = state.kdim ?? state.embed_dim
      fields.vdim = state.vdim ?? state.embed_dim
    } else if (made instanceof nn.RNNBase) {
      if (!['LSTM', 'GRU', 'RNN_TANH', 'RNN_RELU'].includes(state.mode as string))
        throw this.bad("has an unknown 'mode'")
      fields._allWeights = this.weightNames()
    } else if (name === 'DataParallel') {
      // without a GPU it just calls its module
      const ids = native().deviceCount('cuda') === 0 ? [] : state.device_ids
      fields.deviceIds = Array.isArray(ids) ? [...ids] : []
      fields.outputDevice = (fields.deviceIds as unknown[]).length === 0 ? undefined : state.output_device
    } else if (name === 'TransformerEncoderLayer' || name === 'TransformerDecoderLayer') {
      const activation = 'activation' in state ? this.value('activation') : nn.functional.relu
      if (!entriesOf(state._modules).some(([key]) => key === 'activation')) fields.activation = activation
    } else if (name === 'TripletMarginWithDistanceLoss') {
      const pickled = new Map(entriesOf(state._modules)).get('distance_function')
      fields.distanceFunction = isModule(pickled)
        ? this.child(pickled, 'distance_function')
        : this.value('distance_function')
    }
    for (const field of ['activation', 'distanceFunction']) {
      if (Object.hasOwn(fields, field) && typeof fields[field] !== 'function' && !(fields[field] instanceof nn.Module))
        throw this.bad(`has an attribute '${field}' that is no function`)
    }
  }

  /** Names of a recurrent layer's parameters, those of one layer and direction together. */
  weightNames(): string[][] {
    const { num_layers: layers, bidirectional } = this.state
    if (!Number.isSafeInteger(layers) || (layers as number) < 1 || (layers as number) > this.parameters.size)
      throw this.bad('has another number of layers than its parameters')
    const all: string[][] = []
    for (let layer = 0; layer < (layers as number); layer++) {
      for (const direction of bidirectional === true ? ['', '_reverse'] : ['']) {
        const names = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr'].map(
          (part) => `${part}_l${layer}${direction}`,
        )
        const present = names.filter((weight) => this.parameters.get(weight) instanceof Parameter)
        const expected = (this.state.bias === true ? 4 : 2) + (Number(this.state.proj_size ?? 0) > 0 ? 1 : 0)
        if (present.length !== expected) throw this.bad(`lacks parameters of layer ${layer}`)
        all.push(present)
      }
    }
    return all
  }

  /** Puts the file's tensors into the module. */
  tensors(made: nn.Module): void {
    for (const [name, tensor] of this.parameters) {
      // a lazy layer has its own, without a size
      if (isLazy(tensor)) made.getParameter(name).requiresGrad = (tensor as Parameter).requiresGrad
      else made._put(name, tensor)
    }
    for (const [name, tensor] of this.buffers) {
      if (isLazy(tensor)) continue
      const persistent = !(this.transient instanceof Set && this.transient.has(name))
      if (made instanceof Layer && Object.hasOwn(made, name)) {
        made._put(name, tensor)
        const held = (made as unknown as Record<string, unknown>)[name]
        if (held instanceof Buffer) held.persistent = persistent
      } else made.registerBuffer(name, tensor as Tensor | null, persistent)
    }
  }

  children(made: nn.Module): void {
    for (const [name, pickled] of entriesOf(this.state._modules)) {
      if (made instanceof nn.TripletMarginWithDistanceLoss && name === 'distance_function') continue
      if (isModule(pickled)) made._put(name, this.child(pickled, name))
      else if (pickled === null) made._put(name, null)
      else throw this.bad(`has a child '${name}' that is no module`)
    }
  }

  /** The members of a list or dict of parameters, which may be any values. */
  collection(made: nn.ParameterList | nn.ParameterDict, known: Set<string>): void {
    const list = made instanceof nn.ParameterList
    const { _size: size, _keys: order } = this.state
    let names = [...this.parameters.keys()]
    if (list && Number.isSafeInteger(size) && (size as number) <= names.length + Object.keys(this.state).length)
      names = Array.from({ length: size as number }, (_, i) => String(i))
    else if (!list && entriesOf(order).length > 0) names = entriesOf(order).map(([key]) => key)
    const modules = new Map(entriesOf(this.state._modules))
    for (const name of names) {
      const pickled = modules.get(name)
      const value = this.parameters.has(name)
        ? this.parameters.get(name)
        : isModule(pickled)
          ? this.child(pickled, name)
          : this.value(name)
      if (list) (made as nn.ParameterList).append(value)
      else (made as nn.ParameterDict).set(name, value)
      known.add(name)
    }
  }

  /** An attribute as a value of ours. */
  value(attribute: string): unknown {
    const found = attributeValue(this.state[attribute])
    if (found === undefined || found instanceof PyObject) {
      const held = this.state[attribute]
      const what = held instanceof PyObject ? `, a Python object (${held.path || held.name})` : ''
      throw this.bad(`has an attribute '${attribute}'${what}, that cannot be carried over`)
    }
    return found
  }

  /** Attributes that the class does not have: data is kept under its name, all else could change what the module does. */
  rest(made: nn.Module, isKnown: (attribute: string) => boolean): void {
    const notes = new Set([...commonAttributes, ...hookAttributes, ...hookNotes])
    for (const [attribute, value] of entriesOf(this.state)) {
      if (notes.has(attribute) || isKnown(attribute) || this.normalized.has(attribute)) continue
      if (attribute === 'activation' && Object.hasOwn(made, 'activation')) continue
      if (attribute === 'distance_function' && made instanceof nn.TripletMarginWithDistanceLoss) continue
      if (attribute.startsWith('_') || attribute in made || !isData(value)) {
        throw this.bad(`has an attribute '${attribute}' that its class has not, which cannot be carried over`)
      }
      ;(made as unknown as Record<string, unknown>)[attribute] = value
    }
  }

  /** Normalisations of weights, which are hooks; others are refused. */
  hooks(): NormHook[] {
    const norms: NormHook[] = []
    for (const attribute of hookAttributes) {
      for (const [, hook] of entriesOf(this.state[attribute])) {
        const norm = attribute === '_forward_pre_hooks' ? normHookOf(hook) : undefined
        if (norm) norms.push(norm)
        else if (!(attribute.includes('state_dict') && isOfNorm(hook))) {
          const what = hook instanceof PyObject ? ` (${hook.path || hook.name})` : ''
          throw this.bad(`has hooks in ${attribute}${what}, which are code: take them off in Python before it is saved`)
        }
      }
    }
    for (const { name } of norms) this.normalized.add(name)
    return norms
  }
}

/** Whether a value is data through and through: no object of Python, and no module. */
function isData(value: unknown): boolean {
  const seen = new Set<unknown>([value])
  for (const each of seen) {
    if (typeof each !== 'object' || each === null || each instanceof Tensor || each instanceof Uint8Array) continue
    if (each instanceof PyObject) return false
    const parts =
      each instanceof Map ? [...each.keys(), ...each.values()] : each instanceof Set ? each : Object.values(each)
    for (const part of parts) seen.add(part)
  }
  return true
}
