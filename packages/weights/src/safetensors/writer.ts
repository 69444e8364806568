/**
 * Writes safetensors files. The header comes first, so dtypes and shapes are planned before the first value is needed; then tensors
 * are asked for one by one, and only one is in memory.
 *
 * Order and padding are the reference implementation's: wider dtypes first, then by name, and a header padded with spaces to a
 * multiple of 8, so every tensor is aligned to its values and the same tensors always give the same bytes.
 */
import { commitAfter, memorySink, type ByteSink } from '../bytes/sink.ts'
import { refuse } from '../refuse.ts'
import { dtypeBits, type Dtype } from './dtypes.ts'
import { bytesOf, encodeTensor, type TensorData, type TensorToWrite } from './encode.ts'
import { headerLimitBytes } from './header.ts'

export interface TensorPlan {
  name: string
  dtype: Dtype
  shape: number[]
}

/** All values at once, or, for a tensor too big for that, its bytes piece by piece. */
export type Produced = TensorData | AsyncIterable<Uint8Array>

/** Tensors to be written: what they will be, and a way to get the data of each when its turn comes. */
export interface TensorProducer {
  plans: readonly TensorPlan[]
  produce(plan: TensorPlan): Produced | Promise<Produced>
}

export interface WriteOptions {
  metadata?: Record<string, string> | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: { tensor: string; writtenBytes: number; totalBytes: number }) => void) | undefined
}

/**
 * Asks `produce` for each tensor in the file's order and commits the sink at the end; on any error nothing appears.
 * @throws WeightError when a plan or its data breaks a rule of the format.
 */
export async function writeSafetensors(sink: ByteSink, tensors: TensorProducer, options: WriteOptions = {}): Promise<void> {
  await commitAfter(sink, async () => {
    const { header, ordered } = layOut(sink.name, tensors.plans, options.metadata)
    await sink.write(header)
    const totalBytes = ordered.reduce((sum, { bytes }) => sum + bytes, header.byteLength)
    let writtenBytes = header.byteLength
    for (const { plan, bytes } of ordered) {
      options.signal?.throwIfAborted()
      await writeTensor(sink, plan, bytes, await tensors.produce(plan), options.signal)
      writtenBytes += bytes
      options.onProgress?.({ tensor: plan.name, writtenBytes, totalBytes })
    }
  })
}

/** Tensors that are in memory already, by name. */
export function tensorsInMemory(tensors: Record<string, TensorToWrite>): TensorProducer {
  return {
    plans: Object.entries(tensors).map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    produce: (plan) => tensors[plan.name]!.data,
  }
}

/** A whole file in memory. */
export async function encodeSafetensors(
  tensors: Record<string, TensorToWrite>,
  metadata?: Record<string, string>,
): Promise<Uint8Array> {
  const sink = memorySink('safetensors')
  await writeSafetensors(sink, tensorsInMemory(tensors), { metadata })
  return sink.bytes()
}

function layOut(file: string, plans: readonly TensorPlan[], metadata: Record<string, string> = {}) {
  const ordered = plans
    .map((plan) => ({ plan, bytes: bytesOf(file, plan.name, plan.dtype, plan.shape) }))
    .sort(
      ({ plan: a }, { plan: b }) => dtypeBits[b.dtype] - dtypeBits[a.dtype] || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
    )
  const entries: [string, unknown][] = []
  if (Object.keys(metadata).length > 0) entries.push(['__metadata__', metadata])
  const seen = new Set(['__metadata__'])
  let at = 0
  for (const { plan, bytes } of ordered) {
    if (seen.has(plan.name)) refuse(file, 'duplicate-key', `this name was used before, or is the format's own`, plan.name)
    if (/\p{Surrogate}/u.test(plan.name)) refuse(file, 'utf-8', 'a name with half of a character (a lone surrogate)', plan.name)
    seen.add(plan.name)
    entries.push([plan.name, { dtype: plan.dtype, shape: plan.shape, data_offsets: [at, at + bytes] }])
    at += bytes
    if (!Number.isSafeInteger(at)) refuse(file, 'overflow', 'the file has more bytes than can be counted', plan.name)
  }
  return { header: encodeHeader(file, entries), ordered }
}

function encodeHeader(file: string, entries: [string, unknown][]): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  const padded = Math.ceil(json.byteLength / 8) * 8
  if (padded > headerLimitBytes)
    refuse(file, 'header-size', `the header would take ${padded} bytes, the format's limit is ${headerLimitBytes}`)
  const header = new Uint8Array(8 + padded).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true)
  header.set(json, 8)
  return header
}

async function writeTensor(sink: ByteSink, plan: TensorPlan, bytes: number, data: Produced, signal?: AbortSignal): Promise<void> {
  if (ArrayBuffer.isView(data)) {
    await sink.write(encodeTensor(sink.name, plan.name, { ...plan, data }))
    return
  }
  let written = 0
  for await (const piece of data) {
    signal?.throwIfAborted()
    written += piece.byteLength
    if (written > bytes) break
    await sink.write(piece)
  }
  if (written !== bytes)
    refuse(
      sink.name,
      'shape',
      `${plan.dtype} [${plan.shape}] takes ${bytes} bytes, ${written > bytes ? 'more' : written} came`,
      plan.name,
    )
}
