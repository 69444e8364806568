/**
 * A stream of packed batches over a dataset, by token budgets.
 *
 * Order: a generator (length Infinity) is read by index; a finite dataset is read in epochs, each in an order of its own fixed by
 * the seed. A batch takes samples until the next one would break a budget; that one opens the next batch. So the stream is a
 * function of (dataset, seed, budgets), and its whole state is the position of the first sample not yet handed out.
 */
import { CasaError } from '@casa-js/base'
import type { Dataset, EncodedSample, Message, PackedBatch } from '@casa-js/core'
import { BrokenExampleError } from './broken-example.ts'
import { packPrepared, prepareSample, type ImageRules, type PreparedSample } from './pack.ts'
import { permutation } from './random.ts'

export interface BatchOptions extends ImageRules {
  /** Messages -> ids and image slots, e.g. the tokenizer's `encodeChat`. */
  encode(messages: Message[]): EncodedSample
  /** Text tokens a batch holds at most. */
  maxTextTokens: number
  /** Image tokens a batch holds at most. */
  maxImageTokens: number
  /** Order of a finite dataset. */
  seed: number
  /** Examples asked for ahead of need, so that workers stay busy. Default 32. */
  prefetch?: number
  /** Where to go on; without it, from the start. */
  state?: BatchState
  /**
   * Called for an example that is left out: alone over a budget, or broken (BrokenExampleError, e.g. a torn picture). Without it
   * such an example is an error.
   */
  onSkip?(exampleId: string, reason: string): void
}

/** Plain integers: goes into a checkpoint as it is. */
export interface BatchState {
  /** Examples consumed so far, over all epochs. */
  position: number
}

export interface BatchStream {
  /** The next batch, and the ids of its examples. Calls must not overlap. */
  next(): Promise<PackedBatch & { exampleIds: string[] }>
  /** State after the batches handed out so far; a stream made with it goes on with the next one. */
  state(): BatchState
}

/** @throws CasaError for an empty dataset, budgets under 1 or a state that is no count. */
export function createBatchStream(dataset: Dataset, options: BatchOptions): BatchStream {
  const { maxTextTokens, maxImageTokens, seed, prefetch = 32, onSkip } = options
  if (dataset.length < 1) throw new CasaError(`dataset ${dataset.name}: it holds no examples`)
  if (!(maxTextTokens >= 1 && maxImageTokens >= 0)) {
    throw new CasaError(`maxTextTokens must be at least 1 and maxImageTokens at least 0, got ${maxTextTokens}, ${maxImageTokens}`)
  }
  const start = options.state?.position ?? 0
  if (!Number.isSafeInteger(start) || start < 0) throw new CasaError(`batch state: position must be a count, got ${start}`)

  const indexAt = createOrder(dataset.length, seed)
  type Loaded = { id: string; prepared: PreparedSample; textTokens: number; imageTokens: number }
  /** `skippable`: only this example is lost, not the dataset. */
  type Failed = { id: string; error: Error; skippable: boolean }
  const ahead: Promise<Loaded | Failed>[] = []
  let asked = start
  let consumed = start
  let skippedInARow = 0

  const load = async (position: number): Promise<Loaded | Failed> => {
    const index = indexAt(position)
    try {
      const example = await dataset.get(index)
      const prepared = prepareSample(options.encode(example.messages), options, `example ${example.id}`)
      const imageTokens = prepared.imageTokens.reduce((sum, tokens) => sum + tokens, 0)
      return withinBudget({ id: example.id, prepared, textTokens: prepared.sample.ids.length, imageTokens })
    } catch (error) {
      // Kept as a value: an example asked for ahead must not fail before its turn.
      return { id: `${dataset.name}[${index}]`, error: error as Error, skippable: error instanceof BrokenExampleError }
    }
  }
  const withinBudget = (loaded: Loaded): Loaded | Failed => {
    const { id, textTokens, imageTokens } = loaded
    if (textTokens <= maxTextTokens && imageTokens <= maxImageTokens) return loaded
    const sizes = `${textTokens} text and ${imageTokens} image tokens`
    const budgets = `a batch of ${maxTextTokens} and ${maxImageTokens}`
    const error = new CasaError(`example ${id}: ${sizes} do not fit in ${budgets}; raise the budgets or shorten the example`)
    return { id, error, skippable: true }
  }
  const peek = (): Promise<Loaded | Failed> => {
    while (ahead.length <= prefetch) ahead.push(load(asked++))
    return ahead[0]!
  }
  const take = () => {
    void ahead.shift()
    consumed++
  }
  const skip = ({ id, error, skippable }: Failed) => {
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
        const sample = await peek()
        if ('error' in sample) {
          skip(sample)
          continue
        }
        textTokens += sample.textTokens
        imageTokens += sample.imageTokens
        if (textTokens > maxTextTokens || imageTokens > maxImageTokens) break
        chosen.push(sample)
        skippedInARow = 0
        take()
      }
      const batch = packPrepared(
        chosen.map(({ prepared }) => prepared),
        options,
      )
      return { ...batch, exampleIds: chosen.map(({ id }) => id) }
    },
    state: () => ({ position: consumed }),
  }
}

/** Position over all epochs -> index in the dataset. */
function createOrder(length: number, seed: number): (position: number) => number {
  if (length === Infinity) return (position) => position
  let epoch = -1
  let order: Uint32Array = new Uint32Array()
  return (position) => {
    const wanted = Math.floor(position / length)
    if (wanted !== epoch) {
      epoch = wanted
      order = permutation(length, seed, epoch)
    }
    return order[position % length]!
  }
}
