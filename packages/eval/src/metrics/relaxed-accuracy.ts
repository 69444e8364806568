/**
 * ChartQA's relaxed accuracy (Masry et al. 2022, arXiv 2203.10244): numbers may be 5 % off, texts must be equal.
 */
import { defineMetric } from './metric.ts'
import { parseFloatAsPython } from './python.ts'

export const relaxedAccuracy = defineMetric<string>({
  name: 'relaxed accuracy',
  score(prediction, reference) {
    const said = parseNumber(prediction)
    const target = parseNumber(reference)
    if (said === undefined || target === undefined || target === 0)
      return Number(prediction.toLowerCase() === reference.toLowerCase())
    return Number(Math.abs(said - target) / Math.abs(target) <= 0.05)
  },
})

/** A run of "%" at the end divides by 100, once. */
function parseNumber(text: string): number | undefined {
  if (!text.endsWith('%')) return parseFloatAsPython(text)
  const value = parseFloatAsPython(text.replace(/%+$/, ''))
  return value === undefined ? undefined : value / 100
}
