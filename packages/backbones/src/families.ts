/** The list of families. To add one, add a line here. */
import { ConfigError } from '@casa-js/base'
import { Fields } from '@casa-js/base'
import type { BackboneFamily } from '@casa-js/core'
import type { DecoderConfig } from './decoder/index.ts'
import { helium } from './helium.ts'
import { llama } from './llama.ts'
import { mistral } from './mistral.ts'
import { qwen2 } from './qwen2.ts'
import { qwen2_5_vl } from './qwen2_5_vl.ts'
import { smollm3 } from './smollm3.ts'

/** The families that `loadVlm` knows by default. */
export const backboneFamilies: readonly BackboneFamily<DecoderConfig>[] = [llama, helium, mistral, qwen2, qwen2_5_vl, smollm3]

/** Other names of the same text model in newer configs. */
const synonyms: Record<string, string> = { qwen2_5_vl_text: 'qwen2_5_vl' }

/**
 * The family of a config.json.
 * @throws ConfigError naming `model_type` and the families that exist.
 */
export function findBackboneFamily<F extends BackboneFamily>(
  json: unknown,
  families: readonly F[] = backboneFamilies as readonly F[],
): F {
  const modelType = new Fields(json, 'config.json').string('model_type')
  const family = families.find((f) => f.modelType === (synonyms[modelType] ?? modelType))
  if (!family) {
    throw new ConfigError(
      'config.json: model_type',
      `expected one of ${families.map((f) => f.modelType).join(', ')}, found "${modelType}"`,
    )
  }
  return family
}
