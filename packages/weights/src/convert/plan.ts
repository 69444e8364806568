/** Plans how each tensor is converted. */
import { ConfigError } from '@casa-js/base'
import { partsOf, quantizedMetadata } from '../quantize/quantized-source.ts'
import { groupsPerRow, wordsPerRow, type QuantizedForm } from '@casa-js/base/internal'
import { countValues, dtypeBits, type Dtype } from '../safetensors/dtypes.ts'
import type { StoredDtype } from '../safetensors/reader.ts'
import type { TensorPlan } from '../safetensors/writer.ts'

export type FloatDtype = 'F32' | 'F16' | 'BF16'

export interface ConvertOptions {
  /** Dtype of the float tensors, or Q8 / Q4: matrices are quantised. Default: as they are. */
  dtype?: FloatDtype | 'Q8' | 'Q4' | undefined
  /** Columns that share a scale: a multiple of 32. Default 32. */
  group?: number | undefined
  /** Matrices whose names match are not quantised. Default: none; the output head uses 8 bits where the others use 4. */
  keep?: RegExp | undefined
  /** Dtype of the tensors that are not quantised when others are. Default: unchanged. */
  rest?: FloatDtype | undefined
  /** Split into files of at most this size; a larger tensor gets a file of its own. Default: one file. */
  shardBytes?: number | undefined
}

/** The output head, or the embedding tied to it: their errors affect the choice of a token directly. */
function headPattern(names: Iterable<string>): RegExp {
  const head = /(^|\.)lm_head\./
  return [...names].some((name) => head.test(name)) ? head : /(^|\.)embed_tokens\./
}

export interface PlannedTensor {
  name: string
  shape: number[]
  from: StoredDtype
  to: StoredDtype
  form?: QuantizedForm
  /** The source already provides the quantised values to be stored. */
  isRepacked?: boolean
  /** As it is stored: one plan, or values and scales. */
  stored: TensorPlan[]
  bytes: number
}

const floats = new Set<StoredDtype>(['F64', 'F32', 'F16', 'BF16', 'Q8', 'Q4'])

/** @throws ConfigError when the options contradict one another. */
export function planTensors(
  entries: Map<string, { shape: number[]; dtype: StoredDtype }>,
  options: ConvertOptions,
): PlannedTensor[] {
  const { dtype, group = 32, keep, rest, shardBytes } = options
  if (!Number.isSafeInteger(group) || group <= 0 || group % 32 !== 0)
    throw new ConfigError('group', `expected a multiple of 32, found ${group}`)
  if (shardBytes !== undefined && !(shardBytes >= 1))
    throw new ConfigError('shardBytes', `expected a number of bytes, found ${shardBytes}`)
  const bits = dtype === 'Q8' ? 8 : dtype === 'Q4' ? 4 : undefined
  if (rest && !bits) throw new ConfigError('rest', 'only a quantisation leaves a rest; for all tensors use dtype')
  const head = headPattern(entries.keys())
  return [...entries].map(([name, { shape, dtype: from }]) => {
    if (!floats.has(from)) return plain(name, shape, from, from as Dtype)
    const isMatrix = shape.length === 2 && countValues(shape) > 0
    if (bits && isMatrix && !keep?.test(name)) return quantized(name, shape, from, { bits: head.test(name) ? 8 : bits, group })
    if (!dtype && isMatrix && (from === 'Q8' || from === 'Q4'))
      return { ...quantized(name, shape, from, { bits: from === 'Q8' ? 8 : 4, group: 32 }), isRepacked: true }
    const to = (bits ? rest : (dtype as FloatDtype | undefined)) ?? (from === 'Q8' || from === 'Q4' ? 'F32' : (from as Dtype))
    return plain(name, shape, from, to)
  })
}

/** Tensors by file, in order, none larger than `shardBytes` unless a single tensor is. */
export function planShards(tensors: PlannedTensor[], shardBytes = Infinity): Map<string, PlannedTensor[]> {
  const groups: PlannedTensor[][] = []
  let room = 0
  for (const tensor of tensors) {
    if (tensor.bytes > room || groups.length === 0) {
      groups.push([])
      room = shardBytes
    }
    groups[groups.length - 1]!.push(tensor)
    room -= tensor.bytes
  }
  if (groups.length <= 1) return new Map([['model.safetensors', tensors]])
  const number = (n: number) => String(n).padStart(5, '0')
  return new Map(groups.map((group, i) => [`model-${number(i + 1)}-of-${number(groups.length)}.safetensors`, group]))
}

/** The metadata that describes a file's quantised tensors. */
export function metadataOf(tensors: PlannedTensor[]): Record<string, string> {
  return Object.fromEntries(tensors.flatMap(({ name, form, shape }) => (form ? [quantizedMetadata(name, form, shape)] : [])))
}

function plain(name: string, shape: number[], from: StoredDtype, to: Dtype): PlannedTensor {
  return { name, shape, from, to, stored: [{ name, dtype: to, shape }], bytes: (countValues(shape) * dtypeBits[to]) / 8 }
}

function quantized(name: string, shape: number[], from: StoredDtype, form: QuantizedForm): PlannedTensor {
  const [outputs, inputs] = shape as [number, number]
  const parts = partsOf(name)
  const values: TensorPlan = { name: parts.values, dtype: 'I32', shape: [outputs, wordsPerRow(inputs, form)] }
  const scales: TensorPlan = { name: parts.scales, dtype: 'F16', shape: [outputs, groupsPerRow(inputs, form)] }
  const bytes = countValues(values.shape) * 4 + countValues(scales.shape) * 2
  return { name, shape, from, to: form.bits === 8 ? 'Q8' : 'Q4', form, stored: [values, scales], bytes }
}
