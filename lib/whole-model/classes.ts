/**
 * What the attributes of PyTorch's modules mean for the classes here. Layers are made by their constructors, whose arguments a
 * pickled layer has as attributes of the same names; the other classes get their fields, and no constructor draws anything.
 */
import { native } from '../binding.js'
import * as functions from '../generated/functions.js'
import * as nn from '../nn/index.js'
import { NonDynamicallyQuantizableLinear } from '../nn/multihead-attention.js'
import { boundTo, classOf } from '../serialize/pickled-module.js'
import { PyObject } from '../serialize/py-object.js'
import { camelCase } from '../tensor/names.js'

export type ModuleClass = new (...args: any[]) => nn.Module

/** The class here of a class of PyTorch; undefined where there is none. */
export function classFor({ module, name }: { module: string; name: string }): ModuleClass | undefined {
  if (module === 'torch.nn.parallel.data_parallel') return name === 'DataParallel' ? nn.DataParallel : undefined
  if (!module.startsWith('torch.nn.modules.') || !/^[A-Z]/.test(name)) return undefined
  if (name === 'NonDynamicallyQuantizableLinear') return NonDynamicallyQuantizableLinear as ModuleClass
  const found = Object.hasOwn(nn, name) ? (nn as unknown as Record<string, unknown>)[name] : undefined
  return typeof found === 'function' && isModuleClass(found) ? found : undefined
}

function isModuleClass(type: { prototype: unknown }): type is ModuleClass {
  return type === nn.Module || type.prototype instanceof nn.Module
}

/** Attributes of every module that say nothing about what it computes, or that are read apart from the others. */
export const commonAttributes = new Set([
  ...['training', '_parameters', '_buffers', '_modules', '_non_persistent_buffers_set', '_is_full_backward_hook'],
  // of PyTorch 0.x and 1.x
  ...['_backend', 'dump_patches', '_is_replica', '_former_parameters'],
  // by torch.compile
  ...['_is_torch_compile', '_compiled_call_impl'],
])
/** Where a module keeps its hooks, with what Python notes about them. */
export const hookAttributes = [
  ...['_forward_hooks', '_forward_pre_hooks', '_backward_hooks', '_backward_pre_hooks'],
  ...['_state_dict_hooks', '_state_dict_pre_hooks', '_load_state_dict_pre_hooks', '_load_state_dict_post_hooks'],
]
export const hookNotes = [
  ...['_forward_hooks_with_kwargs', '_forward_hooks_always_called', '_forward_pre_hooks_with_kwargs'],
]

// ---- layers

/** Arguments that are no attributes: where and what tensors are is seen from them, old ways to say `reduction`, first values. */
const noAttributes = new Set([
  ...['device', 'dtype', 'size_average', 'reduce', '_weight', '_freeze', 'min_value', 'max_value', 'process_group'],
])
/** What Python's layers have beside their arguments; it follows from those. */
const derived = new Set([
  ...['transposed', 'output_padding', '_reversed_padding_repeated_twice', '_padding_repeated_twice', 'process_group'],
  ...['size_average', 'reduce', '_initialize_hook', '_load_hook'],
])
/** Layers whose native row has another name, or that are made of another one. */
const rowNames: Record<string, string> = { NLLLoss2d: 'NLLLoss', NonDynamicallyQuantizableLinear: 'Linear' }
/** Argument names of layers here that are rows of another one with fewer choices. */
const ownNames: Record<string, { takes: string[]; fixed: Record<string, number> }> = {
  ReLU6: { takes: ['inplace'], fixed: { min_val: 0, max_val: 6 } },
  ZeroPad1d: { takes: ['padding'], fixed: { value: 0 } },
  ZeroPad2d: { takes: ['padding'], fixed: { value: 0 } },
  ZeroPad3d: { takes: ['padding'], fixed: { value: 0 } },
  UpsamplingNearest2d: { takes: ['size', 'scale_factor'], fixed: {} },
  UpsamplingBilinear2d: { takes: ['size', 'scale_factor'], fixed: {} },
}
/** Attributes under another name than the argument. */
const renamed: Record<string, Record<string, string>> = { PairwiseDistance: { p: 'norm' } }
/** What such a layer has as attributes, too, always the same. */
const constants: Record<string, string[]> = {
  Upsample: ['name'],
  UpsamplingNearest2d: ['name', 'mode', 'align_corners', 'recompute_scale_factor'],
  UpsamplingBilinear2d: ['name', 'mode', 'align_corners', 'recompute_scale_factor'],
}
/** What `__setstate__` gives to objects of older versions, where that is not the argument's default. */
const olderValues: Record<string, Record<string, unknown>> = { Upsample: { recompute_scale_factor: true } }

interface LayerRecipe {
  /** options of the constructor */
  options: Record<string, unknown>
  /** attributes that these stand for */
  known: Set<string>
  /** attributes that have one value always */
  fixed: Record<string, number>
}

/** The constructor's options of a pickled layer; tensors are put in afterwards. */
export function layerRecipe(
  name: string,
  state: Record<string, unknown>,
  parameters: Map<string, unknown>,
  buffers: Map<string, unknown>,
): LayerRecipe {
  const lazy = name.startsWith('Lazy')
  const row = native()
    .layers()
    .find((candidate) => candidate.name === (rowNames[name] ?? (lazy ? name.slice(4) : name)))
  const rowTakes = row?.arguments.map((argument) => argument.name) ?? []
  const own = ownNames[name]
  const takes = own?.takes ?? rowTakes
  const older = olderValues[name] ?? {}
  const known = new Set([...rowTakes, ...derived, ...(constants[name] ?? []), ...Object.keys(own?.fixed ?? {})])
  const options: Record<string, unknown> = {}
  for (const argument of takes) {
    const attribute = renamed[name]?.[argument] ?? argument
    known.add(attribute)
    let value: unknown
    if (argument === 'device') value = lazy ? undefined : 'meta'
    else if (noAttributes.has(argument)) continue
    else if (lazy && /^(in_features|in_channels|num_features)$/.test(argument)) continue
    else if (argument === 'bias') value = (parameters.get('bias') ?? null) !== null
    else if (buffers.has(argument)) value = buffers.get(argument)
    else value = attribute in state ? state[attribute] : older[attribute]
    // null is the default of all arguments that take it, but of this one
    if (value !== undefined && (value !== null || argument === 'momentum')) options[camelCase(argument)] = value
  }
  return { options, known, fixed: own?.fixed ?? {} }
}

// ---- modules made of other modules, and recurrent layers

const rnn = {
  fields: ['mode', 'input_size', 'hidden_size', 'num_layers', 'bias', 'batch_first', 'dropout', 'bidirectional'],
  usual: { proj_size: 0 },
  ignored: ['_flat_weights', '_flat_weights_names', '_flat_weight_refs', '_all_weights', 'all_weights', '_data_ptrs'],
}
const cell = { fields: ['input_size', 'hidden_size', 'bias'] }

/**
 * Attributes that become fields under their camelCase names: `fields` have to be there, `usual` have the value of older versions,
 * `ignored` are made anew.
 */
export interface FieldRecipe {
  fields?: string[]
  usual?: Record<string, unknown>
  ignored?: string[]
  /** fields that keep Python's name */
  asWritten?: string[]
  /** children that have to be there */
  children?: string[]
}
const layerChildren = [...['self_attn', 'linear1', 'dropout', 'linear2', 'norm1', 'norm2', 'dropout1', 'dropout2']]
export const fieldRecipes: Record<string, FieldRecipe> = {
  Module: {},
  Container: {},
  Sequential: {},
  ModuleList: {},
  ModuleDict: {},
  ParameterList: { ignored: ['_size'] },
  ParameterDict: { ignored: ['_keys'] },
  DataParallel: {
    children: ['module'],
    usual: { dim: 0 },
    ignored: ['device_ids', 'output_device', 'device_type', 'src_device_obj'],
  },
  RNNBase: rnn,
  RNN: { ...rnn, usual: { ...rnn.usual, nonlinearity: 'tanh' } },
  LSTM: rnn,
  GRU: rnn,
  RNNCellBase: cell,
  RNNCell: { fields: [...cell.fields, 'nonlinearity'] },
  LSTMCell: cell,
  GRUCell: cell,
  MultiheadAttention: {
    children: ['out_proj'],
    fields: ['embed_dim', 'num_heads', 'dropout', 'head_dim', 'add_zero_attn'],
    usual: { _qkv_same_embed_dim: true, batch_first: false },
    ignored: ['kdim', 'vdim'],
    asWritten: ['bias_k', 'bias_v'],
  },
  TransformerEncoderLayer: {
    children: layerChildren,
    usual: { norm_first: false, activation_relu_or_gelu: 0 },
  },
  TransformerDecoderLayer: {
    children: [...layerChildren, 'multihead_attn', 'norm3', 'dropout3'],
    usual: { norm_first: false },
  },
  TransformerEncoder: {
    children: ['layers'],
    fields: ['num_layers'],
    usual: { enable_nested_tensor: false, use_nested_tensor: false, mask_check: true },
    asWritten: ['norm'],
  },
  TransformerDecoder: {
    children: ['layers'],
    fields: ['num_layers'],
    asWritten: ['norm'],
  },
  Transformer: {
    children: ['encoder', 'decoder'],
    fields: ['d_model', 'nhead'],
    usual: { batch_first: false },
  },
  AdaptiveLogSoftmaxWithLoss: {
    children: ['head', 'tail'],
    fields: [
      'in_features',
      'n_classes',
      'cutoffs',
      'div_value',
      'head_bias',
      'shortlist_size',
      'n_clusters',
      'head_size',
    ],
  },
  LinearCrossEntropyLoss: {
    children: ['linear'],
    fields: ['reduction', 'num_classes', 'out_features', 'ignore_index', 'label_smoothing', 'options'],
  },
  TripletMarginWithDistanceLoss: { fields: ['reduction', 'margin', 'swap'] },
}

/** Attributes that are functions or options objects, as what they are here; undefined for what has no counterpart. */
export function attributeValue(value: unknown): unknown {
  if (!(value instanceof PyObject)) return value
  if (classOf(value).path === 'torch.nn.modules.linear_cross_entropy_options.LinearCrossEntropyOptions') {
    // a dataclass with slots: its fields in order
    return Array.isArray(value.state) ? new nn.LinearCrossEntropyOptions(...(value.state as [])) : undefined
  }
  return functionOf(value)
}

/** A function of PyTorch: `torch.nn.functional.silu`, `torch._C._nn.gelu`, or `torch.tanh`, which is pickled as an attribute. */
function functionOf(value: PyObject): unknown {
  let name: string | undefined
  const [owner, attribute] = value.args ?? []
  if (value.kind === 'global' && /^torch(\.nn\.functional|\._C\._nn)?$/.test(value.module)) name = value.name
  else if (value.path === 'builtins.getattr' && owner instanceof PyObject && typeof attribute === 'string') {
    if (/^torch\._C\._?_?VariableFunctions(Class)?$/.test(owner.path)) name = attribute
  } else if (boundTo(value, 'forward') !== undefined) return undefined
  if (name === undefined || name.startsWith('_')) return undefined
  for (const place of [nn.functional, functions] as unknown as Record<string, unknown>[]) {
    const found = Object.hasOwn(place, camelCase(name)) ? place[camelCase(name)] : undefined
    if (typeof found === 'function') return found
  }
  return undefined
}
