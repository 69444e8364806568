/**
 * What a decoded token must read and compute at the least, from the model's own shapes, and how long devices need for it: the larger of
 * bytes over their memory bandwidth and operations over their peak (Williams et al., Roofline, 2009).
 */
import type { TensorTable } from '@casa-js/core'

export const formats = {
  float32: { bits: 32 },
  bf16: { bits: 16 },
  /** One 16-bit scale per 32 values. */
  int8: { bits: 8.5 },
  int4: { bits: 4.5 },
} as const
export type Format = keyof typeof formats

export interface TokenWork {
  /** Matrices, each read once. */
  weightBytes: number
  /** Keys and values of the context. */
  cacheBytes: number
  /** Multiplications and additions. */
  operations: number
}

interface Attention {
  layers: number
  heads: number
  kvHeads: number
  headSize: number
}

const embeddingName = /(^|\.)embed_tokens\.weight$/

/**
 * One token after `contextTokens` others.
 * @param table the language model's tensors; of an embedding that is not the head too, a token reads one row
 * @param isTied whether the embedding is the head
 */
export function tokenWork(
  table: TensorTable,
  { isTied, attention, format, contextTokens }: { isTied: boolean; attention: Attention; format: Format; contextTokens: number },
): TokenWork {
  let [weightBytes, values] = [0, 0]
  for (const { name, shape } of table) {
    if (shape.length !== 2) continue
    const [rows, columns] = shape as [number, number]
    const isEmbedding = embeddingName.test(name)
    const isHead = name === 'lm_head.weight' || (isEmbedding && isTied)
    const read = (isEmbedding && !isTied ? 1 : rows) * columns
    // The head is no coarser than 8 bits, as `casa convert` stores it.
    const { bits } = formats[format === 'int4' && (isHead || isEmbedding) ? 'int8' : format]
    weightBytes += (read * bits) / 8
    if (!isEmbedding || isTied) values += read
  }
  const { layers, heads, kvHeads, headSize } = attention
  return {
    weightBytes,
    cacheBytes: layers * 2 * kvHeads * headSize * contextTokens * 4,
    operations: 2 * values + layers * 4 * heads * headSize * contextTokens,
  }
}

export interface Device {
  name: string
  gigabytesPerSecond: number
  /** float32, which all our products are summed in. */
  teraflops: number
  source: string
}

export const devices: Device[] = [
  { name: 'H100 SXM', gigabytesPerSecond: 3350, teraflops: 67, source: 'NVIDIA H100 data sheet' },
  {
    name: 'Apple M4',
    gigabytesPerSecond: 120,
    teraflops: 4.3,
    source: 'Apple newsroom, May 2024 (bandwidth); 10 cores at 1.6 GHz',
  },
  {
    name: 'Iris Xe, DDR4-3200',
    gigabytesPerSecond: 51.2,
    teraflops: 2.1,
    source: 'two channels of DDR4-3200; 96 units at 1.35 GHz',
  },
]

/** The least milliseconds that a device needs. */
export function leastMs(
  { weightBytes, cacheBytes, operations }: TokenWork,
  device: Pick<Device, 'gigabytesPerSecond' | 'teraflops'>,
): number {
  return Math.max((weightBytes + cacheBytes) / device.gigabytesPerSecond / 1e6, operations / device.teraflops / 1e9)
}
