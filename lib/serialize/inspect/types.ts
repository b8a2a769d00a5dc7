/** What {@link inspectCheckpoint} says about a file: plain data that JSON can hold, with Python's names. */

export type Outline = PlainOutline | TensorOutline | StorageOutline | ContainerOutline | ObjectOutline | AgainOutline

export type PlainValue = number | string | boolean | null | PlainValue[]

/** A number, a text, None, a dtype: all that is shown on one line. */
export interface PlainOutline {
  type: 'plain'
  /** Python's class: 'int', 'str', 'NoneType', 'numpy.float64', 'torch.Size' */
  class: string
  /** as Python's `repr()` writes it; long texts are cut */
  text: string
  /** the value itself, where JSON can hold it */
  value?: PlainValue
  /** bytes or characters of a text that was cut */
  length?: number
}

export interface TensorOutline {
  type: 'tensor'
  /** 'Tensor', 'Parameter', 'Buffer', 'numpy.ndarray' or a subclass */
  class: string
  /** where it is, in Python's notation: `["model"]["fc.weight"]` */
  path: string
  dtype: string
  /** absent where the class does not say it, as for uninitialized parameters */
  shape?: number[]
  device: string
  /** elements times the bytes of one; of the parts for sparse ones */
  bytes: number
  layout?: string
  requiresGrad?: true
  /** key of the storage that holds it */
  storage?: string
  /** bytes of that storage where the tensor is a part of it, or more than it */
  storageBytes?: number
  /** path of the first tensor in the same storage */
  sharedWith?: string
  /** file of a sharded model */
  file?: string
  quantizer?: string
  /** attributes that Python code has put on it */
  attributes?: Entry[]
  /** why it cannot be read */
  problem?: string
}

/** A storage without a tensor. */
export interface StorageOutline {
  type: 'storage'
  class: string
  path: string
  dtype: string
  device: string
  bytes: number
  storage: string
  problem?: string
}

export interface Entry {
  /** a key of a dict, the index of an item, the name of an attribute */
  key: string
  /** how Python gets at it: `["fc.weight"]`, `[0]`, `.lr` */
  step: string
  value: Outline
}

export interface ContainerOutline {
  type: 'container'
  /** 'dict', 'OrderedDict', 'list', 'tuple', 'set', … */
  class: string
  length: number
  entries: Entry[]
  /** plain values that are left out here */
  omitted?: number
  /** attributes of a state dict and the like */
  attributes?: Entry[]
}

/** An object of a class that is not data; what is known of it. */
export interface ObjectOutline {
  type: 'object'
  class: string
  /** the class or function itself */
  global?: true
  args?: Outline[]
  /** a `torch.nn.Module`: its parameters, buffers and children come first */
  module?: true
  entries: Entry[]
  omitted?: number
}

/** What was shown before under another path. */
export interface AgainOutline {
  type: 'again'
  class: string
  path: string
}

/** A class or function that a file names. */
export interface ClassUse {
  name: string
  /** how often it would be called, or named where it never is */
  count: number
  called: boolean
  /** whether Python's `torch.load(weights_only=True)` takes it */
  weightsOnly: boolean
}

export interface Note {
  /** `danger`: programs run when Python opens it without `weights_only=True`; `warning`: it may not open; else `info` */
  level: 'danger' | 'warning' | 'info'
  text: string
}

export interface Inspection {
  file: string
  /** 'pytorch', 'torchscript', 'libtorch', 'legacy', 'tar', 'safetensors', 'sharded' */
  format: string
  /** of all files where there are several */
  fileBytes: number
  /** facts of the container: version, byte order, pickle protocol */
  container: Record<string, string | number>
  tensors: number
  /** elements of all tensors, those that share a storage counted once for each */
  elements: number
  /** of all storages, each once */
  bytes: number
  dtypes: { dtype: string; tensors: number; elements: number; bytes: number }[]
  devices: { device: string; bytes: number }[]
  /** epochs, steps and the like, by path */
  progress: { path: string; value: number }[]
  learningRates: { path: string; rates: (number | string)[] }[]
  hyperParameters: { path: string; class: string; values: Record<string, PlainValue> }[]
  classes: ClassUse[]
  notes: Note[]
  /** texts in the file beside the tensors: safetensors' `__metadata__` */
  metadata?: Record<string, string>
  root: Outline
}
