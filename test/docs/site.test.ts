/**
 * `npm run docs` builds the site without a warning, and what it builds holds together: no dead link or anchor, every page there, and,
 * where there is a browser on PATH, nothing wider than a telephone or a desktop window. Without one, links and HTML are checked alone.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { blocksOf, textOf } from '../support/pages.js'
import { root, tempDir } from '../support/paths.js'
import { deadLinks, filesOf, findBrowser, widthsInBrowser } from '../support/site.js'

const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
const titleOf = (name: string) => /^# (.+)$/m.exec(textOf(`docs/${name}`))![1]!.replaceAll('`', '')

test('the index of docs/ has every page', () => {
  const linked = [...textOf('docs/README.md').matchAll(/\]\(([\w-]+\.md)\)/g)].map((match) => match[1])
  assert.deepEqual([...linked, 'README.md'].sort(), docs.sort())
})

test('links that lead nowhere are found', (t) => {
  const dir = tempDir(t)
  mkdirSync(join(dir, 'sub'))
  writeFileSync(
    join(dir, 'a.html'),
    '<h1 id="x">X</h1><a href="#x">1</a><a href="#y">2</a><a href="sub/b.html#z">3</a><a href="https://example.org">4</a>',
  )
  writeFileSync(
    join(dir, 'sub', 'b.html'),
    '<a href="../a.html#x">1</a><a href="../c.html">2</a><img src="b.png"><a href="../../d.html">3</a>',
  )
  assert.deepEqual(deadLinks(dir).dead.sort(), [
    'a.html -> #y',
    'a.html -> sub/b.html#z',
    'sub/b.html -> ../../d.html',
    'sub/b.html -> ../c.html',
    'sub/b.html -> b.png',
  ])
})

test('npm run docs builds a whole site', async (t) => {
  const site = join(tempDir(t), 'site')
  const run = spawnSync(process.execPath, [join(root, 'scripts', 'docs.mjs'), '--out', site], {
    encoding: 'utf8',
    cwd: root,
  })
  assert.equal(run.status, 0, run.stdout + run.stderr)
  const pages = filesOf(site, '.html')

  await t.test('every page of docs/ is in it, under its title and with all of its code', () => {
    const documents = new Map(
      filesOf(join(site, 'documents'), '.html').map((name) => [
        name,
        readFileSync(join(site, 'documents', name), 'utf8'),
      ]),
    )
    assert.equal(documents.size, docs.length)
    for (const name of docs) {
      const html = [...documents.values()].find((text) =>
        text.includes(`<title>${titleOf(name)} | libtorch-node</title>`),
      )
      assert.ok(html, titleOf(name))
      assert.equal(html.match(/<pre>/g)?.length ?? 0, blocksOf(`docs/${name}`).length, name)
    }
  })

  await t.test('every kind of export has a page', () => {
    for (const name of [
      'functions/libtorch-node.load',
      'classes/libtorch-node.Tensor',
      'classes/libtorch-node.nn.Conv2d',
      'classes/libtorch-node.optim.Adam',
      'functions/libtorch-node_vision.fromPretrained',
    ])
      assert.ok(pages.includes(`${name}.html`), name)
    const layer = readFileSync(join(site, 'classes', 'libtorch-node.nn.Conv2d.html'), 'utf8')
    assert.doesNotMatch(layer, /registerForwardHook/) // on the page of Module, once
    assert.match(readFileSync(join(site, 'classes', 'libtorch-node.nn.Module.html'), 'utf8'), /registerForwardHook/)
  })

  await t.test('no link leads nowhere', () => {
    const { looked, dead } = deadLinks(site)
    assert.ok(looked > 10_000, `only ${looked} links`)
    assert.deepEqual(dead, [])
  })

  await t.test('it has a light and a dark face, and fits a telephone', () => {
    const css = readFileSync(join(site, 'assets', 'style.css'), 'utf8')
    assert.match(css, /prefers-color-scheme: dark/)
    for (const page of pages) assert.match(readFileSync(join(site, page), 'utf8'), /name="viewport"/, page)
  })

  const browser = findBrowser()
  if (!browser) return t.diagnostic('there is no browser on PATH: the widths of the pages were not measured')
  const measured = [
    'index.html',
    ...pages.filter((name) => /^documents|\.(Tensor|Conv2d|load|Adam|Module)\.html$/.test(name)),
  ]
  for (const width of [390, 1440]) {
    await t.test(`no page is wider than a window of ${width} pixels`, async () => {
      const widths = await widthsInBrowser(browser, site, measured, width)
      assert.deepEqual(Object.keys(widths), measured)
      for (const [page, needed] of Object.entries(widths))
        assert.ok(needed <= width, `${page} needs ${needed} of ${width} pixels`)
    })
  }
})
