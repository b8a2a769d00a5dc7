/** Names of Python wheels, and the PEP 503 index pages that list them. */
import { LibTorchError } from '../errors.js'
import { fetchText } from './download.js'
import type { LibTorchRelease } from './versions.js'

export interface WheelLink {
  file: string
  url: string
  sha256: string
}

export interface Platform {
  os: NodeJS.Platform
  arch: string
}
export const thisPlatform: Platform = { os: process.platform, arch: process.arch }

/** The index of PyTorch's own wheels of one build, `'cpu'` or `'cu130'`. */
export function officialIndex(build: string): string {
  return `https://download.pytorch.org/whl/${build}`
}

/** `'2.13.0+cpu'`. There is one build only for macOS, and its wheels name none. */
export function wheelVersion(release: LibTorchRelease, build: string, { os }: Platform = thisPlatform): string {
  return os === 'darwin' ? release.version : `${release.version}+${build}`
}

/** Platform tags for pip, undefined where there is no LibTorch for the platform. */
export function platformTags({ os, arch }: Platform = thisPlatform): string[] | undefined {
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[arch]
  if (os === 'linux' && machine) {
    // pip takes each by its word: of NVIDIA's wheels one is for glibc 2.17, another for 2.25
    const glibc = Array.from({ length: 12 }, (_, i) => `manylinux_2_${28 - i}`)
    return [...glibc, 'manylinux2014', 'linux'].map((tag) => `${tag}_${machine}`)
  }
  if (os === 'darwin' && arch === 'arm64') return ['macosx_14_0_arm64', 'macosx_11_0_arm64']
  if (os === 'win32' && arch === 'x64') return ['win_amd64']
  return undefined
}

/** The wheel of torch in an index, such as {@link officialIndex}. */
export async function findWheel(
  index: string,
  version: string,
  python: string,
  platform: Platform = thisPlatform,
): Promise<WheelLink> {
  const page = await fetchText(`${index.replace(/\/$/, '')}/torch/`)
  const links = wheelLinks(page.text, page.url)
  const tag = `cp${python.replace('.', '')}`
  const fitting = links.filter(({ file }) => wheelFits(file, version, platform))
  const link = fitting.find(({ file }) => file.includes(`-${tag}-${tag}-`)) ?? fitting[0]
  if (!link) {
    const others = [...new Set(links.map(({ file }) => file.split('-')[1]))].slice(-8).join(', ')
    throw new LibTorchError(
      'ERR_LIBTORCH_INSTALL',
      `${page.url} lists no wheel of torch ${version} for ${platform.os}-${platform.arch}` +
        (others ? ` (its versions: ${others})` : ' (it lists none of torch at all)'),
    )
  }
  if (!/^[0-9a-f]{64}$/i.test(link.sha256)) {
    throw new LibTorchError(
      'ERR_LIBTORCH_INSTALL',
      `${page.url} gives no sha256 for ${link.file}, so that it cannot be verified`,
    )
  }
  return link
}

/** Links to wheels of a PEP 503 page, without those that were yanked. */
export function wheelLinks(html: string, base: string): WheelLink[] {
  const links: WheelLink[] = []
  for (const [, attributes] of html.matchAll(/<a\s([^>]*)>/gi)) {
    const href = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(attributes!)
    if (!href || /\bdata-yanked\b/i.test(attributes!)) continue
    const url = new URL((href[1] ?? href[2])!.replaceAll('&amp;', '&'), base)
    const file = decodeURIComponent(url.pathname.split('/').at(-1)!)
    if (!file.endsWith('.whl')) continue
    const sha256 = /^#sha256=(.*)$/.exec(url.hash)?.[1] ?? ''
    url.hash = ''
    links.push({ file, url: url.href, sha256 })
  }
  return links
}

function wheelFits(file: string, version: string, platform: Platform): boolean {
  const [name, found, , abi, tags] = file.replace(/\.whl$/, '').split('-')
  if (name !== 'torch' || found !== version || !abi || !tags || /t$/.test(abi)) return false
  const wanted = platformTags(platform) ?? []
  return tags
    .split('.')
    .some((tag) => wanted.includes(tag) || (platform.os === 'darwin' && /^macosx_.*_arm64$/.test(tag)))
}
