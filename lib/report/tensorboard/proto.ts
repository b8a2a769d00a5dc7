/**
 * The protocol buffers of an event file: the messages and fields that a summary writer uses, under their numbers.
 * Source: tensorboard/compat/proto/{event,summary,tensor,tensor_shape}.proto, TensorBoard 2.21. As in proto3, fields are
 * written in the order of their numbers, and one that has its default value is left out unless its presence means something.
 */
import { createRequire } from 'node:module'
import type { BinaryWriter } from '@bufbuild/protobuf/wire'

export interface Event {
  /** seconds since 1970 */
  wallTime: number
  step?: bigint
  fileVersion?: string
  summary?: SummaryValue
  /** the run begins anew at `step` */
  sessionStart?: boolean
  /** which program wrote the file */
  writer?: string
}

/** `Summary.Value`: a tag and one kind of value. */
export interface SummaryValue {
  tag: string
  simpleValue?: number
  image?: Image
  histogram?: Histogram
  tensor?: TensorProto
  plugin?: { name: string; content?: Uint8Array }
}

export interface Image {
  height: number
  width: number
  /** number of channels */
  colorspace: number
  png: Uint8Array
}

export interface Histogram {
  min: number
  max: number
  num: number
  sum: number
  sumSquares: number
  /** right end of each bucket */
  bucketLimit: ArrayLike<number>
  bucket: ArrayLike<number>
}

/** A tensor of floats, doubles or texts; `dims` is missing where Python leaves the shape out. */
export type TensorProto = { dims?: number[] } & ({ float: number[] } | { double: number[] } | { text: string[] })

const require = createRequire(import.meta.url)
/** The format's name for its 64-bit, length-delimited and 32-bit fields. */
const [bit64, delimited, bit32] = [1, 2, 5] as const
const dtypes = { float: 1, double: 2, text: 7 }
const sessionLogStart = 1

export function encodeEvent(event: Event): Uint8Array {
  const out = newWriter()
  double(out, 1, event.wallTime)
  integer(out, 2, event.step ?? 0n)
  if (event.fileVersion !== undefined) text(out, 3, event.fileVersion)
  const { summary, writer } = event
  if (summary) message(out, 5, () => message(out, 1, () => summaryValue(out, summary)))
  if (event.sessionStart) message(out, 7, () => integer(out, 1, sessionLogStart))
  if (writer !== undefined) message(out, 10, () => text(out, 1, writer))
  return out.finish()
}

function summaryValue(out: BinaryWriter, { tag, simpleValue, image, histogram, tensor, plugin }: SummaryValue): void {
  if (tag !== '') text(out, 1, tag)
  if (simpleValue !== undefined) out.tag(2, bit32).float(Math.fround(simpleValue))
  if (image) {
    message(out, 4, () => {
      integer(out, 1, image.height)
      integer(out, 2, image.width)
      integer(out, 3, image.colorspace)
      out.tag(4, delimited).bytes(image.png)
    })
  }
  if (histogram) {
    message(out, 5, () => {
      double(out, 1, histogram.min)
      double(out, 2, histogram.max)
      double(out, 3, histogram.num)
      double(out, 4, histogram.sum)
      double(out, 5, histogram.sumSquares)
      packed(out, 6, histogram.bucketLimit)
      packed(out, 7, histogram.bucket)
    })
  }
  if (tensor) message(out, 8, () => tensorProto(out, tensor))
  if (plugin) {
    message(out, 9, () =>
      message(out, 1, () => {
        text(out, 1, plugin.name)
        if (plugin.content?.length) out.tag(2, delimited).bytes(plugin.content)
      }),
    )
  }
}

function tensorProto(out: BinaryWriter, tensor: TensorProto): void {
  const { dims } = tensor
  integer(out, 1, 'text' in tensor ? dtypes.text : 'double' in tensor ? dtypes.double : dtypes.float)
  if (dims) {
    message(out, 2, () => {
      for (const size of dims) message(out, 2, () => integer(out, 1, size))
    })
  }
  if ('text' in tensor) for (const item of tensor.text) text(out, 8, item)
  else if ('double' in tensor) packed(out, 6, tensor.double)
  else message(out, 5, () => void tensor.float.forEach((value) => void out.float(Math.fround(value))))
}

function newWriter(): BinaryWriter {
  // Loaded here, as most programs that use tensors write no summary.
  const library: typeof import('@bufbuild/protobuf/wire') = require('@bufbuild/protobuf/wire')
  return new library.BinaryWriter()
}

function message(out: BinaryWriter, field: number, fields: () => void): void {
  out.tag(field, delimited).fork()
  fields()
  out.join()
}

function text(out: BinaryWriter, field: number, value: string): void {
  out.tag(field, delimited).string(value)
}

function double(out: BinaryWriter, field: number, value: number): void {
  if (!Object.is(value, 0)) out.tag(field, bit64).double(value)
}

function integer(out: BinaryWriter, field: number, value: number | bigint): void {
  if (value) out.tag(field, 0).int64(value)
}

function packed(out: BinaryWriter, field: number, values: ArrayLike<number>): void {
  if (values.length === 0) return
  const bytes = new DataView(new ArrayBuffer(values.length * 8))
  for (let i = 0; i < values.length; i++) bytes.setFloat64(i * 8, values[i]!, true)
  out.tag(field, delimited).bytes(new Uint8Array(bytes.buffer))
}
