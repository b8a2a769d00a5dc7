import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as torch from 'libtorch-node'

/** A stream that keeps what is written; with `columns` it passes for a terminal. */
function recorder(columns?: number): { stream: NodeJS.WriteStream; text: () => string } {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  if (columns) Object.assign(stream, { isTTY: true, columns })
  return { stream: stream as NodeJS.WriteStream, text: () => text }
}

// this may run in CI itself
const { CI } = process.env
before(() => {
  delete process.env.CI
})
after(() => {
  if (CI !== undefined) process.env.CI = CI
})

test('without a terminal a loop ends with one plain line: what, how many, rate, time, postfix', () => {
  const { stream, text } = recorder()
  const bar = torch.utils.progress([1, 2, 3], { desc: 'epoch 1', stream })
  const seen: number[] = []
  for (const item of bar) {
    seen.push(item)
    bar.setPostfix({ loss: 0.123456, step: item, phase: 'warm-up' })
  }
  assert.deepEqual(seen, [1, 2, 3])
  assert.match(text(), /^epoch 1 3\/3, \d+\.\d it\/s, 00:00, loss=0\.1235, step=3, phase=warm-up\n$/)
})

test('on a terminal a synchronous loop redraws its bar as it goes', () => {
  const { stream, text } = recorder(120)
  const bar = torch.utils.progress([...Array(40).keys()], { desc: 'epoch 2', stream })
  for (const item of bar) {
    bar.setPostfix({ item })
    const until = performance.now() + 20
    while (performance.now() < until); // no event loop runs here
  }
  const drawings = text()
    .split('\r')
    .join('')
    .split('\u001b[1G')
    .filter((part) => part.includes('epoch 2'))
  assert.ok(drawings.length >= 4, `drawn ${drawings.length} times`)
  assert.match(drawings[0]!, / 0% ░{24} 0\/40/)
  assert.ok(
    drawings.some((drawing) => /ETA 00:0\d/.test(drawing)),
    'an estimate of the time left',
  )
  assert.match(drawings.at(-1)!, / 100% █{24} 40\/40, .*item=39/)
})

test('a bar is cut to the width of the terminal, and leaves cursor and line wrapping alone', () => {
  const { stream, text } = recorder(40)
  for (const _ of torch.utils.progress([1], {
    desc: 'a description that is longer than the terminal is wide',
    stream,
  }));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are steered by them
  const plain = text().replace(/\u001b\[\d*[A-Za-z]/g, '\n')
  assert.ok(plain.split('\n').every((line) => line.length < 40))
  assert.ok(!text().includes('\u001b[?7l'), 'wrapping stays on')
  assert.ok(!text().includes('\u001b[?25l'), 'the cursor stays visible')
})

test('an asynchronous iterable without a length is counted', async () => {
  const { stream, text } = recorder()
  async function* rounds() {
    for (let i = 0; i < 3; i++) {
      await sleep(1)
      yield i
    }
  }
  const seen: number[] = []
  for await (const i of torch.utils.progress(rounds(), { stream })) seen.push(i)
  assert.deepEqual(seen, [0, 1, 2])
  assert.match(text(), /^3, \d+\.\d it\/s, 00:00\n$/)
})

test('leaving the loop early, or by an error, ends the bar and the source', () => {
  const { stream, text } = recorder(100)
  let closed = false
  function* source() {
    try {
      yield* [1, 2, 3]
    } finally {
      closed = true
    }
  }
  assert.throws(() => {
    for (const _ of torch.utils.progress(source(), { total: 3, stream })) throw new Error('mine')
  }, /mine/)
  assert.ok(closed)
  assert.ok(text().endsWith('\n'))
})

test('a total below 0 is refused', () => {
  assert.throws(() => torch.utils.progress([], { total: -1 }), { code: 'ERR_ARGUMENT' })
})

test('in CI there are lines, also where it has a terminal', (t) => {
  process.env.CI = 'true'
  t.after(() => {
    delete process.env.CI
  })
  const { stream, text } = recorder(100)
  for (const _ of torch.utils.progress([1, 2], { stream }));
  assert.match(text(), /^2\/2, \d+\.\d it\/s, 00:00\n$/)
})

test('what cannot be looped over, and an unknown option, are refused', () => {
  assert.throws(() => torch.utils.progress(10 as never), {
    code: 'ERR_ARGUMENT',
    message: /received 10; for so many rounds/,
  })
  assert.throws(() => torch.utils.progress(null as never), { code: 'ERR_ARGUMENT', message: /something to loop over/ })
  assert.throws(() => torch.utils.progress([], { descr: 'x' } as object), {
    code: 'ERR_ARGUMENT',
    message: /did you mean 'desc'/,
  })
})
