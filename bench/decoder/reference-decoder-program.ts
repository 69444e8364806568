/** The reference decoder of packages/tensor/bench as a program: its batch of 8 samples of 128 tokens, cut into shards. */
import { linearCrossEntropy } from '@casa-js/tensor'
import type { Program } from '@casa-js/train'
import { decoderTokens, referenceShape } from './decoder-shape.ts'
import { ReferenceDecoder } from './reference-decoder.ts'

/** ids and targets [T]. */
type Batch = ReturnType<typeof decoderTokens>

export function createProgram({ shards }: { shards: number }): Program<Batch> {
  const shape = { ...referenceShape, batch: referenceShape.batch / shards }
  const decoder = new ReferenceDecoder(shape)
  const { ids, targets } = decoderTokens(referenceShape)
  const length = ids.length / shards
  const weights = new Float32Array(length).fill(1)
  return {
    params: decoder.parameters,
    loss: ({ ids, targets }) => linearCrossEntropy(decoder.hidden(ids), decoder.parameters.embedding!, targets, weights),
    stream: (shard) => {
      const own = (all: Int32Array) => all.subarray(shard * length, (shard + 1) * length)
      const batch = { ids: own(ids), targets: own(targets) }
      const next = async () => ({ batch, examples: ['reference'], tokens: length, counted: length })
      return { next, position: () => [], seek: () => {} }
    },
    close: async () => decoder.dispose(),
  }
}
