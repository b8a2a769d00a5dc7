/** Why a name of Python's torch is not here. First match wins. */
export interface Rule {
  /** namespace as in docs/coverage.md; all when left out */
  section?: string
  names: RegExp
  reason: string
}

const words = (text: string) => new RegExp(`^(${text.trim().split(/\s+/).join('|')})$`)

export const rules: Rule[] = [
  // ---- planned, with the issue that has it
  {
    section: 'nn.functional',
    names: words('assert_int_or_pair boolean_dispatch'),
    reason: 'helpers for the TorchScript compiler',
  },
  {
    section: 'nn.functional',
    names: words('handle_torch_function has_torch_function has_torch_function_unary has_torch_function_variadic'),
    reason: "Python's protocol for classes that override functions",
  },
  {
    section: 'utils.data',
    names: words(
      'DFIterDataPipe DataChunk IterDataPipe MapDataPipe _DatasetKind argument_validation functional_datapipe guaranteed_datapipes_determinism non_deterministic runtime_validation runtime_validation_disabled',
    ),
    reason: "the data pipes that Python's torch no longer develops",
  },
  {
    names: /^(get|set|is)_autocast_(cpu|gpu|ipu|xla)_/,
    reason: 'deprecated in Python: `setAutocastDtype(deviceType, …)` and its neighbours take every type of device',
  },
  { names: /^autocast_(in|de)crement_nesting$/, reason: 'regions count themselves: `autocast(deviceType, fn)`' },

  // ---- what Python needs and JavaScript does not
  {
    section: 'torch',
    names: words(
      'classes compile compiler cond export func functional futures fx library monitor multiprocessing overrides package prepare_multiprocessing_environment profiler testing thread_safe_generator torch_version typename types vmap while_loop',
    ),
    reason: 'works on Python code or processes: traces, compiles, transforms or inspects it',
  },
  { names: /^(sym_|Sym)/, reason: 'symbolic shapes of the Python compiler' },
  {
    section: 'torch',
    names: words(
      'accelerator ao cpu distributed distributions masked mps mtia nested quantization return_types serialization signal sparse storage xpu',
    ),
    reason: 'a module of Python code; its operators are reached by their own names and as `torch.ops.aten`',
  },
  {
    names: /^(\w*Storage|storage|storage_type|untyped_storage|is_storage|share_memory_|is_shared|\w+Tensor)$/,
    reason:
      'storages stay inside (files and state dicts keep what shares one); classes for each dtype are superseded by dtypes',
  },
  {
    names: words('device dtype layout memory_format qscheme'),
    reason: "strings here: `'cuda:0'`, `'float32'`, `'strided'`, `'channels_last'`",
  },
  {
    names: words('Event Stream record_stream get_device_module'),
    reason: 'streams of an accelerator are not exposed: each device has its default one',
  },
  {
    names: words('get_default_device set_default_device set_default_tensor_type'),
    reason: 'a factory takes `device`, and a function would not tell where its tensors are made',
  },
  {
    names: words('default_generator'),
    reason: 'a value here would load LibTorch at import; `manualSeed()` returns it',
  },
  {
    names: words('from_dlpack to_dlpack from_numpy numpy'),
    reason: 'no NumPy in Node: `frombuffer()`, `tensor()` and `typedArray()`',
  },
  {
    names: words(
      'is_ipu is_maia is_mkldnn is_mps is_mtia is_nested is_vulkan is_xla is_xpu is_sparse_csr is_quantized',
    ),
    reason: 'ask `device`, `layout` or `dtype`',
  },
  { names: words('ipu xpu mtia'), reason: '`to(device)` does it' },
  { names: words('has_lapack has_mkl has_openmp has_spectral'), reason: 'ask `torch.backends`' },
  { names: /^u?int[1-7]$/, reason: 'names of dtypes that no operator takes' },
  { names: /Error$|Exception$/, reason: 'errors have a `code` here: see `errorCodes`' },

  // ---- not for users, or gone
  {
    names: /^(per_(tensor|channel)_\w+|quantized_(gru|lstm))$/,
    reason:
      'quantized tensors are read from files, and their operators are reached as `torch.ops.aten`; no layer makes them here',
  },
  {
    names: words('eig lstsq matrix_rank solve symeig'),
    reason: 'removed from Python, where they throw: use `torch.linalg`',
  },
  { names: words('lobpcg'), reason: 'an algorithm written in Python; `linalg.eigh` and `svdLowrank` are there' },
  { names: words('reinforce volatile'), reason: 'removed from Python, where they throw or do nothing' },
  {
    names: words('as_subclass new module_load'),
    reason: 'for subclasses of Tensor in Python; `new` is superseded by the `new…` methods',
  },
  {
    names:
      /Type$|^(Aggregation|AliasDb|Argument|Benchmark|Block|BufferDict|CallStack|Capsule|Code|Compilation|CompleteArgument|Concrete|DeepCopy|Deserialization|DisableTorch|Dispatch|ErrorReport|Exclude|ExecutionPlan|FileCheck|Function|Future|Gradient|Graph|IODescriptor|Lite|Locking|Logger|ModuleDict|Node|Noop|OperatorInfo|ParameterDict|PyTorchFile|Script|Serialization|Static|StorageBase|Tag|Throughput|Tracing|Use|Value)/,
    reason: 'a class of the JIT or of the runtime below Python',
  },
  {
    names: words(
      'AVG SUM bit compiled_with_cxx11_abi cpp const_data_ptr dim_order fork get_file_path grad_dtype import_ir_module import_ir_module_from_buffer init_num_threads legacy_contiguous_format merge_type_from_type_comment name output_nr parse_ir parse_schema parse_type_comment profiler_\\w+ quasirandom torch unify_type_list wait windows',
    ),
    reason: 'internal, without documentation in Python',
  },
  {
    names: words(
      'PRIVATE_OPS TYPE_CHECKING USE_\\w+ builtins classproperty ctypes functools glob importlib inspect math os platform sys textwrap threading warnings',
    ),
    reason: 'not of torch: a name that its Python source imports or defines for itself',
  },
]
