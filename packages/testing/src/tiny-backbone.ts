/** A backbone for tests of fusions: two blocks of the common decoder with random weights, and no family around it. */
import { bindDecoder, decoderTensors, llamaNames, type Backbone, type DecoderConfig } from '@casa-js/core'
import { dispose } from '@casa-js/tensor'
import { randomParams } from './random-params.ts'

export interface TinyBackbone {
  backbone: Backbone
  dispose(): void
}

/** @param positionRows 3 for multi-section rotary, where an image needs its grid. */
export function createTinyBackbone({
  positionRows = 1,
  layers = 2,
}: { positionRows?: 1 | 3; layers?: number } = {}): TinyBackbone {
  const config: DecoderConfig = {
    modelType: 'tiny',
    layers,
    width: 24,
    intermediateSize: 40,
    heads: 4,
    kvHeads: 2,
    headSize: 8,
    vocabSize: 31,
    normEps: 1e-6,
    ropeTheta: 10_000,
    ropeLayout: 'half',
    ...(positionRows === 3 && { ropeSections: [2, 1, 1] }),
    biases: { qkv: true, output: false, feedForward: false },
    tiedEmbeddings: false,
    maxPositions: 64,
  }
  const params = randomParams(decoderTensors(config, llamaNames))
  return { backbone: bindDecoder(config, llamaNames, params), dispose: () => dispose(...Object.values(params)) }
}
