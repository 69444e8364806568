/** The report's page, from rows alone. */
import { parseRun, type EvaluationEvent } from '@casa-js/train'
import { describe, expect, it } from 'vitest'
import { trainingReport, type ReportContent } from './report.ts'

const run = parseRun(
  { model: { folder: 'model' }, data: { jsonl: 'rows.jsonl' }, batch: { textTokens: 8, imageTokens: 8 }, steps: 100 },
  'run.json',
)
const rows: ReportContent['rows'] = Array.from({ length: 50 }, (_, step) => ({
  kind: 'step',
  step,
  loss: 3 / (step + 1),
  gradientNorm: 1,
  learningRate: 1e-3,
  tokensPerSecond: 1234,
  examplesPerSecond: 5.6,
}))
const evaluation: EvaluationEvent = {
  kind: 'evaluation',
  step: 50,
  loss: 0.25,
  accuracy: { word: { correct: 3, total: 4 }, emoji: { correct: 0, total: 4 } },
  examples: [
    {
      id: 'a',
      task: 'word',
      correct: true,
      question: 'What <b>does</b> it say?',
      expected: 'cat',
      predicted: 'cat',
      pictures: [Uint8Array.of(1, 2, 3)],
    },
    { id: 'b', task: 'emoji', correct: false, question: 'Which?', expected: 'dog', predicted: '', pictures: [Uint8Array.of(4)] },
    { id: 'c', task: 'emoji', correct: false, question: 'not shown', expected: 'x', predicted: 'y' },
  ],
}

describe('trainingReport', () => {
  const page = trainingReport({
    out: 'runs/try',
    run,
    rows: [...rows, { kind: 'evaluation', step: 50, loss: 0.25, accuracy: evaluation.accuracy }],
    evaluation,
  })
  it('shows curves, scores, predictions beside their pictures, config and machine', () => {
    expect(page.match(/<svg /g)).toHaveLength(4)
    expect(page).toContain('<dt>steps</dt><dd>50 of 100</dd>')
    expect(page).toContain('<dt>exact match</dt><dd>37.5 %</dd>')
    expect(page).toContain('<td>word</td><td>3 / 4</td><td>75.0 %</td>')
    expect(page).toContain('src="data:image/png;base64,AQID"')
    expect(page).toContain('expected <b>dog</b>')
    expect(page.indexOf('class="wrong"')).toBeLessThan(page.indexOf('class="right"'))
    expect(page).toContain('(nothing)')
    expect(page).not.toContain('not shown')
    expect(page).toContain('&#34;textTokens&#34;: 8')
    expect(page).toContain(`Node ${process.version}`)
  })
  it('takes text from data as text, and loads nothing from elsewhere', () => {
    expect(page).toContain('What &#60;b&#62;does&#60;/b&#62; it say?')
    expect(page).not.toMatch(/<script|<link|src="http|url\(/)
  })
  it('is a page before the first evaluation, and before the first step', () => {
    expect(trainingReport({ out: 'x', run, rows })).toContain('No evaluation yet.')
    expect(trainingReport({ out: 'x', run, rows: [] })).toContain('0 of 100')
  })
})
