/** `casa eval` on held-out scenes: the captions and the score of the recipe's own watching. */
import { fileURLToPath } from 'node:url'
import { formatSummary, runEval, vlmAnswers } from '@casa-js/eval'
import { close, init } from '@casa-js/tensor'
import { loadVlm } from '@casa-js/vlm'
import { expect, it } from 'vitest'
import createLiveTask, { eventF1 } from './evaluation.ts'
import { loadLiveMaterial } from './material.ts'
import { formatScore } from './score.ts'
import { createPainter } from './stage.ts'
import { watchScenes, type Watched } from './watch.ts'

it('the shipped model says and scores the same as when it watches a scene frame by frame', async () => {
  await init({ device: 'wasm' })
  const vlm = await loadVlm(fileURLToPath(new URL('../model', import.meta.url)), { weights: 'float32' })
  const { records, summary } = await runEval(vlmAnswers(vlm, { name: 'live' }), [createLiveTask({ count: 1, seed: 1 })])
  const material = loadLiveMaterial('heldOut')
  const scenes: Watched[][] = []
  for await (const scene of watchScenes(vlm, material, createPainter(material), { events: 1, frames: 40 })) scenes.push(scene)
  vlm.dispose()
  await close()
  expect(records[0]!.prediction.split('\n')).toEqual(scenes[0]!.map(({ said }) => said))
  expect(records[0]!.reference).toEqual(scenes[0]!.map(({ right }) => right))
  expect(formatSummary(summary)).toContain(formatScore(scenes))
  expect(records[0]!.score).toBeGreaterThan(0.3)
})

it('a scene in which nothing happens and nothing is said is fully right', () => {
  expect(eventF1.score('\n', [[], []])).toBe(1)
  expect(eventF1.score('A fox appears.\n', [[], []])).toBe(0)
  expect(eventF1.score('\nA fox appears.', [['A fox appears.'], []])).toBe(1)
})
