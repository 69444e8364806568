/** The page of the GPU bench says what its JSON holds. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { docs } from '../processes.ts'
import { gpuPage, type GpuResults } from './page.ts'

const results = JSON.parse(readFileSync(`${docs}gpu.json`, 'utf8')) as GpuResults

it('the page was written from the JSON beside it', () => {
  expect(readFileSync(`${docs}gpu.md`, 'utf8')).toBe(gpuPage(results))
})

it('without PyTorch its columns are empty', () => {
  const { pytorch: _, ...ours } = results
  const page = gpuPage(ours)
  expect(page).not.toContain('on the same kind of card')
  expect(page).toMatch(/^\| smollm2-135m \| bf16 \| 0\.109 \| 2\.36 \|  \|  \|  \| 19\.9 \|  \|$/m)
})
