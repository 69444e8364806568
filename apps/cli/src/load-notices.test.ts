import { expect, it } from 'vitest'
import { loadNotices } from './load-notices.ts'

it('says what is fetched again, and once for each format what was rounded', () => {
  const lines: string[] = []
  const { onRetry, onRounded, summary } = loadNotices((line) => lines.push(line))
  summary()
  expect(lines).toEqual([])
  onRetry({ file: 'model.safetensors', reason: 'the connection broke', attempts: 1, retryAfterMs: 0 })
  onRounded({ tensor: 'a', from: 'Q5_K', relativeError: 0.002 })
  onRounded({ tensor: 'b', from: 'Q5_K', relativeError: 0.0041 })
  onRounded({ tensor: 'c', from: 'Q5_1', relativeError: 0.003 })
  summary()
  expect(lines).toEqual([
    'model.safetensors: the connection broke; trying again (attempt 2)',
    '2 matrices of Q5_K rounded to 8 bits, for which there are kernels here (RMS error at most 0.41 %)',
    '1 matrix of Q5_1 rounded to 8 bits, for which there are kernels here (RMS error at most 0.30 %)',
  ])
})
