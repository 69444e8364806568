/** Strict loading: every tensor of a table, checked before the first value is read. */
import type { TensorSpec, TensorTable, WeightSource } from '@casa-js/core'
import { countValues } from '../safetensors/dtypes.ts'
import type { BlockType } from '@casa-js/base/internal'
import { hasBlocks, type QuantizedMatrix, type QuantizedSource } from '../quantize/quantized-source.ts'
import type { TensorSource } from '../safetensors/reader.ts'
import { matchTable, type MatchOptions } from './match.ts'
import { refuse } from '../refuse.ts'

export interface LoadOptions extends MatchOptions {
  signal?: AbortSignal | undefined
  /** Called for each matrix stored in a format that quantised products do not support, and which is therefore rounded to 8 bits. */
  onRounded?: ((rounded: RoundedTensor) => void) | undefined
  onProgress?: ((progress: { tensor: string; loadedTensors: number; totalTensors: number }) => void) | undefined
}

/** A matrix that was rounded while loading. */
export interface RoundedTensor {
  tensor: string
  /** As the file holds it, e.g. "Q4_K". */
  from: string
  /** RMS of the difference, relative to the RMS of the values. */
  relativeError: number
}

/** A tensor as it arrives: float32, 16-bit floats, two per 32-bit word (see `readCompressed`), a quantised matrix, or blocks of GGUF. */
export type LoadedTensor =
  | { spec: TensorSpec; dtype: 'F32'; values: Float32Array }
  | { spec: TensorSpec; dtype: 'BF16' | 'F16'; compressed: Int32Array }
  | { spec: TensorSpec; dtype: 'Q8' | 'Q4'; quantized: QuantizedMatrix }
  | { spec: TensorSpec; dtype: BlockType; blocks: Uint8Array }

/**
 * Every tensor of the table as host values by table name.
 * @throws WeightError listing missing, unexpected and mismatched tensors, each with the nearest name.
 */
export async function loadParams(
  table: TensorTable,
  source: WeightSource,
  options: LoadOptions = {},
): Promise<Record<string, Float32Array>> {
  const params: Record<string, Float32Array> = {}
  for (const { spec, found, done } of walk(table, source, options)) {
    params[spec.name] = await readValues(source, spec, found, options.signal)
    done()
  }
  return params
}

/**
 * Calls back with each tensor of the table as it arrives, one at a time, so that it can be uploaded to the device and freed.
 * With `compressed`, tensors of two or more dimensions that the checkpoint holds as bf16 or f16 stay compressed; with `quantized`, matrices
 * that it holds in 8 or 4 bits stay so; with `blocks`, those in blocks that products read stay in them. Each may be asked by the tensor's
 * name.
 * @throws WeightError as `loadParams` does, before the first callback.
 */
export async function loadEach(
  table: TensorTable,
  source: WeightSource,
  onTensor: (tensor: LoadedTensor) => void | Promise<void>,
  options: LoadOptions & { compressed?: Choice; quantized?: Choice; blocks?: Choice } = {},
): Promise<void> {
  const entries = source.entries()
  for (const { spec, found, done } of walk(table, source, options)) {
    const dtype = entries.get(found)!.dtype
    if (
      chosen(options.compressed, spec.name) &&
      canCompress(source) &&
      spec.shape.length >= 2 &&
      (dtype === 'BF16' || dtype === 'F16')
    ) {
      await onTensor({ spec, dtype, compressed: await source.readCompressed(found, options.signal) })
    } else if (hasBlocks(source) && source.blockTypeOf(found) && chosen(options.blocks, spec.name)) {
      await onTensor({ spec, dtype: source.blockTypeOf(found)!, blocks: await source.readBlocks(found, options.signal) })
    } else if (chosen(options.quantized, spec.name) && canQuantize(source) && (dtype === 'Q8' || dtype === 'Q4')) {
      const quantized = await source.readQuantized(found, options.signal, { measure: options.onRounded !== undefined })
      const { roundedFrom } = quantized
      if (roundedFrom) options.onRounded?.({ tensor: spec.name, ...roundedFrom })
      await onTensor({ spec, dtype, quantized })
    } else {
      await onTensor({ spec, dtype: 'F32', values: await readValues(source, spec, found, options.signal) })
    }
    done()
  }
}

type Choice = boolean | ((name: string) => boolean)

function chosen(choice: Choice | undefined, name: string): boolean {
  return typeof choice === 'function' ? choice(name) : choice === true
}

function* walk(table: TensorTable, source: WeightSource, options: LoadOptions) {
  const matches = matchTable(table, source, options)
  let loadedTensors = 0
  for (const { spec, found } of matches) {
    options.signal?.throwIfAborted()
    const done = () => options.onProgress?.({ tensor: spec.name, loadedTensors: ++loadedTensors, totalTensors: matches.length })
    yield { spec, found, done }
  }
}

/** A custom source is not trusted to return what its entries promise. */
async function readValues(source: WeightSource, spec: TensorSpec, found: string, signal?: AbortSignal): Promise<Float32Array> {
  const values = await (source as TensorSource).read(found, signal)
  if (values.length === countValues(spec.shape)) return values
  return refuse(
    (source as TensorSource).name ?? 'the checkpoint',
    'shape',
    `[${spec.shape}] takes ${countValues(spec.shape)} values, ${values.length} came`,
    found,
  )
}

function canCompress(source: WeightSource): source is TensorSource {
  return 'readCompressed' in source
}

function canQuantize(source: WeightSource): source is QuantizedSource {
  return 'readQuantized' in source
}
