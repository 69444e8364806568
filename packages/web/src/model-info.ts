/** Describes a loaded model: names, families, sizes and device. */
import { memory, shapeOf, type DeviceReport } from '@casa-js/tensor'
import type { Vlm } from '@casa-js/vlm'
import type { ModelInfo } from './protocol.ts'

/** @returns name, families, sizes and device of a loaded model */
export function describeModel({ model }: Vlm, about: { name: string; device: DeviceReport; loadMs: number }): ModelInfo {
  const { backbone, vision, fusion } = model.config
  const parameters = Object.values(model.params).reduce(
    (sum, weight) => sum + shapeOf(weight).reduce((product, size) => product * size, 1),
    0,
  )
  return {
    ...about,
    languageModel: backbone.family.modelType,
    fusion: fusion.family.kind,
    visionEncoder: vision?.family.modelType,
    parameters,
    weightBytes: memory().bytes,
    vocabulary: model.backbone.vocabSize,
  }
}
