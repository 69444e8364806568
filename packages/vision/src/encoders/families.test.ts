import { expect, test } from 'vitest'
import { findVisionFamily, visionFamilies } from './families.ts'

test('families are found by model_type, in either layout', () => {
  for (const family of visionFamilies) {
    expect(findVisionFamily({ model_type: family.modelType })).toBe(family)
    expect(findVisionFamily({ model_type: 'llava', vision_config: { model_type: family.modelType } })).toBe(family)
  }
  expect(findVisionFamily({ vision_config: { model_type: 'qwen2_5_vl_vision' } }).modelType).toBe('qwen2_5_vl')
})

test('an unknown family is named, with the families that exist', () => {
  expect(() => findVisionFamily({ vision_config: { model_type: 'clip' } })).toThrow(
    'config.json: vision_config: model_type: expected one of qwen2_5_vl, casa_vit, found "clip"',
  )
  expect(() => findVisionFamily({})).toThrow('config.json: model_type: expected a string, found nothing')
})
