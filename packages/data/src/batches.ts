/**
 * A stream of packed batches over a dataset, by token budgets.
 *
 * Order: a generator (length Infinity) is read by index; a finite dataset is read in epochs, each in an order of its own fixed by
 * the seed (the dataset's own `order` where it has one, see shards/order.ts). A batch is filled until the next sample would exceed a budget; that sample starts the next batch. So the stream is a
 * function of (dataset, seed, budgets), and its whole state is the position of the first sample not yet handed out.
 */
import { CasaError } from '@casa-js/base'
import type { Dataset, EncodedSample, Message, PackedBatch } from '@casa-js/core'
import { BrokenExampleError } from './broken-example.ts'
import { createLookahead, type LoadedItem } from './lookahead.ts'
import { packPrepared, prepareSample, type ImageModel, type PreparedSample } from './pack.ts'
import { permutation } from './random.ts'

export interface BatchOptions {
  /** The model that the batches are for: it defines how images become patches and tokens. */
  model: ImageModel
  /** Messages -> ids and image slots, e.g. the tokenizer's `encodeChat`. */
  encode(messages: Message[]): EncodedSample
  /** Text tokens a batch holds at most. */
  maxTextTokens: number
  /** Image tokens a batch holds at most. */
  maxImageTokens: number
  /** Order of a finite dataset. */
  seed: number
  /** Number of examples to prefetch, so that workers stay busy. Default 32. */
  prefetch?: number
  /** Most bytes of images and patches of prefetched examples; at least one is always prefetched. Default 256 MiB. */
  prefetchBytes?: number
  /**
   * Called for an example that is skipped: larger than a budget, or broken (BrokenExampleError, e.g. a corrupt image). Without it
   * such an example is an error.
   */
  onSkip?(exampleId: string, reason: string): void
}

/** One micro-batch and what a training loop needs to know about it. */
export interface TrainingBatch<B = PackedBatch> {
  batch: B
  /** Ids of its examples, for error messages. */
  examples: string[]
  /** Text tokens. */
  tokens: number
  /** Sum of the loss weights: the loss is a mean over this many tokens. */
  counted: number
}

/** An endless, resumable stream of micro-batches. */
export interface BatchStream<B = PackedBatch> {
  /**
   * The next batch. Calls must not overlap.
   * @param step the update that the batch is for, counted from 0: a curriculum may look at it.
   */
  next(step: number): Promise<TrainingBatch<B>>
  /** Where the next batch starts: a few integers, always the same number of them; stored in checkpoints. */
  position(): number[]
  /**
   * Continues from a position returned by `position`.
   * @throws CasaError for an invalid position.
   */
  seek(position: readonly number[]): void
}

interface Loaded {
  id: string
  prepared: PreparedSample
}

interface Failed {
  id: string
  error: Error
  /** Only this example is lost, not the dataset. */
  skippable: boolean
}

/**
 * Packs a dataset's examples into batches. `position()` is the number of examples consumed, over all epochs.
 *
 * @throws CasaError for an empty dataset or budgets under 1; from `next`, for a broken example when there is no `onSkip`.
 */
export function createBatchStream(dataset: Dataset, options: BatchOptions): BatchStream {
  const { maxTextTokens, maxImageTokens, seed, prefetch = 32, prefetchBytes = 256 * 2 ** 20, onSkip } = options
  if (dataset.length < 1) throw new CasaError(`dataset ${dataset.name}: it holds no examples`)
  if (!(maxTextTokens >= 1 && maxImageTokens >= 0)) {
    throw new CasaError(`maxTextTokens must be at least 1 and maxImageTokens at least 0, got ${maxTextTokens}, ${maxImageTokens}`)
  }
  const indexAt = createOrder(dataset, seed)
  let consumed = 0
  let skippedInARow = 0
  let ahead = lookFrom(0)

  function lookFrom(start: number) {
    return createLookahead(start, load, { most: prefetch + 1, bytes: prefetchBytes })
  }

  async function load(position: number): Promise<LoadedItem<Loaded | Failed>> {
    const index = indexAt(position)
    try {
      const { id, messages } = await dataset.get(index)
      const prepared = prepareSample(options.encode(messages), options.model, `example ${id}`)
      const heldBytes = prepared.pictures.reduce((sum, { patches }) => sum + patches.values.byteLength, 0)
      return { value: withinBudget({ id, prepared }), heldBytes, peakBytes: heldBytes + pixelBytes(messages) }
    } catch (error) {
      // Errors are kept as values: a prefetched example must not fail before its turn.
      const failed = { id: `${dataset.name}[${index}]`, error: error as Error, skippable: BrokenExampleError.isInstance(error) }
      return { value: failed, heldBytes: 0, peakBytes: undefined }
    }
  }

  function withinBudget(loaded: Loaded): Loaded | Failed {
    const { id, prepared } = loaded
    const textTokens = prepared.ids.length
    if (textTokens <= maxTextTokens && prepared.imageTokens <= maxImageTokens) return loaded
    const sizes = `${textTokens} text and ${prepared.imageTokens} image tokens`
    const budgets = `a batch of ${maxTextTokens} and ${maxImageTokens}`
    const error = new CasaError(`example ${id}: ${sizes} do not fit in ${budgets}; raise the budgets or shorten the example`)
    return { id, error, skippable: true }
  }

  function take(): void {
    ahead.take()
    consumed++
  }

  function skip({ id, error, skippable }: Failed): void {
    if (!skippable || !onSkip) throw error
    onSkip(id, error.message)
    take()
    if (++skippedInARow < dataset.length) return
    throw new CasaError(`dataset ${dataset.name}: no example can be used; the last: ${error.message}`)
  }

  return {
    async next() {
      const chosen: Loaded[] = []
      let textTokens = 0
      let imageTokens = 0
      for (;;) {
        const sample = await ahead.peek()
        if ('error' in sample) {
          skip(sample)
          continue
        }
        textTokens += sample.prepared.ids.length
        imageTokens += sample.prepared.imageTokens
        if (textTokens > maxTextTokens || imageTokens > maxImageTokens) break
        chosen.push(sample)
        skippedInARow = 0
        take()
      }
      const batch = packPrepared(chosen.map(({ prepared }) => prepared))
      const counted = batch.weights.reduce((sum, weight) => sum + weight, 0)
      return { batch, examples: chosen.map(({ id }) => id), tokens: batch.ids.length, counted }
    },
    position: () => [consumed],
    seek(position) {
      const [to] = position
      if (position.length !== 1 || !Number.isSafeInteger(to) || to! < 0)
        throw new CasaError(`dataset ${dataset.name}: a position is one count, got ${JSON.stringify(position)}`)
      consumed = to!
      skippedInARow = 0
      ahead = lookFrom(consumed)
    },
  }
}

/** Bytes that the decoded pictures of a conversation take. */
function pixelBytes(messages: readonly Message[]): number {
  const parts = messages.flatMap(({ content }) => content)
  return parts.reduce((sum, part) => sum + (part.type === 'image' ? part.image.data.byteLength : 0), 0)
}

/** Position over all epochs -> index in the dataset. */
function createOrder(dataset: Dataset, seed: number): (position: number) => number {
  const { length } = dataset
  if (length === Infinity) return (position) => position
  let epoch = -1
  let order: (position: number) => number
  return (position) => {
    const wanted = Math.floor(position / length)
    if (wanted !== epoch) {
      epoch = wanted
      order = dataset.order?.(seed, epoch) ?? orderOf(permutation(length, seed, epoch))
    }
    return order(position % length)
  }
}

const orderOf = (indexes: Uint32Array) => (position: number) => indexes[position]!
