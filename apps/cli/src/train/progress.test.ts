import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { duration } from '../terminal/text.ts'
import { createTrainingProgress, describeEvaluation } from './progress.ts'

const step = (n: number) => ({
  kind: 'step' as const,
  step: n,
  loss: 1.23456,
  gradientNorm: 1,
  learningRate: 1,
  tokensPerSecond: 512.3,
  examplesPerSecond: 7.77,
  etaMs: 65_000,
})

/** A stream that keeps what is written; with `isTTY` it acts as a terminal. */
function keeping(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns: 120,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  })
  let text = ''
  stream.on('data', (chunk) => (text += chunk))
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text }
}

it('writes plain lines where there is no terminal: the first and the last update, and few between', () => {
  const { stream, text } = keeping(false)
  const progress = createTrainingProgress(100, 0, stream)
  for (let n = 0; n < 100; n++) progress.step(step(n))
  progress.note('a note')
  progress.stop()
  expect(text().trim().split('\n')).toEqual([
    'step 1/100  1 min 5 s left  loss 1.2346  7.8 examples/s  512 tokens/s',
    'step 100/100  1 min 5 s left  loss 1.2346  7.8 examples/s  512 tokens/s',
    'a note',
  ])
})

it('draws a bar on a terminal, and notes stand above it', () => {
  const { stream, text } = keeping(true)
  const progress = createTrainingProgress(10, 4, stream)
  progress.step(step(4))
  progress.note('held out: 50 %')
  progress.stop()
  expect(text()).toContain('step 5/10')
  expect(text()).toContain('loss 1.2346')
  expect(text()).toContain('held out: 50 %\n')
})

it('says how far an evaluation is, on a terminal and elsewhere', () => {
  for (const isTTY of [true, false]) {
    const { stream, text } = keeping(isTTY)
    const progress = createTrainingProgress(10, 0, stream)
    progress.evaluating({ kind: 'evaluating', step: 5, answered: 12, total: 60 })
    progress.note('')
    progress.stop()
    expect(text()).toContain('held-out examples: 12/60 answered')
  }
})

it('says durations as people do', () => {
  expect([400, 59_400, 61_000, 3_723_000].map(duration)).toEqual(['0 s', '59 s', '1 min 1 s', '1 h 2 min'])
})

it('says an evaluation in one line', () => {
  const accuracy = { word: { correct: 3, total: 4 }, line: { correct: 0, total: 4 } }
  expect(describeEvaluation({ kind: 'evaluation', step: 7, loss: 0.5, accuracy, examples: [] })).toBe(
    'held out after 7 steps: loss 0.5000  word 3/4  line 0/4',
  )
})
