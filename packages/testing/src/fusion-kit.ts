/** The test suite of a fusion: laws that every fusion must satisfy, with a tiny backbone, on every device. */
import type { FusionFamily } from '@casa-js/core'
import { dispose } from '@casa-js/tensor'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { expectFieldErrors } from './config-laws.ts'
import { describeOnDevices } from './devices.ts'
import { expectTable, lawsBut, type Skips } from './laws.ts'
import {
  cuttingChangesNothing,
  gradientsReach,
  imagesMatter,
  laterTextIsUnseen,
  leavesNothingBehind,
  withoutImages,
  type BoundFusion,
} from './fusion-laws.ts'
import { randomParams } from './random-params.ts'
import { cachedEqualsWhole, failureChangesNothing, statesStayFlat, survivesRestart, truncates } from './sequence-laws.ts'
import { createTinyBackbone } from './tiny-backbone.ts'

export interface FusionCase {
  /** The fusion's part of config.json. */
  config: Record<string, unknown>
  /** Logits of a prompt without images: the backbone's own, or others. */
  withoutImages: 'the backbone' | 'its own'
  /** The fusion adds no weights. */
  addsNothing?: boolean
}

export interface FusionKitOptions {
  /** Keys are used in test titles. */
  cases: Record<string, FusionCase>
  /** Laws that this fusion does not satisfy, and why. */
  skip?: Skips<FusionLaw>
}

export type FusionLaw =
  | 'config'
  | 'table'
  | 'without images'
  | 'images'
  | 'packing'
  | 'causal'
  | 'gradients'
  | 'memory'
  | 'decoding'
  | 'failure'
  | 'truncating'
  | 'state'
  | 'restart'

/** Await it at the top of a test file. */
export async function describeFusion(family: FusionFamily, { cases, skip }: FusionKitOptions): Promise<void> {
  const law = lawsBut<FusionLaw>(skip)

  describe(`${family.kind}: config`, () => {
    for (const [name, { config }] of Object.entries(cases)) {
      law('config', `${name}: says which field is wrong`, () => expectFieldErrors((json) => family.parseConfig(json), config))
    }
  })

  await describeOnDevices(family.kind, (device) => {
    for (const [name, { config: json, addsNothing = false, withoutImages: expected }] of Object.entries(cases)) {
      for (const positionRows of [1, 3] as const) {
        describe(`${name}, ${positionRows === 1 ? 'one position per token' : 'three'}`, () => {
          let fusion: BoundFusion
          let free: () => void
          beforeAll(() => {
            const tiny = createTinyBackbone({ positionRows })
            const config = family.parseConfig(json)
            const params = randomParams(family.tensors(config, tiny.backbone), 5)
            fusion = { family, config, params, backbone: tiny.backbone }
            free = () => {
              tiny.dispose()
              dispose(...Object.values(params))
            }
          })
          afterAll(() => free())

          law('table', 'names every weight once, with sizes above 0', () => {
            const table = family.tensors(fusion.config, fusion.backbone)
            expectTable(table)
            expect(table.length === 0, 'adds no weights').toBe(addsNothing)
          })
          law(
            'without images',
            `gives ${expected === 'the backbone' ? "the backbone's own logits" : 'logits of its own'} where there is no image`,
            () => withoutImages(fusion, expected, device.forward),
          )
          law('images', 'lets text see images before it, and none after it', () => imagesMatter(fusion, device.forward))
          law('packing', 'keeps packed samples apart', () => cuttingChangesNothing(fusion, 4 * device.forward))
          law('causal', 'sees no later text', () => laterTextIsUnseen(fusion, device.forward))
          law('gradients', 'has correct gradients of its weights and of the images', () => gradientsReach(fusion, device))
          law('memory', 'leaves no tensor behind', () => leavesNothingBehind(fusion))
          law('decoding', 'decodes with a cache as in one pass, wherever the sequence is split', () =>
            cachedEqualsWhole(fusion, 4 * device.forward),
          )
          law('failure', 'is unchanged after a pass that fails or is refused', () =>
            failureChangesNothing(fusion, 4 * device.forward),
          )
          law('truncating', 'drops its images when text is truncated, or refuses to truncate', () =>
            truncates(fusion, 4 * device.forward),
          )
          law('restart', 'continues from the saved state of another sequence', () => survivesRestart(fusion, 4 * device.forward))
          law('state', 'does not hold more tensors after more images', () => statesStayFlat(fusion))
        })
      }
    }
  })
}
