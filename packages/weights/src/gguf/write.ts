/** A model folder -> a GGUF file, one tensor in memory at a time. */
import { ArgumentError, ConfigError } from '@casa-js/base'
import { commitAfter, type ByteSink } from '../bytes/sink.ts'
import { ErrorMeter, type ConversionError } from '../convert/error-meter.ts'
import type { ModelFolder } from '../folder/model-folder.ts'
import { refuse } from '../refuse.ts'
import { decodeFloat32 } from '../safetensors/decode.ts'
import { countValues } from '../safetensors/dtypes.ts'
import { encodeTensor } from '../safetensors/encode.ts'
import { dequantizeBlocks } from '@casa-js/base/internal'
import { fieldsOf } from './fields.ts'
import { aligned, encodeHeader, type GgufTensorPlan } from './metadata-writer.ts'
import { ggufNameOf, interleavedPairs, pairedRows, rotatedRows } from './names.ts'
import { quantizeBlocks, quantizedTypes, type QuantizedType } from './quantize.ts'
import { ggufType, ggufTypeId } from './types.ts'

export type GgufFloatType = 'F32' | 'F16' | 'BF16'

export interface WriteGgufOptions {
  /** Of matrices whose rows are whole blocks; other matrices become F16, vectors F32. Default F16. */
  type?: GgufFloatType | QuantizedType | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: { tensor: string; writtenBytes: number; totalBytes: number }) => void) | undefined
}

export interface WrittenTensor {
  /** In the model folder. */
  source: string
  /** In the file. */
  name: string
  shape: number[]
  type: GgufFloatType | QuantizedType
  bytes: number
  error: ConversionError
}

interface Plan extends GgufTensorPlan {
  type: GgufFloatType | QuantizedType
  /** Its name in the model folder. */
  ours: string
}

/**
 * Writes a model folder as one GGUF file.
 * @param model an opened model folder of a llama or qwen2 model; its weights stay open
 * @param sink committed at the end; on any error nothing appears
 * @returns every tensor with its type and the error that storing made
 * @throws ConfigError for a model or tokenizer that GGUF does not support; WeightError for a value that does not fit.
 */
export async function writeGguf(model: ModelFolder, sink: ByteSink, options: WriteGgufOptions = {}): Promise<WrittenTensor[]> {
  const { type = 'F16', signal } = options
  const { architecture, fields } = fieldsOf(model)
  const heads = headsOf(model.config)
  const plans = planTensors(model, type)
  const written: WrittenTensor[] = []
  await commitAfter(sink, async () => {
    const header = encodeHeader(fields, plans)
    await sink.write(header)
    const totalBytes = plans.reduce((sum, { bytes }) => sum + aligned(bytes), header.byteLength)
    let writtenBytes = header.byteLength
    for (const plan of plans) {
      signal?.throwIfAborted()
      const stored = await model.weights.read(plan.ours, signal)
      const rotated = interleavedPairs.has(architecture) ? rotatedRows(plan.ours) : undefined
      const values = rotated ? paired(stored, plan.shape[0]!, heads[rotated]) : stored
      const bytes = encode(sink.name, plan, values)
      const meter = new ErrorMeter()
      meter.add(values, decode(plan.type, bytes))
      await sink.write(bytes)
      await sink.write(new Uint8Array(aligned(bytes.byteLength) - bytes.byteLength))
      writtenBytes += aligned(bytes.byteLength)
      written.push({
        source: plan.ours,
        name: plan.name,
        shape: [...plan.shape],
        type: plan.type,
        bytes: plan.bytes,
        error: meter.result(),
      })
      options.onProgress?.({ tensor: plan.name, writtenBytes, totalBytes })
    }
  })
  return written
}

function planTensors(model: ModelFolder, type: NonNullable<WriteGgufOptions['type']>): Plan[] {
  return [...model.weights.entries()].map(([ours, { shape }]) => {
    const name = ggufNameOf(ours) ?? refuse(model.name, 'names', 'GGUF has no name for this tensor', ours)
    const isBlocks = (shape.at(-1) ?? 0) % 32 === 0
    const wanted = shape.length < 2 ? 'F32' : isQuantized(type) && !isBlocks ? 'F16' : type
    const { values, bytes } = ggufType(ggufTypeId(wanted))!
    return { name, ours, shape, type: wanted, bytes: (countValues(shape) / values) * bytes }
  })
}

function headsOf(config: unknown): { q: number; k: number } {
  const { num_attention_heads: q, num_key_value_heads: k = q } = Object(config) as Record<string, number | undefined>
  if (q === undefined || k === undefined) throw new ConfigError('config.json: num_attention_heads', 'this field is missing')
  return { q, k }
}

/** Rows in the order of the file. */
function paired(values: Float32Array, rows: number, heads: number): Float32Array {
  const columns = values.length / rows
  const result = new Float32Array(values.length)
  pairedRows(rows, heads).forEach((to, from) => result.set(values.subarray(from * columns, (from + 1) * columns), to * columns))
  return result
}

function isQuantized(type: string): type is QuantizedType {
  return (quantizedTypes as readonly string[]).includes(type)
}

function encode(file: string, { name, shape, type }: Plan, values: Float32Array): Uint8Array {
  if (!isQuantized(type)) return encodeTensor(file, name, { dtype: type as GgufFloatType, shape: [...shape], data: values })
  try {
    return quantizeBlocks(values, type)
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error
    return refuse(file, 'quantized', error.message, name)
  }
}

function decode(type: string, bytes: Uint8Array): Float32Array {
  if (!isQuantized(type)) return decodeFloat32(type as GgufFloatType, bytes)
  const { values, bytes: blockBytes } = ggufType(ggufTypeId(type))!
  return dequantizeBlocks(bytes, type, values, blockBytes)
}
