/**
 * The test suite of a vision encoder family: laws that every encoder must satisfy, on every device, with a small config;
 * and, with a golden folder, agreement with the original's numbers.
 */
import type { Params, Patches, VisionEncoder, VisionEncoderFamily } from '@casa-js/core'
import { dispose, keep, tensor, type Tensor } from '@casa-js/tensor'
import { fileSource, loadParams, openModelFolder, Safetensors } from '@casa-js/weights'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { expectNear, take } from './compare.ts'
import { expectFieldErrors } from './config-laws.ts'
import { describeOnDevices, type DeviceTolerances } from './devices.ts'
import { expectTable, lawsBut, type Skips } from './laws.ts'
import { randomParams } from './random-params.ts'
import {
  gradientsAreRight,
  imagesAreApart,
  leavesNothing,
  packingEqualsAlone,
  reachesAllTokens,
  refusesWhatIsNotItsOwn,
  shapesAreAnnounced,
} from './vision-laws.ts'
import { samplePatches } from './vision-samples.ts'

export interface VisionKitOptions {
  /**
   * Folder with config.json, model.safetensors and golden.safetensors: pixel_values [patches, values], image_grid_thw,
   * tap.vision.<block> and image_features. docs/goldens/make_models.py writes it.
   */
  golden?: string
  /** Other config.json files (in the golden folder) that must parse to the same config. */
  sameConfigs?: string[]
  /** A valid vision_config, for the laws of the parser. Default: the golden folder's. */
  config?: Record<string, unknown>
  /** Its required fields: leaving one out must throw an error that names it. */
  required?: string[]
  /** Laws that this family does not satisfy, and why. */
  skip?: Skips<VisionLaw>
}

export type VisionLaw =
  'config' | 'table' | 'shapes' | 'packing' | 'apart' | 'reach' | 'gradients' | 'memory' | 'refusals' | 'golden'

const requiredFields = ['hidden_size', 'depth', 'num_heads', 'patch_size', 'intermediate_size', 'out_hidden_size']

/** Await it at the top of a test file. */
export async function describeVisionEncoder(family: VisionEncoderFamily, options: VisionKitOptions = {}): Promise<void> {
  const { golden, sameConfigs = [], required = requiredFields } = options
  const law = lawsBut<VisionLaw>(options.skip)
  const read = (file: string) => JSON.parse(readFileSync(join(golden!, file), 'utf8'))
  const json = options.config ?? (golden && (read('config.json').vision_config as Record<string, unknown>))

  describe(`${family.modelType}: config and tensors`, () => {
    law('table', 'names every tensor once, with sizes above 0', () => {
      expectTable(family.tensors(family.tinyConfig()))
    })
    if (json) {
      law('config', 'says which field is wrong or missing, and where it stands', () => {
        expectFieldErrors((j) => family.parseConfig(j), json)
        const within = (j: unknown) => family.parseConfig({ vision_config: j })
        expect(within(json)).toEqual(family.parseConfig(json))
        for (const field of required) {
          expect(() => within({ ...json, [field]: undefined }), `without ${field}`).toThrow(`vision_config: ${field}`)
        }
      })
    }
    for (const file of sameConfigs) {
      law('config', `reads ${file} as the same config`, () =>
        expect(family.parseConfig(read(file))).toEqual(family.parseConfig(read('config.json'))),
      )
    }
  })

  await describeOnDevices(family.modelType, (device) => {
    const config = family.tinyConfig()
    let params: Params
    let encoder: VisionEncoder
    let images: Patches[]
    beforeAll(() => {
      params = randomParams(family.tensors(config))
      encoder = family.bind(config, params)
      images = samplePatches(family, config, encoder)
    })
    afterAll(() => dispose(...Object.values(params)))

    law('shapes', 'gives as many tokens, and the grid, that it declares', () => shapesAreAnnounced(encoder, images))
    law('packing', 'encodes packed images as it encodes each alone', () =>
      packingEqualsAlone(encoder, images, 4 * device.forward),
    )
    law('apart', 'lets no image see another', () => imagesAreApart(encoder, images))
    law('reach', 'lets every patch reach every token of its image', () => reachesAllTokens(encoder, images))
    law('gradients', 'has the gradients of all its weights', () => gradientsAreRight(family, config, images, device))
    law('memory', 'leaves no tensor behind', () => leavesNothing(encoder, images))
    law('refusals', 'refuses patches that are not its own, and names a weight that is missing', () =>
      refusesWhatIsNotItsOwn(family, config, params, images),
    )
    if (golden) law('golden', 'equals the original: taps and features', () => equalsGolden(family, golden, device))
  })
}

async function equalsGolden(family: VisionEncoderFamily, folder: string, { forward }: DeviceTolerances): Promise<void> {
  const opened = await openModelFolder(folder)
  const golden = await Safetensors.open(await fileSource(join(folder, 'golden.safetensors')))
  const config = family.parseConfig(opened.config)
  const params: Params = {}
  try {
    const table = family.tensors(config)
    const values = await loadParams(table, opened.weights, { allowUnexpected: true })
    for (const { name, shape } of table) params[name] = keep(tensor(values[name]!, shape))
    const encoder = family.bind(config, params)
    const images = await goldenPatches(golden)
    const taps = new Map<string, Tensor>()
    const features = encoder.encodeWithTaps
      ? encoder.encodeWithTaps(images, (name, value) => taps.set(name, keep(value.clone())))
      : encoder.encode(images)
    for (const [name, value] of taps) expectNear(name, await take(value), await golden.read(`tap.${name}`), forward)
    expectNear(
      'image features',
      await take(features),
      await golden.read('image_features'),
      forward,
      'the blocks agree, so the merger or the order of tokens',
    )
  } finally {
    dispose(...Object.values(params))
    await Promise.all([opened.weights.close(), golden.close()])
  }
}

/** The golden's images, as its processor packed them. */
async function goldenPatches(golden: Safetensors): Promise<Patches[]> {
  const values = await golden.read('pixel_values')
  const valuesPerPatch = golden.entries().get('pixel_values')!.shape[1]!
  const sizes = await golden.readInt32('image_grid_thw')
  let at = 0
  return Array.from({ length: sizes.length / 3 }, (_, i) => {
    const [rows, columns] = [...sizes.subarray(3 * i + 1, 3 * i + 3)] as [number, number]
    const begin = at
    at += rows * columns * valuesPerPatch
    return { values: values.subarray(begin, at), grid: { rows, columns }, valuesPerPatch }
  })
}
