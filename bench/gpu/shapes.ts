/** Shapes of real models that the bench of products takes. */

/** Rows, inputs, outputs: SmolLM2-135M's and Llama-3.2-1B's FFN on 512 tokens, Qwen2.5-VL's encoder on a frame of 896 px, and a square. */
export const products: readonly (readonly [rows: number, inputs: number, outputs: number])[] = [
  [512, 576, 1536],
  [512, 2048, 8192],
  [4096, 1280, 3456],
  [4096, 4096, 4096],
]

export interface AttentionSize {
  queries: number
  keys: number
  heads: number
  kvHeads: number
  headSize: number
}

/** A prompt of Llama-3.2-1B, an encoder's whole frame, and a token of Helium-1-2b after 4,096. */
export const attentions: readonly AttentionSize[] = [
  { queries: 512, keys: 512, heads: 32, kvHeads: 8, headSize: 64 },
  { queries: 4096, keys: 4096, heads: 16, kvHeads: 16, headSize: 80 },
  { queries: 1, keys: 4096, heads: 16, kvHeads: 8, headSize: 128 },
]

export const nameOfAttention = ({ queries, keys, heads, kvHeads, headSize }: AttentionSize): string =>
  `${queries} over ${keys}, ${heads}/${kvHeads} heads of ${headSize}`
