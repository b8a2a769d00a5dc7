/** The LibTorch releases that there is a prebuilt addon for. A new one is one row here. */
export interface LibTorchRelease {
  /** `'2.13'`: an addon fits every LibTorch of the same minor version. */
  minor: string
  /** The release that `libtorch-node install` fetches. */
  version: string
  /** CUDA builds that are published for it, the usual one first. */
  cuda: string[]
  /** The Python whose wheel is taken: LibTorch is the same in all of them, but not every Python has one. */
  python: string
}

/** Newest last. The first is the reference: every test compares with it. */
export const releases: readonly LibTorchRelease[] = [
  { minor: '2.13', version: '2.13.0', cuda: ['cu130', 'cu126'], python: '3.11' },
  { minor: '2.14', version: '2.14.1', cuda: ['cu130', 'cu126'], python: '3.11' },
  { minor: '2.15', version: '2.15.0', cuda: ['cu130', 'cu126'], python: '3.11' },
]

export const reference: LibTorchRelease = releases[0]!

/** Minor versions of LibTorch that the addons can be built for. */
export const buildable: readonly string[] = ['2.11', '2.12', ...releases.map(({ minor }) => minor)]

/** `'2.13'` of `'2.13.0+cpu'`; the text itself when it does not look like a version. */
export function minorOf(version: string): string {
  return /^\d+\.\d+/.exec(version)?.[0] ?? version
}

/** `'cu130'` of `'2.13.0+cu130'`; `''` when the version does not say. */
export function buildOf(version: string): string {
  return version.split('+')[1] ?? ''
}
