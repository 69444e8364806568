/**
 * Names of tensors in GGUF files of Llama-like models, and in our tensor tables. Source: TENSOR_MODELS and the conversion
 * scripts of llama.cpp.
 */

/** GGUF architectures (general.architecture) by model_type of config.json. */
export const modelTypes: Record<string, string> = { llama: 'llama', qwen2: 'qwen2', qwen2vl: 'qwen2_5_vl_text' }

/**
 * Architectures whose queries and keys are stored with the pairs of a rotation side by side, as Meta's code has them; config.json's
 * models have the two halves of a head one after the other.
 */
export const interleavedPairs: ReadonlySet<string> = new Set(['llama'])

const whole: [gguf: string, ours: string][] = [
  ['token_embd', 'model.embed_tokens'],
  ['output_norm', 'model.norm'],
  ['output', 'lm_head'],
]

const perLayer: [gguf: string, ours: string][] = [
  ['attn_norm', 'input_layernorm'],
  ['attn_q', 'self_attn.q_proj'],
  ['attn_k', 'self_attn.k_proj'],
  ['attn_v', 'self_attn.v_proj'],
  ['attn_output', 'self_attn.o_proj'],
  ['ffn_norm', 'post_attention_layernorm'],
  ['ffn_gate', 'mlp.gate_proj'],
  ['ffn_up', 'mlp.up_proj'],
  ['ffn_down', 'mlp.down_proj'],
]

/** A tensor's name in our tables; an unknown one keeps its own name, so that strict loading lists it. */
export function nameOf(gguf: string): string {
  const layer = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(gguf)
  const found = layer && perLayer.find(([name]) => name === layer[2])
  if (layer && found) return `model.layers.${layer[1]}.${found[1]}.${layer[3]}`
  const top = /^(\w+)\.(weight|bias)$/.exec(gguf)
  const same = top && whole.find(([name]) => name === top[1])
  return top && same ? `${same[1]}.${top[2]}` : gguf
}

/** The name in a GGUF file of one of our tensors; undefined when the format has none. */
export function ggufNameOf(name: string): string | undefined {
  const layer = /^model\.layers\.(\d+)\.([\w.]+)\.(weight|bias)$/.exec(name)
  const found = layer && perLayer.find(([, ours]) => ours === layer[2])
  if (layer && found) return `blk.${layer[1]}.${found[0]}.${layer[3]}`
  const top = /^([\w.]+)\.(weight|bias)$/.exec(name)
  const same = top && whole.find(([, ours]) => ours === top[1])
  return top && same ? `${same[0]}.${top[2]}` : undefined
}

/** Whether a tensor of ours is one whose rows are pairs of a rotation: 'q' or 'k'. */
export function rotatedRows(name: string): 'q' | 'k' | undefined {
  return /\.self_attn\.([qk])_proj\.(weight|bias)$/.exec(name)?.[1] as 'q' | 'k' | undefined
}

/**
 * For each row of ours, the row of the file: (head, half, pair) lies at (head, pair, half).
 * @param rows of all heads together
 * @param heads they are divided among
 */
export function pairedRows(rows: number, heads: number): Int32Array {
  const headSize = rows / heads
  const half = headSize / 2
  return Int32Array.from({ length: rows }, (_, row) => {
    const [head, inHead] = [Math.floor(row / headSize), row % headSize]
    return head * headSize + (inHead % half) * 2 + Math.floor(inHead / half)
  })
}
