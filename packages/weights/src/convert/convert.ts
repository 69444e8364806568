/** Converts checkpoints: split, merge, change dtype, quantise. Streams: at most one block of one tensor is in memory. */
import { commitAfter } from '../bytes/sink.ts'
import type { FolderSink, FolderSource } from '../bytes/folder.ts'
import { refuse } from '../refuse.ts'
import { openStored, openWeights } from '../folder/open-weights.ts'
import { partsOf } from '../quantize/quantized-source.ts'
import type { StoredDtype, TensorSource } from '../safetensors/reader.ts'
import { writeSafetensors, type Produced, type TensorPlan, type TensorProducer } from '../safetensors/writer.ts'
import { metadataOf, planShards, planTensors, type ConvertOptions, type PlannedTensor } from './plan.ts'
import { listedSink } from '../folder/listed-sink.ts'
import type { QuantizedType } from '../gguf/quantize.ts'
import { ErrorMeter, type ConversionError } from './error-meter.ts'
import { cast, copied, quantized, repacked } from './transform.ts'
import { copyCompanions } from './companions.ts'
import type { TensorNames } from '../detect/names-file.ts'
import { renameTensors } from '../detect/renamed.ts'

export interface ConvertedTensor {
  name: string
  shape: number[]
  from: StoredDtype
  to: StoredDtype | QuantizedType
  /** As stored now. */
  bytes: number
  /** undefined when the values are the same bytes as before. */
  error?: ConversionError | undefined
}

export interface ConvertReport {
  files: string[]
  tensors: ConvertedTensor[]
  totalBytes: number
}

export interface ConvertRun extends ConvertOptions {
  /** New names of the tensors, see `parseNamesFile`. */
  names?: TensorNames | undefined
  /** config.json of the new folder, for a folder that has none, or another model's. */
  config?: unknown
  signal?: AbortSignal
  onProgress?: (progress: { tensor: string; writtenBytes: number; totalBytes: number }) => void
}

/**
 * Converts a model folder: weights as the options say; config, tokenizer and all other files are copied unchanged, except that
 * config.json names the new dtype.
 * @throws WeightError when the target holds weights already, or a tensor cannot be converted.
 */
export async function convertModelFolder(
  from: FolderSource,
  to: FolderSink & FolderSource,
  options: ConvertRun = {},
): Promise<ConvertReport> {
  // Without a new dtype a quantised tensor stays as it is stored; for another one its values are needed.
  const { dtype, names, signal } = options
  const source = dtype || names ? await openWeights(from, { signal }) : await openStored(from, signal)
  try {
    if (names && !dtype) refuseQuantized(source)
    await refuseWeightsIn(to)
    const listed = listedSink(to)
    await copyCompanions(from, listed, options)
    const report = await convertWeights(names ? renameTensors(source, names) : source, listed, options)
    await listed.writeMark('model')
    return report
  } finally {
    await source.close()
  }
}

/** The parts of a quantised tensor carry its name in three places. */
function refuseQuantized(source: TensorSource): void {
  for (const [name, { dtype }] of source.entries())
    if (dtype === 'Q8' || dtype === 'Q4')
      refuse(source.name, 'names', 'a quantised tensor gets another name only together with a dtype: give one', name)
}

/** The weights alone: model.safetensors, or several files and, last, their index. */
export async function convertWeights(source: TensorSource, to: FolderSink, options: ConvertRun = {}): Promise<ConvertReport> {
  const tensors = planTensors(source.entries(), options)
  const shards = planShards(tensors, options.shardBytes)
  const totalBytes = tensors.reduce((sum, { bytes }) => sum + bytes, 0)
  const report: ConvertReport = { files: [...shards.keys()], tensors: [], totalBytes }
  let doneBytes = 0
  for (const [file, shard] of shards) {
    const metadata = { format: 'pt', ...source.metadata, ...metadataOf(shard) }
    const base = doneBytes
    const onProgress = ({ tensor, writtenBytes }: { tensor: string; writtenBytes: number }) =>
      options.onProgress?.({ tensor, writtenBytes: Math.min(totalBytes, base + writtenBytes), totalBytes })
    const meters = new Map(shard.map((tensor) => [tensor.name, new ErrorMeter()]))
    await writeSafetensors(await to.create(file), producer(source, shard, meters, options.signal), {
      metadata,
      signal: options.signal,
      onProgress,
    })
    doneBytes += shard.reduce((sum, { bytes }) => sum + bytes, 0)
    report.tensors.push(...shard.map((tensor) => reportOf(tensor, meters.get(tensor.name)!)))
  }
  if (shards.size > 1) await writeIndex(to, shards, totalBytes)
  return report
}

function producer(
  source: TensorSource,
  shard: PlannedTensor[],
  meters: Map<string, ErrorMeter>,
  signal?: AbortSignal,
): TensorProducer {
  const owners = new Map(shard.flatMap((tensor) => tensor.stored.map((plan) => [plan.name, tensor])))
  const scales = new Map<string, Uint16Array[]>()
  return {
    plans: shard.flatMap(({ stored }) => stored),
    produce(plan: TensorPlan): Produced {
      const tensor = owners.get(plan.name)!
      const meter = meters.get(tensor.name)!
      if (!tensor.form) return tensor.from === tensor.to ? copied(source, tensor, signal) : cast(source, tensor, meter, signal)
      // Wider dtypes come first in a file, so all values are written, and all scales known, before the first scales have to be written.
      if (plan.name === partsOf(tensor.name).scales) return joined(scales.get(tensor.name)!)
      const parts: Uint16Array[] = []
      scales.set(tensor.name, parts)
      const take = (block: Uint16Array) => parts.push(block)
      return tensor.isRepacked ? repacked(source, tensor, meter, take, signal) : quantized(source, tensor, meter, take, signal)
    },
  }
}

function joined(blocks: Uint16Array[]): Uint16Array {
  const whole = new Uint16Array(blocks.reduce((sum, block) => sum + block.length, 0))
  let at = 0
  for (const block of blocks) {
    whole.set(block, at)
    at += block.length
  }
  return whole
}

function reportOf({ name, shape, from, to, bytes }: PlannedTensor, meter: ErrorMeter): ConvertedTensor {
  return { name, shape, from, to, bytes, error: from === to && to !== 'Q8' && to !== 'Q4' ? undefined : meter.result() }
}

async function writeIndex(to: FolderSink, shards: Map<string, PlannedTensor[]>, totalBytes: number): Promise<void> {
  const places = [...shards].flatMap(([file, tensors]) => tensors.flatMap(({ stored }) => stored.map(({ name }) => [name, file])))
  const index = {
    metadata: { total_size: totalBytes },
    weight_map: Object.fromEntries(places.sort(([a], [b]) => (a! < b! ? -1 : 1))),
  }
  const sink = await to.create('model.safetensors.index.json')
  await commitAfter(sink, () => sink.write(new TextEncoder().encode(`${JSON.stringify(index, null, 2)}\n`)))
}

/** Old weights next to new ones would be mistaken for them. */
async function refuseWeightsIn(folder: FolderSource): Promise<void> {
  for (const file of ['model.safetensors', 'model.safetensors.index.json']) {
    const source = await folder.open(file)
    if (!source) continue
    await source.close()
    refuse(folder.name, 'target', `${file} is there already; convert into another folder`)
  }
}
