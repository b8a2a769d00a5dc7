/** Pictures of curves: every value where its axis says, gaps where there is none, nothing on top of anything else. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { pythonJson, requirePython } from '../support/python.js'

const { plotCurves } = torch.utils

interface Text {
  text: string
  x: number
  y: number
  anchor: string
  size: number
}

const unescaped = (text: string) =>
  text.replace(/&(amp|lt|gt|quot);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name]!)

function textsOf(svg: string): Text[] {
  return [...svg.matchAll(/<text([^>]*)>([^<]*)/g)].map(([, attributes, text]) => {
    const value = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(attributes!)?.[1]
    const size = value('class') === 'title' ? 15 : 12
    return {
      text: unescaped(text!),
      x: Number(value('x')),
      y: Number(value('y')),
      anchor: value('text-anchor') ?? 'start',
      size,
    }
  })
}

/** Points of each curve, as they lie on the picture; a list for each piece between gaps. */
function curvesOf(svg: string): [number, number][][][] {
  const paths = [...svg.matchAll(/<path class="curve [^"]*"[^>]* d="([^"]*)"/g)].map(([, d]) => d!)
  return paths
    .filter((d) => !/h22$/.test(d)) // the samples of the legend
    .map((d) =>
      d
        .split('M')
        .slice(1)
        .map((piece) =>
          [...piece.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]): [number, number] => [Number(x), Number(y)]),
        ),
    )
}

/** What an axis shows at a place, from the two outermost ticks. */
function reader(ticks: { at: number; value: number }[], log: boolean): (at: number) => number {
  const scaled = (value: number) => (log ? Math.log(value) : value)
  const [a, b] = [ticks[0]!, ticks.at(-1)!]
  return (at) => {
    const value = scaled(a.value) + ((at - a.at) / (b.at - a.at)) * (scaled(b.value) - scaled(a.value))
    return log ? Math.exp(value) : value
  }
}

const numberOf = (label: string) => Number(label.replaceAll('−', '-').replaceAll(',', ''))
const yTicks = (svg: string) =>
  textsOf(svg)
    .filter(({ anchor }) => anchor === 'end')
    .map(({ text, y }) => ({ value: numberOf(text), at: y - 4 }))
const xTicks = (svg: string) =>
  textsOf(svg)
    .filter(({ anchor, text }) => anchor === 'middle' && Number.isFinite(numberOf(text)))
    .map(({ text, x }) => ({ value: numberOf(text), at: x }))

const scales: [string, torch.utils.ScaleKind, torch.utils.ScaleKind, number[], number[]][] = [
  ['small numbers', 'linear', 'linear', [0, 1, 2, 3, 4], [0.1, 0.35, 0.2, 0.05, 0.3]],
  ['negative and large ones', 'linear', 'linear', [0, 500, 1000, 20000], [-3e9, 2e9, 0, 1e9]],
  ['tiny ones', 'linear', 'linear', [1, 2, 3], [1e-9, 3e-9, 2e-9]],
  ['a narrow range', 'linear', 'linear', [1, 2, 3], [0.9791, 0.9803, 0.9799]],
  ['a log scale', 'linear', 'log', [1, 2, 3, 4], [2.3, 0.4, 0.051, 0.0062]],
  ['a log scale over many powers', 'linear', 'log', [1, 2, 3, 4], [1e-30, 1e3, 1e-4, 1e20]],
  ['a log scale within one power', 'linear', 'log', [1, 2, 3], [3.1, 3.4, 3.2]],
  ['two log scales', 'log', 'log', [1, 10, 1000, 1e5], [1, 0.1, 0.01, 0.003]],
  ['fractions across', 'linear', 'linear', [0.25, 0.5, 1.75], [1, 2, 3]],
]
for (const [name, xScale, yScale, x, y] of scales) {
  test(`ticks and points agree: ${name}`, () => {
    const svg = plotCurves({ a: { x, y } }, { xScale, yScale })
    const [ticksX, ticksY] = [xTicks(svg), yTicks(svg)]
    assert.ok(ticksX.length >= 2 && ticksX.length <= 12, `${ticksX.length} ticks across`)
    assert.ok(ticksY.length >= 2 && ticksY.length <= 12, `${ticksY.length} ticks`)
    const [readX, readY] = [reader(ticksX, xScale === 'log'), reader(ticksY, yScale === 'log')]
    const [points] = curvesOf(svg)[0]!
    assert.equal(points!.length, x.length)
    for (const [i, [px, py]] of points!.entries()) {
      const near = (found: number, expected: number, all: number[], log: boolean) => {
        // labels of log scales have three digits, and places two decimals
        const room = log
          ? Math.abs(expected) * (Math.max(...all) / Math.min(...all)) ** 0.005 * 0.02
          : (Math.max(...all) - Math.min(...all)) * 0.002
        assert.ok(Math.abs(found - expected) <= room, `${found} for ${expected}`)
      }
      near(readX(px), x[i]!, x, xScale === 'log')
      near(readY(py), y[i]!, y, yScale === 'log')
    }
  })
}

test('what is no number, or not on the scale, is a gap', () => {
  const y = [1, 2, Number.NaN, 4, Number.POSITIVE_INFINITY, null, 7, 8, 9]
  const lengths = (svg: string) => curvesOf(svg)[0]!.map((piece) => piece.length)
  assert.deepEqual(lengths(plotCurves({ a: y })), [2, 1, 3])
  assert.deepEqual(lengths(plotCurves({ a: [1, 0, -1, 2, 3] }, { yScale: 'log' })), [1, 2])
  assert.deepEqual(lengths(plotCurves({ a: { x: [0, 1, 2, 3], y: [1, 2, 3, 4] } }, { xScale: 'log' })), [3])
  // a lone value is a dot
  assert.match(plotCurves({ a: [Number.NaN, 2, Number.NaN] }), /<circle class="d0"/)
  assert.deepEqual(curvesOf(plotCurves({ a: [Number.NaN] })), [[]])
})

test('numbers and texts never lie on each other, and all is inside the picture', () => {
  const long = 'a name that is much too long to be shown whole in a narrow picture, 漢字'
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`series ${i}`, [i, i + 1, i]]))
  const pictures: [torch.utils.Curves, torch.utils.PlotOptions][] = [
    [
      { train: [3, 2, 1], test: [4, 3, 2] },
      { title: 'Loss', xLabel: 'epoch', yLabel: 'nats' },
    ],
    [many, { title: 'many' }],
    [many, { width: 300, height: 700 }],
    [{ [long]: [1e6, 2e6, 3e6] }, { width: 300 }],
    [{ a: { x: [0, 123456789], y: [-123456.5, 1] } }, { width: 220, height: 200 }],
    [{ a: { x: [1, 1e12], y: [1e-12, 1e12] } }, { xScale: 'log', yScale: 'log', width: 400 }],
    [
      {
        loss: { y: [3, 1], panel: 'loss' },
        val_loss: { y: [4, 2], panel: 'loss' },
        lr: { y: [1e-3, 1e-6], panel: 'lr' },
      },
      { yScale: { lr: 'log' }, xLabel: 'epoch' },
    ],
  ]
  let pairs = 0
  for (const [curves, options] of pictures) {
    const svg = plotCurves(curves, options)
    const { width = 800 } = options
    const height = Number(/ height="(\d+)"/.exec(svg)![1])
    const boxes = textsOf(svg).map(({ text, x, y, anchor, size }) => {
      const wide = [...text].reduce((sum, character) => sum + (character > '\u1100' ? 1 : 0.55), 0) * size
      const left = anchor === 'end' ? x - wide : anchor === 'middle' ? x - wide / 2 : x
      return { text, left, right: left + wide, top: y - 0.75 * size, bottom: y + 0.2 * size }
    })
    for (const [i, a] of boxes.entries()) {
      assert.ok(a.left >= 0 && a.right <= width + 1 && a.top >= 0 && a.bottom <= height, `'${a.text}' is inside`)
      for (const b of boxes.slice(i + 1)) {
        const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top
        assert.ok(apart, `'${a.text}' and '${b.text}'`)
        pairs++
      }
    }
  }
  assert.ok(pairs > 500)
})

test('every curve is in the legend, in a look of its own', () => {
  const svg = plotCurves(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`s${i}`, [i]])))
  const shown = textsOf(svg).map(({ text }) => text)
  for (let i = 0; i < 20; i++) assert.ok(shown.includes(`s${i}`))
  const looks = [...svg.matchAll(/<path class="(curve [^>]*) d="M[^"]*h22"/g)].map(([, look]) => look)
  assert.equal(new Set(looks).size, 20)
  assert.deepEqual(
    textsOf(plotCurves({ loss: { y: [1], panel: 'loss' }, a: { y: [1], panel: 'two' }, b: { y: [1], panel: 'two' } }))
      .filter(({ anchor }) => anchor === 'start')
      .map(({ text }) => text),
    ['loss', 'two', 'a', 'b'],
  )
})

test('ticks of whole numbers are whole', () => {
  for (const last of [1, 2, 3, 5, 8, 13, 100]) {
    const svg = plotCurves({ a: Array.from({ length: last + 1 }, (_, i) => i / 7) })
    const ticks = xTicks(svg)
    assert.ok(ticks.length >= 2)
    assert.ok(
      ticks.every(({ value }) => Number.isInteger(value)),
      `0 to ${last}`,
    )
    assert.equal(new Set(ticks.map(({ value }) => value)).size, ticks.length)
  }
})

test('a long curve keeps its first, last, least and greatest values, and a size that can be mailed', () => {
  const y = Float64Array.from({ length: 200_000 }, (_, i) => Math.sin(i / 3000))
  y[77_777] = 9
  y[123_456] = -9
  y[150_000] = Number.NaN
  const svg = plotCurves({ a: y })
  assert.ok(svg.length < 100_000, `${svg.length} characters`)
  const pieces = curvesOf(svg)[0]!
  assert.equal(pieces.length, 2)
  const read = reader(yTicks(svg), false)
  const values = pieces.flat().map(([, at]) => read(at))
  assert.ok(Math.abs(Math.max(...values) - 9) < 0.05 && Math.abs(Math.min(...values) + 9) < 0.05)
  assert.ok(Math.abs(values[0]! - y[0]!) < 0.05 && Math.abs(values.at(-1)! - y.at(-1)!) < 0.05)
  for (const [a, b] of pieces.map((piece) => [piece[0]![0], piece.at(-1)![0]])) assert.ok(a! < b!)
})

test('curves come by name, from a Map, or as a list', () => {
  const y = [3, 1, 2]
  const expected = plotCurves({ a: y })
  assert.equal(plotCurves(new Map([['a', y]])), expected)
  assert.equal(plotCurves([{ name: 'a', y }]), expected)
  assert.equal(plotCurves({ a: { x: [0, 1, 2], y: new Set(y) } }), expected)
  assert.equal(plotCurves({ a: BigInt64Array.of(3n, 1n, 2n) }), expected)
})

test('light, dark, or as the reader prefers', () => {
  const [auto, light, dark] = (['auto', 'light', 'dark'] as const).map((theme) => plotCurves({ a: [1, 2] }, { theme }))
  assert.match(auto!, /prefers-color-scheme:dark/)
  assert.doesNotMatch(light! + dark!, /prefers-color-scheme/)
  assert.notEqual(light, dark)
  assert.equal(auto, plotCurves({ a: [1, 2] }))
})

test('any name gives well-formed XML that says the name', (t) => {
  if (!requirePython(t)) return
  const names = ['<script>alert("x")</script>', 'a & b', '\u0000\u001b[2J', '\ud800 alone', ']]>', '∂ 🚂', '']
  const file = join(tempDir(t), 'names.svg')
  writeFileSync(
    file,
    plotCurves(
      names.map((name) => ({ name, y: [1, 2], panel: name })),
      { title: names.join(' '), xLabel: names[0]! },
    ),
  )
  const program = `
import json, sys, xml.etree.ElementTree as tree
svg = "{http://www.w3.org/2000/svg}"
root = tree.parse(sys.argv[1]).getroot()
print(json.dumps([[text.text or "" for text in root.iter(svg + "text")], sorted({e.tag.replace(svg, "") for e in root.iter()})]))`
  const [texts, tags] = pythonJson<[string[], string[]]>(program, [file])
  for (const name of ['<script>alert("x")</script>', 'a & b', '\ufffd\ufffd[2J', '\ufffd alone', ']]>', '∂ 🚂']) {
    assert.ok(texts.includes(name), name)
  }
  assert.deepEqual(tags, ['circle', 'path', 'rect', 'style', 'svg', 'text'])
})

test('mistakes say what was expected', () => {
  const refused: [() => unknown, RegExp][] = [
    [() => plotCurves(3 as never), /expected an object of names and values, received 3/],
    [() => plotCurves({}), /no series to draw/],
    [() => plotCurves([[1, 2]] as never), /a curve of a list should be \{ name, y \}/],
    [() => plotCurves({ a: 3 as never }), /y of 'a' should be numbers in order, but is undefined/],
    [() => plotCurves({ a: ['1'] as never }), /y\[0\] of 'a' should be a number, but is 1/],
    [() => plotCurves({ a: { x: [1], y: [1, 2] } }), /'a' has 1 values in x, but 2 in y/],
    [() => plotCurves({ a: { y: [1], panels: 'b' } as never }), /'a': unknown option 'panels'; did you mean 'panel'/],
    [() => plotCurves({ a: [1] }, { titel: 'x' } as object), /unknown option 'titel'; did you mean 'title'/],
    [() => plotCurves({ a: [1] }, { yScale: 'ln' as never }), /yScale should be 'linear' or 'log', but is ln/],
    [() => plotCurves({ a: [1] }, { yScale: { loss: 'log' } }), /yScale: unknown option 'loss'/],
    [
      () => plotCurves({ a: [1] }, { theme: 'black' as never }),
      /theme should be 'auto' or 'light' or 'dark', but is black/,
    ],
    [() => plotCurves({ a: [1] }, { width: 10 }), /width should be from 200 to 20000 pixels, but is 10/],
    [
      () => plotCurves(Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`name ${i}`, [1]])), { height: 300 }),
      /leaves no room for the curves; at least \d+/,
    ],
    [() => plotCurves({ a: [-1, 0] }, { yScale: 'log' }), /has no value above 0, which a log scale needs/],
  ]
  for (const [call, message] of refused) assert.throws(call, { code: 'ERR_ARGUMENT', message })
  // the height that the message names is enough
  const many = Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`name ${i}`, [1]]))
  const needed = (() => {
    try {
      plotCurves(many, { height: 300 })
    } catch (error) {
      return Number(/at least (\d+)/.exec((error as Error).message)![1])
    }
    return assert.fail('it fits')
  })()
  plotCurves(many, { height: needed })
})
