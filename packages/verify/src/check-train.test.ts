/** The trainer's own updates against PyTorch's, step by step. */
import { close, init, type DeviceName } from '@casa-js/tensor'
import { afterAll, expect, it } from 'vitest'
import { verifyTrain } from './check-train.ts'
import { passed } from './compare.ts'
import { goldensIn, shippedGoldens } from './node.ts'
import { filesIn } from './tree.ts'

afterAll(close)

it.each<DeviceName>(['cpu', 'wasm'])('24 AdamW steps of a CASA model follow the golden curve on %s', async (device) => {
  await init({ device })
  const checks = []
  for await (const check of verifyTrain(filesIn(goldensIn(shippedGoldens), 'train'))) checks.push(check)
  expect(checks.filter((check) => !passed(check))).toEqual([])
  expect(checks.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['factor', 'loss', 'gradient norm', 'casa.layers.3.q_proj.weight', 'model.norm.weight']),
  )
})
