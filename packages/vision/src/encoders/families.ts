/** The list of encoders. To add one, add a line here. */
import { ConfigError } from '@casa-js/base'
import { type VisionEncoderFamily } from '@casa-js/core'
import { casa_vit } from './casa_vit.ts'
import { visionFields } from './processor.ts'
import { qwen2_5_vl } from './qwen2_5_vl.ts'

export const visionFamilies: readonly VisionEncoderFamily[] = [qwen2_5_vl, casa_vit]

/** Names of the same encoder in newer configs. */
const synonyms: Record<string, string> = { qwen2_5_vl_vision: 'qwen2_5_vl' }

/**
 * The family of a vision_config, or of a config.json that has one.
 * @throws ConfigError naming `model_type` and the available families.
 */
export function findVisionFamily(json: unknown, families: readonly VisionEncoderFamily[] = visionFamilies): VisionEncoderFamily {
  const f = visionFields(json)
  const modelType = f.string('model_type')
  const family = families.find((known) => known.modelType === (synonyms[modelType] ?? modelType))
  if (!family)
    throw new ConfigError(
      f.at('model_type'),
      `expected one of ${families.map((known) => known.modelType).join(', ')}, found "${modelType}"`,
    )
  return family
}
