/** Why a name of Python's torch is not here. First match wins. */
export interface Rule {
  /** namespace as in docs/coverage.md; all when left out */
  section?: string
  names: RegExp
  reason: string
}

const words = (text: string) => new RegExp(`^(${text.trim().split(/\s+/).join('|')})$`)

export const rules: Rule[] = [
  { section: 'nn', names: /./, reason: 'planned: every layer of torch.nn (issue 4)' },
  { section: 'nn.functional', names: /./, reason: 'planned with the layers (issue 4)' },
  { section: 'nn.init', names: /./, reason: 'planned with the layers (issue 4)' },
  { section: 'nn.utils', names: /./, reason: 'planned with the layers (issue 4)' },
  { section: 'optim', names: /./, reason: 'planned: every optimizer (issue 5)' },
  { section: 'optim.lr_scheduler', names: /./, reason: 'planned: every scheduler (issue 5)' },
  {
    section: 'utils.data',
    names: /./,
    reason: 'planned with the data room (issue 7), or specific to Python processes',
  },
  {
    names: words(
      'autocast amp is_autocast_\\w+ set_autocast_\\w+ get_autocast_\\w+ autocast_\\w+ clear_autocast_cache',
    ),
    reason: 'planned: mixed precision (issue 5)',
  },
  { names: /autocast/, reason: 'planned: mixed precision (issue 5)' },
  { section: 'torch', names: words('hub jit'), reason: 'planned (issues 4 and 6)' },
  {
    names:
      /^(compile|compiler|cond|while_loop|vmap|func|export|fx|overrides|package|library|_?dynamo|functional|classes|torch_version|types|typename|multiprocessing|futures|monitor|profiler|testing|thread_safe_generator|prepare_multiprocessing_environment)$/,
    reason: 'a facility of the Python interpreter: tracing, compiling or introspecting Python code',
  },
  { names: /^(sym_|Sym|guard_)/i, reason: 'symbolic shapes belong to the Python compiler' },
  {
    names:
      /^(mps|xpu|mtia|accelerator|xla|hip|vulkan|mkldnn|cudnn|miopen|cpu|backends|nested|quantization|ao|onnx|distributed|distributions|masked|numa|return_types|random|signal|sparse|special|storage|serialization|version|utils|hpu)$/,
    reason: 'a module of Python; what of it applies is under its own names here',
  },
  {
    names:
      /^(.*Storage|storage|storage_type|typed_storage|untyped_storage|is_storage|share_memory_|is_shared|.*Tensor)$/,
    reason:
      'storages are an inner matter here: state dicts and files keep sharing; typed tensor classes are superseded by dtypes',
  },
  {
    names:
      /^(q(uint|int)|q_|quantize|quantized|fake_quantize|fused_moving|dequantize|int_repr|qscheme|per_(tensor|channel)|choose_qparams|is_quantized|fbgemm|quint|qint)/,
    reason: 'quantized tensors are read from files and reached by torch.ops.aten; no surface of their own',
  },
  {
    names: /^(dtype|device|layout|memory_format|finfo|iinfo|Size|Stream|Event|qscheme)$/,
    reason: 'dtypes, devices and layouts are strings here; streams and events come with CUDA',
  },
  { names: /(int[1-7]$|uint[1-7]$|^bits|float4|float8)/, reason: 'a dtype name; usable as a string' },
  {
    names: /(names|align_|rename|refine|Dimname|has_names)/,
    reason: 'named tensors are experimental and deprecated in Python',
  },
  {
    names: /(dlpack|numpy|__array|buffer_protocol)/i,
    reason: 'no NumPy or DLPack in Node; typed arrays take their place (frombuffer, typedArray)',
  },
  {
    names:
      /^(register_|retain|post_accumulate|reinforce|volatile|retains_grad|grad_dtype|name|output_nr|module_load|grad_fn|dim_order)/,
    reason: 'autograd hooks and internals: planned with full hooks (issue 4), or internal to Python',
  },
  {
    names: /^is_(ipu|maia|mps|mtia|vulkan|xla|xpu|mkldnn|quantized|nested|sparse_csr|distributed|coalesced)$/,
    reason: 'ask `device` or `layout`',
  },
  { names: /^(ipu|xpu|mtia|xla|vulkan|mps|to_mkldnn|to_padded_tensor)$/, reason: '`to(device)` does it' },
  {
    names:
      /^(set_|get_|is_|use_|are_|init|import_|read_|fork|wait|parse|unify|merge_type|compiled_with|vitals|set_vital|unset|preserve|show_config)/,
    reason: 'a switch of the Python runtime, or not exposed yet',
  },
  { names: /(Error|Warning|Exception)$/, reason: 'errors have codes here, see docs/errors.md' },
  {
    names:
      /Type$|^(Graph|Node|Block|Code|Value|Use|Future|Gradient|Argument|FunctionSchema|Script|CompilationUnit|Logger|Lite|Deep|DeserializationStorageContext|ErrorReport|ExecutionPlan|FileCheck|Concrete|Capsule|Call|Benchmark|AggregationType|AliasDb|Await|Exclude|Include|Disable|ExtraFilesMap|ModuleDict|OperatorInfo|ParameterDict|PyTorchFile|Static|Thread|TracingState|IODescriptor|Jit|Object|BufferDict|Interface|StaticModule|CudaBFloat|HOP|Tag|ReadOnly)/,
    reason: 'a class of the JIT or of the runtime, of no use outside of Python',
  },
  {
    names: words('solve symeig eig lstsq matrix_rank resize resize_as lu pca_lowrank svd_lowrank lobpcg'),
    reason: 'removed or superseded by linalg in Python, or an algorithm written in Python',
  },
  {
    names: words('any_ finfo e inf nan pi newaxis'),
    reason: 'JavaScript has these: Math.E, Infinity, NaN, Math.PI, null',
  },
  {
    names:
      /^(Any|Callable|TYPE_CHECKING|TypeVar|Union|Optional|ParamSpec|TypeIs|overload|builtins|ctypes|functools|glob|importlib|inspect|math|os|platform|sys|textwrap|threading|warnings|py_sym_types|classproperty|BoolLikeType|FloatLikeType|IntLikeType|ScriptDict|ScriptList|Sequence|Callable|cast|TypeAlias|deprecated|lru_cache|partial|wraps|Literal|ClassVar|NamedTuple|Protocol|Self|TypeGuard|Type|Iterable|Iterator|Mapping|dataclass|DisableTorchFunction\w*|USE_\w+|cuda_version|git_version|PRIVATE_OPS|T|P|R|t)$/,
    reason: 'not of torch: a name that its Python source imports',
  },
  {
    names: words(
      'AVG SUM CompleteArgumentSpec DispatchKey DispatchKeySet LockingLogger NoopLogger SerializationStorageContext StorageBase ThroughputBenchmark bit cpp torch windows quasirandom profiler_\\w+ legacy_contiguous_format const_data_ptr',
    ),
    reason: 'internal to PyTorch or to Python',
  },
  { names: words('GradScaler'), reason: 'planned: mixed precision (issue 5)' },
  { names: words('has_\\w+'), reason: 'a fact of the Python build' },
  {
    names: words('from_file asarray default_generator jagged'),
    reason: 'not exposed yet: use frombuffer(), tensor(), manualSeed() and getRngState(); layouts are strings',
  },
  { names: words('dsmm hsmm saddmm spmm'), reason: 'old aliases of mm and addmm for sparse matrices' },
  { names: words('apply_ map_ map2_'), reason: 'calls Python for every element' },
  { names: words('as_subclass new record_stream'), reason: 'subclassing and streams of Python' },
]
