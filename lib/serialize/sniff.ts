/** Tells by its first bytes what a file is, so that an error can say what to do about it. */

/** What a file is that is no zip archive; undefined when nothing is recognised. The name counts where the bytes say nothing. */
export function sniff(head: Uint8Array, size: number, path = ''): string | undefined {
  if (size === 0) return 'the file is empty; was the download or the copy cut off?'
  if (looksLikeSafetensors(head)) {
    return 'this is a safetensors file, which holds tensors and no program: open it with torch.load()'
  }
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 512)).toString('latin1')
  return (
    signatures.find(([known]) => (typeof known === 'string' ? text.startsWith(known) : known.test(text)))?.[1] ??
    names.find(([known]) => known.test(path))?.[1]
  )
}

const no = 'not a PyTorch checkpoint'
const compressed = (how: string, command: string): string =>
  `this is compressed with ${how}: unpack it first (${command})`

/** @internal */
export const tensorflow = (what: string): string =>
  `this is a ${what} of TensorFlow, ${no}: load it in Python and save its variables with torch.save(), or look for the model's PyTorch weights`
const onnx = `this is an ONNX model, ${no}: it holds a graph beside its weights; look for the checkpoint that it was exported from`
const pickle =
  'this is a bare pickle, as pickle.dump() writes, not a checkpoint of torch.save: in Python, ' +
  "torch.save(pickle.load(open(path, 'rb')), 'model.pt') makes one of it, if you trust it"

/** What a file that begins with these bytes matches. */
const binary = (source: string): RegExp => new RegExp(`^(?:${source})`, 's')

/** What files begin with, as Latin-1 text. */
const signatures: [RegExp | string, string][] = [
  [
    /^(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml|head|body|error|!--)/i,
    'this is a web page (HTML), not a checkpoint: the download got an error or login page instead of the file',
  ],
  [
    'version https://git-lfs.github.com/spec/',
    'this is a Git LFS pointer, which stands for the file: run `git lfs pull` to get the file itself',
  ],
  [
    /^(\xef\xbb\xbf)?\s*[{[]\s*["{}[\]\d]/,
    'this is JSON, not a checkpoint: is it the configuration of a model, or the answer of a server that refused the download?',
  ],
  ['\x1f\x8b', compressed('gzip', 'gunzip')],
  ['\x28\xb5\x2f\xfd', compressed('Zstandard', 'unzstd')],
  ['\xfd7zXZ\0', compressed('xz', 'unxz')],
  [/^BZh[1-9]/, compressed('bzip2', 'bunzip2')],
  ['\x04\x22\x4d\x18', compressed('LZ4', 'unlz4')],
  [
    binary(String.raw`x[\x01\x9c\xda]`),
    'this is compressed with zlib, as joblib.dump() does: load it in Python and save it with torch.save()',
  ],
  ['7z\xbc\xaf\x27\x1c', 'this is a 7z archive: unpack it first (7z x) and load the checkpoint that is in it'],
  ['Rar!\x1a\x07', 'this is a RAR archive: unpack it first (unrar x) and load the checkpoint that is in it'],
  [
    '\x89HDF\r\n',
    `this is an HDF5 file, as Keras saves models, ${no}: read it in Python with h5py, and save it with torch.save()`,
  ],
  [
    '\x93NUMPY',
    `this is a numpy array (.npy), ${no}: in Python, torch.save(torch.from_numpy(numpy.load(path)), 'x.pt')`,
  ],
  [/^(GGUF|lmgg|fmgg|tjgg)/, `this is a GGUF file of llama.cpp, ${no}: look for the model's safetensors files`],
  [/^.{4}TFL3/s, `this is a model of TensorFlow Lite, ${no}`],
  [/^.{257}ustar/s, 'this is a tar archive, of which not even the first file is whole: was the download cut off?'],
  // the version of the schema, then the first graph, which begins with facts about itself
  [binary(String.raw`\x08\x01\x12[\x80-\xff]{0,9}[\0-\x7f]\n`), tensorflow('SavedModel')],
  // a table whose first entry has no name: the number of shards and the version of the format
  [binary(String.raw`\0\0[\x04-\x20]\x08[\x01-\x7f].{0,8}\x1a\x02\x08\x01`), tensorflow('checkpoint')],
  [/^model_checkpoint_path: "/, tensorflow('checkpoint')],
  // the version of the format, and who made it, or at once the graph
  [binary(String.raw`\x08[\x01-\x1f](\x12[\x01-\x7f][ -~]*[\x1a\x22\x28\x32\x3a\x42]|[\x3a\x42])`), onnx],
  // protocols from 2 on begin with their number, those before with a container or a class
  [binary(String.raw`\x80[\x02-\x05]`), pickle],
  [/^(\([dlt]p\d+\n|c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n(p\d+\n|q.|[()])|[}\]]q\0)/s, pickle],
  [/^\0{8,}$/, 'the file begins with nothing but zeros: a download or a save was not finished'],
]

/** What files are called whose first bytes may be anything. */
const names: [RegExp, string][] = [
  [/\.data-\d{5}-of-\d{5}$/, tensorflow('checkpoint')],
  [/\.pb$/, tensorflow('graph')],
  [/\.onnx$/, onnx],
]

/** Whether a file begins with the length of a header, and JSON; also where the length is beyond all reason. */
export function looksLikeSafetensors(head: Uint8Array): boolean {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
  const small = text.length > 8 && text.slice(4, 8) === '\0\0\0\0'
  if (small) return /^[ \t\r\n]*(\{|$)/.test(text.slice(8))
  return !/^[\t\n\r -~]*$/.test(text.slice(0, 8)) && /^[ \t\r\n]*\{[ \t\r\n]*["}]/.test(text.slice(8))
}
