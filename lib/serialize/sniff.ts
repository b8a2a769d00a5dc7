/** Tells by its first bytes what a file is, so that an error can say what to do about it. */

/** What a file is that is no zip archive; undefined when nothing is recognised. */
export function sniff(head: Uint8Array, size: number): string | undefined {
  if (size === 0) return 'the file is empty; was the download or the copy cut off?'
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 512)).toString('latin1')
  return signatures.find(([matches]) => matches(text, head))?.[1]
}

const starts =
  (...bytes: number[]) =>
  (_: string, head: Uint8Array): boolean =>
    bytes.every((byte, i) => head[i] === byte)

const signatures: [(text: string, head: Uint8Array) => boolean, string][] = [
  [
    (_, head) => looksLikeSafetensors(head),
    'this is a safetensors file, which holds tensors and no program: open it with torch.load()',
  ],
  [
    (text) => /^\s*<(!doctype|html|\?xml|head|body)/i.test(text),
    'this is a web page (HTML), not a checkpoint: the download got an error or login page instead of the file',
  ],
  [
    (text) => text.startsWith('version https://git-lfs.github.com/spec/'),
    'this is a Git LFS pointer, which stands for the file: run `git lfs pull` to get the file itself',
  ],
  [starts(0x1f, 0x8b), 'this is compressed with gzip: unpack it first (gunzip)'],
  [starts(0x28, 0xb5, 0x2f, 0xfd), 'this is compressed with Zstandard: unpack it first (unzstd)'],
  [starts(0xfd, 0x37, 0x7a, 0x58, 0x5a), 'this is compressed with xz: unpack it first (unxz)'],
  [starts(0x42, 0x5a, 0x68), 'this is compressed with bzip2: unpack it first (bunzip2)'],
  [starts(0x89, 0x48, 0x44, 0x46), 'this is an HDF5 file, as Keras saves models, not a PyTorch checkpoint'],
  [starts(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59), 'this is a numpy array (.npy), not a PyTorch checkpoint'],
  [starts(0x47, 0x47, 0x55, 0x46), 'this is a GGUF file, not a PyTorch checkpoint'],
  [
    (text) => text.slice(257, 262) === 'ustar',
    'this is a tar archive; checkpoints in the tar format of PyTorch 0.1 cannot be read',
  ],
  [
    (text) => text[0] === '\x08' && /(pytorch|onnx|keras|skl)/.test(text.slice(2, 24)),
    'this is an ONNX model, not a PyTorch checkpoint',
  ],
  [
    (text) => text[0] === '\x80' && text[1]! >= '\x02' && text[1]! <= '\x05',
    'this is a bare pickle, not a checkpoint of torch.save: load it in Python and save it with torch.save',
  ],
]

/** Whether a file begins with the length of a header, and JSON; also where the length is beyond all reason. */
export function looksLikeSafetensors(head: Uint8Array): boolean {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
  const small = text.length > 8 && text.slice(4, 8) === '\0\0\0\0'
  if (small) return /^[ \t\r\n]*(\{|$)/.test(text.slice(8))
  return !/^[\t\n\r -~]*$/.test(text.slice(0, 8)) && /^[ \t\r\n]*\{[ \t\r\n]*["}]/.test(text.slice(8))
}
