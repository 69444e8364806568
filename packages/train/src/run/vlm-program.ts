/** A vision-language model on packed conversations, as a program to train. Runs on any platform. */
import type { Dataset, PackedBatch, Patches } from '@casa-js/core'
import type { FeatureCacheStats, Features } from '@casa-js/data'
import { createBatchStream, type BatchStream } from '@casa-js/data/packing'
import { tensor, type Tensor } from '@casa-js/tensor'
import { encodeChat } from '@casa-js/tokenizers'
import type { Vlm } from '@casa-js/vlm'
import type { DataFacts, Program } from '../program.ts'
import { evaluateVlm, type EvaluateSettings } from './evaluate.ts'
import { shardOf } from './shard.ts'

/** Gives the features of pictures in place of a frozen encoder. */
export interface FeatureSource {
  /** [tokens, D] of each picture. */
  of(pictures: readonly Patches[]): Promise<Features[]>
  stats(): FeatureCacheStats
}

/** A batch whose pictures may be encoded already. */
export interface VlmBatch extends PackedBatch {
  /** [tokens, D] of each picture, in the order of `patches`. */
  features?: Features[]
}

export interface VlmProgram extends Program<VlmBatch> {
  /** The model that trains, with its tokenizer and template. */
  readonly vlm: Vlm
}

export interface VlmProgramSettings {
  /** Budgets of one micro-batch, in tokens. */
  batch: { textTokens: number; imageTokens: number }
  /** Order of finite data. */
  seed: number
  /** Features of pictures, for an encoder that does not train. */
  features?: FeatureSource | undefined
  /** How held-out examples are answered; without it they are not. */
  evaluate?: Omit<EvaluateSettings, 'budgets'> | undefined
}

/**
 * The program of a loaded model: `loss` is the mean over answer tokens, in nats. The weights must be float32.
 *
 * @param warn is called for an example that is left out: too large for a batch, or broken
 */
export function createVlmProgram(
  vlm: Vlm,
  dataset: Dataset,
  heldOut: Dataset[],
  { batch, seed, features, evaluate }: VlmProgramSettings,
  warn: (message: string) => void,
): VlmProgram {
  const { model, tokenizer, template } = vlm
  return {
    vlm,
    params: model.params,
    data: factsOf(dataset),
    loss: (packed) => model.loss(packed, packed.features?.length ? { images: imageTokens(packed.features) } : {}),
    stream: (shard, shards) => {
      const stream = createBatchStream(shardOf(dataset, shard, shards), {
        model,
        encode: (messages) => encodeChat(messages, { tokenizer, template }),
        maxTextTokens: batch.textTokens,
        maxImageTokens: batch.imageTokens,
        seed,
        onSkip: (id, reason) => warn(`example ${id} is left out: ${reason}`),
      })
      return features ? withFeatures(stream, features) : stream
    },
    ...(features && { features: () => features.stats() }),
    ...(evaluate && {
      evaluate: (share, _, onAnswered) => evaluateVlm(vlm, heldOut, { ...evaluate, budgets: batch }, share, onAnswered),
    }),
  }
}

function withFeatures(stream: BatchStream, features: FeatureSource): BatchStream<VlmBatch> {
  return {
    ...stream,
    async next(step) {
      const taken = await stream.next(step)
      return { ...taken, batch: { ...taken.batch, features: await features.of(taken.batch.patches) } }
    },
  }
}

/** -> [tokens of all pictures, D] */
function imageTokens(features: readonly Features[]): Tensor {
  const rows = features.reduce((sum, { shape }) => sum + shape[0]!, 0)
  const width = features[0]!.shape[1]!
  const values = new Float32Array(rows * width)
  let at = 0
  for (const one of features) {
    values.set(one.values, at)
    at += one.values.length
  }
  return tensor(values, [rows, width])
}

function factsOf({ name, length, fingerprint }: Dataset): DataFacts {
  return { name, length: length === Infinity ? null : length, ...(fingerprint !== undefined && { fingerprint }) }
}
