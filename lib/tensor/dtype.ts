/** Element types, by PyTorch's names. The constants equal their names: `torch.float32 === 'float32'`. */
export type Dtype =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'complex32'
  | 'complex64'
  | 'complex128'
  | 'float8_e4m3fn'
  | 'float8_e5m2'
  | 'float8_e4m3fnuz'
  | 'float8_e5m2fnuz'
  | 'float8_e8m0fnu'
  | 'float4_e2m1fn_x2'
  | 'qint8'
  | 'quint8'
  | 'qint32'
  | 'quint4x2'
  | 'quint2x4'
  | 'bits8'
  | 'bits16'
  | 'bits1x8'
  | 'bits2x4'
  | 'bits4x2'

/** `'cpu'`, `'cuda'`, `'cuda:1'`, `'mps'`, `'meta'`, … */
export type Device = 'cpu' | 'cuda' | `cuda:${number}` | 'mps' | 'xpu' | 'meta' | (string & {})
export type Layout = 'strided' | 'sparse_coo' | 'sparse_csr' | 'sparse_csc' | 'sparse_bsr' | 'sparse_bsc' | 'jagged'
export type MemoryFormat = 'contiguous_format' | 'preserve_format' | 'channels_last' | 'channels_last_3d'

export const float32 = 'float32' as const
export const float64 = 'float64' as const
export const float16 = 'float16' as const
export const bfloat16 = 'bfloat16' as const
export const int64 = 'int64' as const
export const int32 = 'int32' as const
export const int16 = 'int16' as const
export const int8 = 'int8' as const
export const uint8 = 'uint8' as const
export const uint16 = 'uint16' as const
export const uint32 = 'uint32' as const
export const uint64 = 'uint64' as const
export const bool = 'bool' as const
export const complex32 = 'complex32' as const
export const complex64 = 'complex64' as const
export const complex128 = 'complex128' as const
export const float8_e4m3fn = 'float8_e4m3fn' as const
export const float8_e5m2 = 'float8_e5m2' as const
export const float8_e4m3fnuz = 'float8_e4m3fnuz' as const
export const float8_e5m2fnuz = 'float8_e5m2fnuz' as const
export const float8_e8m0fnu = 'float8_e8m0fnu' as const
export const float4_e2m1fn_x2 = 'float4_e2m1fn_x2' as const
export const qint8 = 'qint8' as const
export const quint8 = 'quint8' as const
export const qint32 = 'qint32' as const
export const quint4x2 = 'quint4x2' as const
export const quint2x4 = 'quint2x4' as const
export const bits8 = 'bits8' as const
export const bits16 = 'bits16' as const
export const bits1x8 = 'bits1x8' as const
export const bits2x4 = 'bits2x4' as const
export const bits4x2 = 'bits4x2' as const
export const float = float32
export const double = float64
export const half = float16
export const long = int64
export const int = int32
export const short = int16
export const chalf = complex32
export const cfloat = complex64
export const cdouble = complex128
export const strided = 'strided' as const
export const sparse_coo = 'sparse_coo' as const
export const sparse_csr = 'sparse_csr' as const
export const sparse_csc = 'sparse_csc' as const
export const sparse_bsr = 'sparse_bsr' as const
export const sparse_bsc = 'sparse_bsc' as const
export const jagged = 'jagged' as const
export const contiguous_format = 'contiguous_format' as const
export const preserve_format = 'preserve_format' as const
export const channels_last = 'channels_last' as const
export const channels_last_3d = 'channels_last_3d' as const
export const contiguousFormat = contiguous_format
export const preserveFormat = preserve_format
export const channelsLast = channels_last
export const channelsLast3d = channels_last_3d
export const sparseCoo = sparse_coo
export const sparseCsr = sparse_csr
export const sparseCsc = sparse_csc
export const sparseBsr = sparse_bsr
export const sparseBsc = sparse_bsc

const known = new Set<string>(
  'float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 uint16 uint32 uint64 bool complex32 complex64 complex128 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 qint8 quint8 qint32 quint4x2 quint2x4 bits8 bits16 bits1x8 bits2x4 bits4x2'.split(
    ' ',
  ),
)

export function isDtype(value: unknown): value is Dtype {
  return typeof value === 'string' && known.has(value)
}
