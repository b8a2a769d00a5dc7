/** Pickles that ask for more memory, time or stack than a reader should give, and pickles that make no sense. */
import { bytes, checkpoint, int, text } from '../serialize/zip.js'
import type { HostileFile } from './files.js'

const uint32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32LE(value)
  return buffer
}
const uint64 = (value: bigint): Buffer => {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(value)
  return buffer
}
const many = (count: number, ...piece: (string | number | Uint8Array)[]): Buffer => {
  const one = bytes(...piece)
  return Buffer.alloc(one.length * count, one)
}
const two = bytes(0x80, 2)
const four = bytes(0x80, 4)

/** Each level holds the level below twice: 2^40 values for one who does not see that they are one. */
const laughs = (open: string, close: string | number): Buffer => {
  let body = bytes(']q', 0)
  for (let i = 1; i <= 40; i++) body = bytes(body, '0', open, 'h', i - 1, 'h', i - 1, close, 'q', i)
  return bytes(two, body, '.')
}

const pickles: Record<string, Buffer> = {
  'lists, 1,000,000 deep': bytes(two, many(1_000_000, ']'), many(999_999, 'a'), '.'),
  'tuples, 1,000,000 deep': bytes(two, 'N', many(1_000_000, 0x85), '.'),
  'dicts, 300,000 deep': bytes(two, many(300_000, '}', 'K\0'), 'N', many(300_000, 's'), '.'),
  'calls, 300,000 deep': bytes(two, many(300_000, 'cos\nsystem\n'), ')R', many(299_999, 0x85, 'R'), '.'),
  'states, 300,000 deep': bytes(two, many(300_000, 'cos\nsystem\n)R'), many(299_999, 'b'), '.'),
  'sets, 100,000 deep': bytes(four, many(100_000, 0x8f, '('), 'N', many(100_000, 0x90), '.'),
  'frozen sets, 100,000 deep': bytes(four, many(100_000, '('), 'N', many(100_000, 0x91), '.'),
  'a million laughs as lists': laughs('](', 'e'),
  'a million laughs as tuples': laughs('', 0x86),
  'a million laughs as dicts': (() => {
    let body = bytes('}q', 0)
    for (let i = 1; i <= 40; i++) body = bytes(body, '0}(', 'K\0h', i - 1, 'K\x01h', i - 1, 'uq', i)
    return bytes(two, body, '.')
  })(),
  'a million laughs as calls': laughs('cos\nsystem\n', bytes(0x86, 'R') as never),
  '20,000,000 marks': bytes(two, many(20_000_000, '('), '.'),
  '20,000,000 values': bytes(two, many(20_000_000, 'N'), '.'),
  '4,000,000 lists': bytes(two, '](', many(4_000_000, ']'), 'e.'),
  '4,000,000 memo entries': bytes(two, '](', many(1_000_000, ']\x94]\x94]\x94]\x94'), 'e.'),
  'a string of 4 GB that is not there': bytes(two, 'X', uint32(2 ** 32 - 1), 'x.'),
  'a string of 2^63 bytes': bytes(four, 0x8d, uint64(2n ** 63n - 1n), 'x.'),
  'bytes of 2^64': bytes(four, 0x8e, uint64(2n ** 64n - 1n), 'x.'),
  'bytes of 4 GB': bytes(four, 'B', uint32(2 ** 32 - 1), 'x.'),
  'a bytearray of 2^60': bytes(0x80, 5, 0x96, uint64(2n ** 60n), 'x.'),
  'a text string of 4 GB by BINSTRING': bytes(two, 'T', uint32(2 ** 31 - 1), 'x.'),
  'a negative length by BINSTRING': bytes(two, 'T', uint32(2 ** 31), 'x.'),
  'an int of 2^31 bytes': bytes(two, 0x8b, uint32(2 ** 31 - 1), 'x.'),
  'an int of a negative length': bytes(two, 0x8b, uint32(2 ** 32 - 1), 'x.'),
  'an int of 2,000,000 bytes': bytes(two, 0x8b, uint32(2_000_000), many(2_000_000, 'x'), '.'),
  'an int of 1,000,000 digits': bytes(`L${'9'.repeat(1_000_000)}L\n.`),
  'an int that is a word': bytes('Lx = 1L\n.'),
  'an int that is NaN': bytes('INaN\n.'),
  'a float that is a program': bytes('Fprocess.exit()\n.'),
  'a float of 1,000,000 digits': bytes(`F1.${'9'.repeat(1_000_000)}\n.`),
  'a string literal that is a program': bytes("S' + process.exit() + '\n.'\n."),
  'a string literal without an end': bytes("S'abc\n."),
  'a string literal with a wrong escape': bytes("S'\\xZZ'\n."),
  'a unicode literal with a wrong escape': bytes('V\\uZZZZ\n.'),
  'a string that is no UTF-8': bytes(two, 'X', uint32(2), 0xff, 0xfe, '.'),
  'a memo place that was never filled': bytes(two, 'h', 7, '.'),
  'a memo place of 2^32 - 1': bytes(two, ']r', uint32(2 ** 32 - 1), '.'),
  'a memo place that is a word': bytes(']p__proto__\n.'),
  'a memo place that is negative': bytes(']p-1\n.'),
  'a memo place of 30 digits': bytes(`]p${'9'.repeat(30)}\n.`),
  'no value at all': bytes(two, '.'),
  'more than one value': bytes(two, 'NN.'),
  'no end': bytes(two, 'N'),
  nothing: Buffer.alloc(0),
  'only a protocol': two,
  'protocol 6': bytes(0x80, 6, 'N.'),
  'protocol 255': bytes(0x80, 255, 'N.'),
  'an opcode that there is not': bytes(two, 0xff, '.'),
  'text, not a pickle': Buffer.from('hello, world'),
  'a mark in place of a value': bytes(two, '(.'),
  'items without a mark': bytes(two, ']e.'),
  'items for a number': bytes(two, 'K\0(NNe.'),
  'items for None': bytes(two, 'N(NNu.'),
  'an odd number of items': bytes(two, '}(Nu.'),
  'a list as key': bytes(two, '}]Ns.'),
  'a dict as key': bytes(two, '}}Ns.'),
  'a set that contains lists': bytes(four, 0x8f, '(]', 0x90, '.'),
  'a state for a number': bytes(two, 'K\0Nb.'),
  'a state for None': bytes(two, 'NNb.'),
  'a call of a number': bytes(two, 'K\0)R.'),
  'a call of a list': bytes(two, '])R.'),
  'a call with a list as arguments': bytes(two, 'cos\nsystem\n]R.'),
  'a call of what a call gave': bytes(two, 'cos\nsystem\n)R)R.'),
  'a list that contains itself': bytes(two, ']q\0h\0a.'),
  'a dict that contains itself': bytes(two, '}q\0K\0h\0s.'),
  'a tuple that contains itself': bytes(two, ']q\0h\0', 0x85, 'a.'),
  'a call whose arguments contain it': bytes(two, ']q\0cos\nsystem\nh\0', 0x85, 'Rq\x01a.'),
  'an object whose state is itself': bytes(two, 'cos\nsystem\n)Rq\0h\0b.'),
  'an object that contains itself': bytes(two, 'cos\nsystem\n)Rq\0h\0a.'),
  'a frame that is longer than the file': bytes(four, 0x95, uint64(2n ** 62n), 'N.'),
  'a frame of no bytes': bytes(four, 0x95, uint64(0n), 'N.'),
  'a buffer that is out of band': bytes(0x80, 5, 0x97, '.'),
  'an extension': bytes(two, 0x82, 1, '.'),
  'an extension of 4 bytes': bytes(two, 0x84, uint32(2 ** 31), '.'),
  'a persistent id outside': bytes(two, 'Pfile:///etc/passwd\n.'),
  'a global whose name is a number': bytes(four, int(1), int(2), 0x93, '.'),
  'a global of a megabyte': bytes(two, `c${'a'.repeat(2 ** 20)}\nb\n.`),
  'a global with a dot in front': bytes(two, 'c.\n.\n.'),
  'a global without names': bytes(two, 'c\n\n.'),
  'a global of the prototype': bytes(two, 'c__proto__\n__proto__\n.'),
  'a global that is a constructor': bytes(two, 'cconstructor\nconstructor\n)R.'),
  'a global that is toString': bytes(two, 'ctorch\ntoString\n)R.'),
  'a global that is valueOf of a list of names': bytes(two, 'ctorch._utils\nvalueOf\n)R.'),
  'keyword arguments that are no dict': bytes(four, 'cos\nsystem\n)N', 0x92, '.'),
  'an OrderedDict of numbers': bytes(two, 'ccollections\nOrderedDict\n(K\x01tR.'),
  'an OrderedDict of a million keys that are one': bytes(
    two,
    'ccollections\nOrderedDict\n)R(',
    many(1_000_000, 'K\0N'),
    'u.',
  ),
  'a bytearray of a huge number': bytes(two, 'c__builtin__\nbytearray\n(', int(2 ** 40), 'tR.'),
  'a range of a huge number': bytes(two, 'c__builtin__\nxrange\n(', int(2 ** 40), 'tR.'),
  'bytes of a huge number': bytes(two, 'c__builtin__\nbytes\n(', int(2 ** 40), 'tR.'),
  'a complex of texts': bytes(two, 'c__builtin__\ncomplex\n(', text('x'), text('y'), 'tR.'),
  'a set of a number': bytes(two, 'c__builtin__\nset\n(K\x01tR.'),
  'an encoding that there is not': bytes(two, 'c_codecs\nencode\n(', text('x'), text('rot13'), 'tR.'),
  'characters that are no bytes': bytes(two, 'c_codecs\nencode\n(', text('ā'), text('latin1'), 'tR.'),
}

const array = (shape: Buffer, dtype: string, data: Buffer): Buffer =>
  bytes(
    two,
    'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tc_codecs\nencode\n(',
    text('b'),
    text('latin1'),
    'tRtR(K\x01',
    shape,
    'cnumpy\ndtype\n(',
    text(dtype),
    0x89,
    0x88,
    'tR(K\x03',
    text('<'),
    'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb',
    0x89,
    data,
    'tb.',
  )
const four64 = bytes('c_codecs\nencode\n(', text('\0'.repeat(32)), text('latin1'), 'tR')
const arrays: Record<string, Buffer> = {
  'a numpy array larger than its bytes': array(bytes('(K\x05t'), 'f8', four64),
  'a numpy array of 2^62': array(bytes('(', int(2n ** 62n), 't'), 'f8', four64),
  'a numpy array of negative size': array(bytes('(', int(-4), 't'), 'f8', four64),
  'a numpy array of sizes that overflow': array(bytes('(', int(2n ** 32n), int(2n ** 32n), 't'), 'f8', four64),
  'a numpy array of objects': array(bytes('(K\x04t'), 'O8', bytes('](cos\nsystem\n)RNNNe')),
  'a numpy array of no dtype': array(bytes('(K\x04t'), 'zz', four64),
  'a numpy array of texts': array(bytes('(K\x01t'), 'U8', four64),
  'a numpy array without bytes': array(bytes('(K\x04t'), 'f8', bytes('N')),
}

export function pickleFiles(): HostileFile[] {
  return Object.entries({ ...pickles, ...arrays }).map(([name, pickle]) => ({ name, bytes: checkpoint(pickle) }))
}
