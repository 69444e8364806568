/**
 * Scores against the Python originals: lmms-eval 0.7.3 and anls_star 1.0.1 on 2,000 random pairs each (docs/goldens/make_metric_pairs.py). The CASA
 * authors' rules for the same benchmarks are tested by their vectors in metrics.test.ts and run.test.ts.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import {
  anls,
  anlsStar,
  looseMatchUntrimmed,
  multipleChoiceUntrimmed,
  ocrBenchFolded,
  parseYesNo,
  realWorldQa,
  relaxedAccuracy,
  vqaAccuracy,
} from './index.ts'

type Row = [prediction: string, ...rest: unknown[]]
const fixture = JSON.parse(
  gunzipSync(readFileSync(new URL('../fixtures/pairs.json.gz', import.meta.url))).toString('utf8'),
) as Record<string, Row[]>

const scores: Record<string, (prediction: string, reference: never, dataset: string) => number | string> = {
  relaxedAccuracy: relaxedAccuracy.score,
  anls: anls.score,
  anlsStar: anlsStar.score,
  vqaAccuracy: vqaAccuracy.score,
  ocrBenchFolded: (prediction, answer, dataset) => ocrBenchFolded.score(prediction, { answer, dataset, questionType: 'x' }),
  realWorldQa: realWorldQa.score,
  multipleChoiceUntrimmed: multipleChoiceUntrimmed.score,
  looseMatchUntrimmed: looseMatchUntrimmed.score,
  parseYesNo: (prediction) => parseYesNo(prediction),
}

test.each(Object.keys(scores))('%s scores 2,000 random pairs as the original does', (name) => {
  const rows = fixture[name]!
  expect(rows).toHaveLength(2000)
  const different = rows.filter(([prediction, ...rest]) => {
    const expected = rest.pop()
    const [reference, dataset] = rest as [never, string]
    const got = scores[name]!(prediction, reference, dataset)
    return typeof got === 'number' ? Math.abs(got - (expected as number)) > 1e-12 : got !== expected
  })
  expect(different).toEqual([])
})
