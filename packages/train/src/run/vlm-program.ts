/** A vision-language model on packed conversations, as a program to train. Runs on any platform. */
import type { Dataset, PackedBatch } from '@casa-js/core'
import { createBatchStream } from '@casa-js/data/packing'
import { encodeChat } from '@casa-js/tokenizers'
import type { Vlm } from '@casa-js/vlm'
import type { DataFacts, Program } from '../program.ts'
import { evaluateVlm, type EvaluateSettings } from './evaluate.ts'
import { shardOf } from './shard.ts'

export interface VlmProgram extends Program<PackedBatch> {
  /** The model that trains, with its tokenizer and template. */
  readonly vlm: Vlm
}

export interface VlmProgramSettings {
  /** Budgets of one micro-batch, in tokens. */
  batch: { textTokens: number; imageTokens: number }
  /** Order of finite data. */
  seed: number
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
  { batch, seed, evaluate }: VlmProgramSettings,
  warn: (message: string) => void,
): VlmProgram {
  const { model, tokenizer, template } = vlm
  return {
    vlm,
    params: model.params,
    data: factsOf(dataset),
    loss: (packed) => model.loss(packed),
    stream: (shard, shards) =>
      createBatchStream(shardOf(dataset, shard, shards), {
        model,
        encode: (messages) => encodeChat(messages, { tokenizer, template }),
        maxTextTokens: batch.textTokens,
        maxImageTokens: batch.imageTokens,
        seed,
        onSkip: (id, reason) => warn(`example ${id} is left out: ${reason}`),
      }),
    ...(evaluate && {
      evaluate: (share, _, onAnswered) => evaluateVlm(vlm, heldOut, { ...evaluate, budgets: batch }, share, onAnswered),
    }),
  }
}

function factsOf({ name, length, fingerprint }: Dataset): DataFacts {
  return { name, length: length === Infinity ? null : length, ...(fingerprint !== undefined && { fingerprint }) }
}
