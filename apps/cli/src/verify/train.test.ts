/** The trainer's own updates against PyTorch's, step by step. */
import { close, init, type DeviceName } from '@casa-js/tensor'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { passed } from './compare.ts'
import { verifyTrain } from './train.ts'

afterAll(close)

it.each<DeviceName>(['cpu', 'wasm'])('24 AdamW steps of a CASA model follow the golden curve on %s', async (device) => {
  await init({ device })
  const checks = []
  for await (const check of verifyTrain(fileURLToPath(new URL('../../goldens/train', import.meta.url)))) checks.push(check)
  expect(checks.filter((check) => !passed(check))).toEqual([])
  expect(checks.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['factor', 'loss', 'gradient norm', 'casa.layers.3.q_proj.weight', 'model.norm.weight']),
  )
})
