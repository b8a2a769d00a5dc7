import type { StorageRef } from './storages.js'

/** A strided tensor over a storage; sizes and strides have been checked against it. */
export interface TensorSpec {
  storage: StorageRef
  dtype: string
  /** in elements */
  offset: number
  shape: number[]
  strides: number[]
  requiresGrad: boolean
  conj?: boolean
  neg?: boolean
}

export type Quantizer =
  | { scheme: 'per_tensor_affine'; scale: number; zeroPoint: number }
  | { scheme: 'per_channel_affine'; scales: object; zeroPoints: object; axis: number }

/** Makes the tensors that a file describes; the pickle layer itself knows no tensor. */
export interface TensorFactory {
  tensor(spec: TensorSpec): object
  parameter(tensor: object, requiresGrad: boolean): object
  buffer(tensor: object, persistent: boolean): object
  /** a parameter, or else a buffer, whose sizes are not known yet */
  uninitialized(parameter: boolean, requiresGrad: boolean): object
  meta(dtype: string, shape: number[], strides: number[], requiresGrad: boolean): object
  sparseCoo(indices: object, values: object, shape: number[], coalesced: boolean | undefined): object
  sparseCompressed(layout: string, compressed: object, plain: object, values: object, shape: number[]): object
  quantized(spec: TensorSpec, quantizer: Quantizer): object
  /** strided tensors of their own sizes in one buffer; the three tables are int64 */
  nested(buffer: object, sizes: object, strides: object, offsets: object): object
  /** the same values as another dtype, and as a leaf */
  cast(tensor: object, dtype: string, requiresGrad: boolean): object
  fromBytes(bytes: Uint8Array, dtype: string, shape: number[]): object
  isTensor(value: unknown): value is object
}
