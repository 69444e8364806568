/**
 * Newest wins: what arrives in real time for a reader that may be slower. At most `bound` items wait; one more drops the oldest, which is
 * counted. Law: given = delivered + dropped + uncounted + waiting, in the order of arrival.
 */
import { unlessAborted } from './abort.ts'

export interface NewestQueueOptions<T> {
  /** How many items may wait. Default: 1. */
  bound?: number | undefined
  /** Called with each item that nobody will see, to free it. */
  release?: ((item: T) => void) | undefined
}

/** Created by `createNewestQueue`. One reader. */
export interface NewestQueue<T> {
  readonly waiting: number
  /**
   * Give an item; the oldest that waits is dropped where there is no room.
   * @param isCounted whether an item that is dropped for this one counts. Default: true
   * @returns false when the queue has ended, and the item is released
   */
  push(item: T, isCounted?: boolean): boolean
  /** Count items that the source itself left out, as dropped before the next one. */
  miss(count: number): void
  /** No more follow: the reader gets what waits, and then the end, or the failure's error. */
  end(failure?: { error: unknown }): void
  /**
   * Wait for the oldest item.
   * @returns the item and how many were dropped since the one before it; undefined at the end
   * @throws the failure of `end`; the signal's reason, if it aborts during the wait
   */
  next(signal?: AbortSignal): Promise<{ item: T; dropped: number } | undefined>
  /** The reader has gone: what waits is released, and nothing more is taken. */
  close(): void
}

/** Creates a queue between a source that does not wait and one reader. @returns it, empty */
export function createNewestQueue<T>({ bound = 1, release = () => {} }: NewestQueueOptions<T> = {}): NewestQueue<T> {
  const items: T[] = []
  let dropped = 0
  let ended: { failure?: { error: unknown } | undefined } | undefined
  let wake = () => {}
  return {
    get waiting() {
      return items.length
    },
    push(item, isCounted = true) {
      if (ended) {
        release(item)
        return false
      }
      if (items.length === bound) {
        release(items.shift()!)
        if (isCounted) dropped++
      }
      items.push(item)
      wake()
      return true
    },
    miss(count) {
      dropped += count
    },
    end(failure) {
      ended ??= { failure }
      wake()
    },
    async next(signal) {
      while (items.length === 0 && !ended) await unlessAborted(new Promise<void>((resolve) => (wake = resolve)), signal)
      if (items.length === 0) {
        if (ended?.failure) throw ended.failure.error
        return undefined
      }
      const taken = { item: items.shift()!, dropped }
      dropped = 0
      return taken
    },
    close() {
      ended = {}
      for (const item of items.splice(0)) release(item)
      wake()
    },
  }
}
