/**
 * A vision-language model's config: which backbone, encoder and fusion, and the tokens around an image.
 *
 * Our own folders say model_type "casa_vlm" and hold text_config, vision_config, fusion_config and perhaps compressor_config. Qwen2.5-VL's folders are read
 * as they are published and are a token-insertion model; a plain language model's folder is a model without images.
 */
import { backboneFamilies, findBackboneFamily } from '@casa-js/backbones'
import { findFusionFamily, insertion, none } from '@casa-js/casa'
import { parseQFormerConfig, type QFormerConfig } from '@casa-js/casa/internal'
import { Fields, type BackboneFamily, type FusionFamily, type VisionEncoderFamily } from '@casa-js/core'
import { findVisionFamily } from '@casa-js/vision'
import { imageSettings } from './image-settings.ts'

export interface Chosen<F, C = unknown> {
  family: F
  config: C
}

export interface VlmConfig {
  /** config.json as it was read, for saving. */
  json: Record<string, unknown>
  backbone: Chosen<BackboneFamily>
  vision?: Chosen<VisionEncoderFamily>
  /** Between encoder and fusion: compresses an image of any size to a few tokens. */
  compressor?: QFormerConfig
  fusion: Chosen<FusionFamily>
  /** Generation stops at any of these. */
  eosTokenIds: number[]
}

export interface Families {
  backbones?: readonly BackboneFamily[]
  visionEncoders?: readonly VisionEncoderFamily[]
  fusions?: readonly FusionFamily[]
}

/** One id or a list of them, of the whole model or of its text model. */
function eosOf(json: Record<string, unknown>, f: Fields): number[] {
  const holder = json.eos_token_id === undefined || json.eos_token_id === null ? f.object('text_config', { optional: true }) : f
  const value = holder.raw('eos_token_id')
  if (value === undefined || typeof value === 'number') return value === undefined ? [] : [value]
  return holder.integers('eos_token_id')
}

/**
 * Reads a model folder's config.json: which families it is made of, and their parsed configs.
 * @param families the lists to choose from. Default: the library's own; pass others to use your own families.
 * @param processor the folder's processor config: its image limits and statistics apply if vision_config has none.
 * @throws ConfigError naming the file and the field.
 */
export function parseVlmConfig(json: unknown, families: Families = {}, processor?: unknown): VlmConfig {
  const backbones = families.backbones ?? backboneFamilies
  const f = new Fields(json, 'config.json')
  const raw = json as Record<string, unknown>
  const modelType = f.string('model_type')

  /** @param ownType the encoder's model_type if its config has none, as in published vision-language models. */
  const chooseVision = (ownType?: string) => {
    f.object('vision_config')
    const described = raw.vision_config as Record<string, unknown>
    const visionJson = {
      ...imageSettings(processor),
      vision_config: { ...described, model_type: described.model_type ?? ownType },
    }
    const family = findVisionFamily(visionJson, families.visionEncoders)
    return { family, config: family.parseConfig(visionJson) }
  }

  const eosTokenIds = eosOf(raw, f)
  if (modelType !== 'casa_vlm') {
    const family = findBackboneFamily(json, backbones)
    const backbone = { family, config: family.parseConfig(json) }
    if (!f.has('vision_config')) return { json: raw, backbone, fusion: { family: none, config: {} }, eosTokenIds }
    return { json: raw, backbone, vision: chooseVision(modelType), fusion: { family: insertion, config: {} }, eosTokenIds }
  }

  f.object('text_config')
  const family = findBackboneFamily(raw.text_config, backbones)
  const backbone = { family, config: family.parseConfig(raw.text_config) }
  f.object('fusion_config')
  const fusionFamily = findFusionFamily(raw.fusion_config, families.fusions)
  const fusion = { family: fusionFamily, config: fusionFamily.parseConfig(raw.fusion_config) }
  const vision = chooseVision()
  const width = f.object('vision_config').integer('out_hidden_size')
  const compressor = f.has('compressor_config') ? parseQFormerConfig(raw.compressor_config, width) : undefined
  return { json: raw, backbone, vision, ...(compressor && { compressor }), fusion, eosTokenIds }
}

/**
 * config.json of a new model: current defaults are written into its `fusion_config`, so that the folder records what the model was
 * trained with.
 */
export function withNewModelFields(json: Record<string, unknown>, families: Families = {}): Record<string, unknown> {
  if (json.model_type !== 'casa_vlm' || typeof json.fusion_config !== 'object') return json
  const { newModelFields = {} } = findFusionFamily(json.fusion_config, families.fusions)
  return { ...json, fusion_config: { ...newModelFields, ...json.fusion_config } }
}
