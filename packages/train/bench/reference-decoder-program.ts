/** The reference decoder of packages/tensor/bench as a program: every micro-batch holds `samples` of its 8 samples of 128 tokens. */
import { linearCrossEntropy } from '@casa-js/tensor'
import type { Program } from '@casa-js/train'
import { decoderTokens, referenceShape } from '../../tensor/bench/decoder-shape.ts'
import { ReferenceDecoder } from '../../tensor/bench/reference-decoder.ts'

export function createProgram({ samples }: { samples: number }): Program<{ ids: Int32Array; targets: Int32Array }> {
  const shape = { ...referenceShape, batch: samples }
  const decoder = new ReferenceDecoder(shape)
  const batch = decoderTokens(shape)
  const weights = new Float32Array(batch.ids.length).fill(1)
  return {
    params: decoder.parameters,
    loss: ({ ids, targets }) => linearCrossEntropy(decoder.hidden(ids), decoder.parameters.embedding, targets, weights),
    stream: () => ({
      next: async () => ({ batch, examples: ['reference'], tokens: batch.ids.length, counted: batch.ids.length }),
      position: () => [],
      seek: () => {},
    }),
    close: async () => decoder.dispose(),
  }
}
