/** Safetensors files by hand: odd ones that are valid, and hostile ones. */

/** A file with this header, which is JSON or bytes, and `data` after it. */
export function file(header: unknown, data: Uint8Array | number = 0, length?: bigint): Buffer {
  const isBytes = header instanceof Uint8Array
  const json = isBytes ? Buffer.from(header) : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(length ?? BigInt(json.byteLength))
  return Buffer.concat([head, json, typeof data === 'number' ? Buffer.alloc(data, 7) : data])
}

const info = (dtype: unknown, shape: unknown, begin: unknown, end: unknown, more: object = {}): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
  ...more,
})
const one = info('U8', [4], 0, 4)
const text = (entry: object): string => JSON.stringify(entry)

export const fine: { title: string; bytes: Buffer }[] = [
  { title: 'no tensor', bytes: file('{}') },
  { title: 'spaces before and after', bytes: file(` \t\r\n{"a":${text(one)}}\r\n\t `, 4) },
  { title: 'spaces within', bytes: file(`{ "a" : ${JSON.stringify(one, null, 2)} }`, 4) },
  { title: 'a page of spaces first', bytes: file(`${' '.repeat(5000)}{"a":${text(one)}}`, 4) },
  { title: 'another order of tensors', bytes: file({ b: info('U8', [4], 4, 8), a: info('I8', [2, 2], 0, 4) }, 8) },
  {
    title: 'another order of fields',
    bytes: file({ a: { data_offsets: [0, 4], shape: [2, 2], dtype: 'I8' } }, 4),
  },
  { title: 'unaligned data', bytes: file({ a: info('U8', [1], 0, 1), b: info('F64', [1], 1, 9) }, 9) },
  { title: 'metadata that is null', bytes: file({ __metadata__: null, a: one }, 4) },
  { title: 'metadata at the end', bytes: file({ a: one, __metadata__: { x: 'y' } }, 4) },
  { title: 'fields that nobody knows', bytes: file({ a: { ...one, more: [{ x: [null, -1.5e3, 'y', true] }] } }, 4) },
  { title: 'escapes in names', bytes: file(`{"\\u00e9\\"\\\\\\/\\ud83d\\ude00":${text(one)}}`, 4) },
  { title: 'escapes in fields', bytes: file('{"a":{"dtyp\\u0065":"U\\u0038","shape":[4],"data_offsets":[0,4]}}', 4) },
  {
    title: 'empty tensors between others',
    bytes: file({ a: one, b: info('F32', [0], 4, 4), c: info('U8', [1], 4, 5) }, 5),
  },
  { title: 'an empty tensor of a large shape', bytes: file({ a: info('F32', [0, 1099511627776], 0, 0) }) },
  { title: 'a header as long as that of an ONNX file', bytes: file(`{"pytorch":${text(one)}}`.padEnd(0x108), 4) },
  { title: 'two elements in a byte', bytes: file({ a: info('F4', [2, 4], 0, 4) }, 4) },
]

interface Hostile {
  title: string
  bytes: Buffer
  message: RegExp
  code?: string
  /** byte of the file that the error names */
  offset?: number
  /** the format's own library opens it */
  stricter?: true
}

const at = (header: string, part: string): number => 8 + Buffer.from(header).indexOf(part)
const nested = (depth: number): string => `{"a":{"x":${'['.repeat(depth)}${']'.repeat(depth)},${text(one).slice(1)}}`
const twice = `{"a":${text(one)},"b":${text(info('U8', [1], 4, 5))},"a":${text(one)}}`

export const hostile: Hostile[] = [
  // the length
  {
    title: 'length beyond all',
    bytes: file('{"a":1}', 0, 2n ** 64n - 1n),
    message: /18446744073709551615 bytes; 100000000/,
    offset: 0,
  },
  { title: 'length of a negative number', bytes: file('{"a":1}', 0, 2n ** 63n), message: /are allowed/, offset: 0 },
  {
    title: 'length one beyond the limit',
    bytes: file('{"a":1}', 0, 100_000_001n),
    message: /100000001 bytes; 100000000/,
    offset: 0,
  },
  { title: 'length beyond the file', bytes: file('{"a":1}', 0, 8n), message: /truncated/, offset: 0 },
  { title: 'length at the limit, file shorter', bytes: file('{}', 4, 100_000_000n), message: /truncated/, offset: 0 },
  { title: 'length that cuts the JSON', bytes: file({ a: one }, 4, 20n), message: /does not end|it ends/ },
  { title: 'length that takes data in', bytes: file({ a: one }, 4, 55n), message: /more after its end/ },
  // the text
  {
    title: 'not UTF-8',
    bytes: file(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x7d])),
    message: /not UTF-8/,
    offset: 8,
  },
  {
    title: 'half a character in UTF-8',
    bytes: file(Buffer.from('{"\xed\xa0\x80":1}', 'latin1')),
    message: /not UTF-8/,
  },
  { title: 'a name of half a character', bytes: file(`{"\\ud800":${text(one)}}`, 4), message: /half a character/ },
  { title: 'only spaces', bytes: file('        '), message: /no object/ },
  { title: 'an object that does not end', bytes: file('{'), message: /it ends|expected/ },
  { title: 'a string that does not end', bytes: file('{"a'), message: /does not end/, offset: 9 },
  { title: 'a comma at the end', bytes: file(`{"a":${text(one)},}`, 4), message: /expected/ },
  { title: 'more after the object', bytes: file(`{"a":${text(one)}} x`, 4), message: /more after its end/ },
  { title: 'two objects', bytes: file(`{"a":${text(one)}}{}`, 4), message: /more after its end/ },
  { title: 'a zero byte after the object', bytes: file(`{"a":${text(one)}}\0`, 4), message: /more after its end/ },
  { title: 'a comment', bytes: file(`{/**/"a":${text(one)}}`, 4), message: /expected/ },
  { title: 'single quotes', bytes: file(`{"a":{'dtype':'U8'}}`, 4), message: /expected/ },
  { title: 'a line feed in a string', bytes: file(`{"a\n":${text(one)}}`, 4), message: /not valid/ },
  { title: 'an unknown escape', bytes: file(`{"\\x41":${text(one)}}`, 4), message: /not valid/ },
  // the entries
  { title: 'a number for a tensor', bytes: file({ a: 1 }), message: /"a" is no object/, offset: 13 },
  { title: 'a list for a tensor', bytes: file({ a: [one] }, 4), message: /"a" is no object/ },
  { title: 'null for a tensor', bytes: file({ a: null }), message: /"a" is no object/ },
  { title: 'no dtype', bytes: file({ a: { shape: [4], data_offsets: [0, 4] } }, 4), message: /no dtype/, offset: 9 },
  { title: 'no shape', bytes: file({ a: { dtype: 'U8', data_offsets: [0, 4] } }, 4), message: /no shape/ },
  { title: 'no offsets', bytes: file({ a: { dtype: 'U8', shape: [4] } }, 4), message: /no data_offsets/ },
  { title: 'an unknown dtype', bytes: file({ a: info('F128', [1], 0, 16) }, 16), message: /unknown dtype "F128"/ },
  { title: 'a dtype in small letters', bytes: file({ a: info('u8', [4], 0, 4) }, 4), message: /unknown dtype/ },
  { title: 'a dtype like a method', bytes: file({ a: info('constructor', [4], 0, 4) }, 4), message: /unknown dtype/ },
  { title: 'a number as dtype', bytes: file({ a: info(1, [4], 0, 4) }, 4), message: /unknown dtype/ },
  {
    title: 'a dtype without counterpart',
    bytes: file({ a: info('F6_E2M3', [4], 0, 3) }, 3),
    message: /PyTorch has no dtype for F6_E2M3/,
  },
  { title: 'a shape that is no list', bytes: file({ a: info('U8', 4, 0, 4) }, 4), message: /shape of "a" is no array/ },
  { title: 'a negative size', bytes: file({ a: info('U8', [-4], 0, 4) }, 4), message: /-4/ },
  { title: 'two negative sizes', bytes: file({ a: info('U8', [-2, -2], 0, 4) }, 4), message: /-2/ },
  { title: 'a fraction as size', bytes: file({ a: info('U8', [4.5], 0, 4) }, 4), message: /4\.5/ },
  {
    title: 'a size with a point',
    bytes: file('{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}', 4),
    message: /4\.0/,
  },
  {
    title: 'a size with an exponent',
    bytes: file('{"a":{"dtype":"U8","shape":[4e0],"data_offsets":[0,4]}}', 4),
    message: /4e0/,
  },
  {
    title: 'a size with a zero first',
    bytes: file('{"a":{"dtype":"U8","shape":[04],"data_offsets":[0,4]}}', 4),
    message: /04/,
  },
  { title: 'a text as size', bytes: file({ a: info('U8', ['4'], 0, 4) }, 4), message: /no number/ },
  { title: 'null as size', bytes: file({ a: info('U8', [null], 0, 4) }, 4), message: /null/ },
  {
    title: 'a size beyond 64 bits',
    bytes: file('{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,4]}}', 4),
    message: /overflows/,
  },
  {
    title: 'sizes that overflow',
    bytes: file({ a: info('I32', [2, 2 ** 52, 2 ** 12], 0, 16) }, 16),
    message: /overflows/,
  },
  {
    title: 'sizes that overflow to the right number',
    bytes: file('{"a":{"dtype":"U8","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}}'),
    message: /overflows/,
  },
  {
    title: 'a size that overflows in bytes',
    bytes: file('{"a":{"dtype":"I32","shape":[2,9223372036854775807],"data_offsets":[0,16]}}', 16),
    message: /overflows/,
  },
  {
    title: 'sizes that overflow before they are empty',
    bytes: file('{"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}'),
    message: /overflows/,
  },
  {
    title: 'more bytes than the shape takes',
    bytes: file({ a: info('F32', [2], 0, 12) }, 12),
    message: /has 12 bytes.*takes 8/,
  },
  {
    title: 'fewer bytes than the shape takes',
    bytes: file({ a: info('F32', [2, 2], 0, 4) }, 4),
    message: /has 4 bytes.*takes 16/,
    offset: 9,
  },
  { title: 'no bytes for a shape', bytes: file({ a: info('F32', [2, 2], 0, 0) }), message: /has 0 bytes/ },
  { title: 'half a byte', bytes: file({ a: info('F4', [3], 0, 1) }, 1), message: /inside of a byte/ },
  { title: 'an odd last size of packed elements', bytes: file({ a: info('F4', [2, 1], 0, 1) }, 1), message: /is odd/ },
  // the offsets
  { title: 'offsets of one number', bytes: file({ a: { ...one, data_offsets: [0] } }, 4), message: /not two numbers/ },
  {
    title: 'offsets of three numbers',
    bytes: file({ a: { ...one, data_offsets: [0, 4, 8] } }, 4),
    message: /more than 2 numbers/,
  },
  { title: 'negative offsets', bytes: file({ a: info('U8', [4], -4, 0) }, 4), message: /-4/ },
  { title: 'offsets that go back', bytes: file({ a: info('U8', [4], 4, 0) }, 4), message: /end before they begin/ },
  {
    title: 'offsets beyond the file',
    bytes: file({ a: info('U8', [4000], 0, 4000) }, 4),
    message: /truncated/,
    offset: 71,
  },
  {
    title: 'a terabyte in a small file',
    bytes: file({ a: info('U8', [2 ** 40], 0, 2 ** 40) }, 4),
    message: /truncated/,
  },
  { title: 'a hole at the start', bytes: file({ a: info('U8', [4], 4, 8) }, 8), message: /hole at 0/, offset: 9 },
  { title: 'a hole', bytes: file({ a: one, b: info('U8', [4], 5, 9) }, 9), message: /hole at 4/ },
  { title: 'overlapping tensors', bytes: file({ a: one, b: info('U8', [4], 3, 7) }, 7), message: /overlap/ },
  { title: 'one range for many tensors', bytes: file({ a: one, b: one, c: one }, 4), message: /overlap/ },
  {
    title: 'an empty tensor inside of another',
    bytes: file({ a: one, b: info('U8', [0], 2, 2) }, 4),
    message: /overlap/,
  },
  {
    title: 'bytes after the last tensor',
    bytes: file({ a: one }, 5),
    message: /1 bytes belong to no tensor/,
    offset: 65,
  },
  {
    title: 'a zip archive after the last tensor',
    bytes: file({ a: one }, Buffer.from('\0\0\0\0PK\x03\x04')),
    message: /belong to no tensor/,
  },
  { title: 'bytes and no tensor', bytes: file('{}', 4), message: /4 bytes belong to no tensor/ },
  { title: 'one byte too few', bytes: file({ a: one }, 3), message: /truncated/ },
  // metadata
  {
    title: 'metadata that is a text',
    bytes: file({ __metadata__: 'x', a: one }, 4),
    message: /__metadata__ is no object/,
  },
  { title: 'a number in the metadata', bytes: file({ __metadata__: { a: 1 }, b: one }, 4), message: /no text/ },
  { title: 'an object in the metadata', bytes: file({ __metadata__: { a: {} }, b: one }, 4), message: /no text/ },
  { title: 'a tensor called as the metadata', bytes: file({ __metadata__: one }, 4), message: /no text/ },
  {
    title: 'metadata twice',
    bytes: file(`{"__metadata__":{},"__metadata__":{},"a":${text(one)}}`, 4),
    message: /twice/,
  },
  {
    title: 'a field twice',
    bytes: file('{"a":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}}', 4),
    message: /"dtype" twice/,
  },
  // where this library says no, and the format's own takes the last one or what comes
  {
    title: 'a name twice',
    bytes: file(twice, 5),
    message: /"a" twice/,
    offset: 8 + twice.lastIndexOf('"a"'),
    stricter: true,
  },
  {
    title: 'a name twice, once in escapes',
    bytes: file(`{"a":${text(one)},"\\u0061":${text(one)}}`, 4),
    message: /twice/,
    stricter: true,
  },
  {
    title: '__proto__ twice',
    bytes: file(`{"__proto__":${text(one)},"__proto__":${text(one)}}`, 4),
    message: /"__proto__" twice/,
    stricter: true,
  },
  {
    title: 'a text of the metadata twice',
    bytes: file(`{"__metadata__":{"x":"1","x":"2"},"a":${text(one)}}`, 4),
    message: /twice/,
    stricter: true,
  },
  { title: 'fields as a list', bytes: file('{"a":["U8",[4],[0,4]]}', 4), message: /no object/, stricter: true },
  {
    title: 'a thousand dimensions too many',
    bytes: file({ a: info('U8', new Array(2000).fill(1), 0, 1) }, 1),
    message: /more than 1000/,
    stricter: true,
  },
  // depth and amount
  { title: 'lists in lists', bytes: file(nested(100_000), 4), message: /levels deep/ },
  {
    title: 'half a megabyte of open brackets',
    bytes: file(`{"a":{"x":${'['.repeat(500_000)}`),
    message: /levels deep/,
  },
  { title: 'objects in objects', bytes: file('{"a":'.repeat(5000)), message: /expected|levels deep|is no/ },
  {
    title: 'a number of a million digits',
    bytes: file(`{"a":{"dtype":"U8","shape":[${'9'.repeat(1e6)}],"data_offsets":[0,4]}}`, 4),
    message: /overflows/,
  },
  {
    title: 'a value that is no JSON',
    bytes: file(`{"a":{"x":NaN,${text(one).slice(1)}}`, 4),
    message: /not JSON/,
    offset: at('{"a":{"x":NaN,', 'NaN'),
  },
  { title: 'a million backslashes', bytes: file(`{"${'\\'.repeat(1_000_001)}":1}`), message: /does not end/ },
]
