/**
 * Items loaded ahead of need, in order, within a budget of bytes. How much an item takes is known once it is there, so those still
 * on their way are counted as the largest seen so far; until one has been seen, one alone is on its way.
 */
export interface LoadedItem<T> {
  value: T
  /** Bytes that it takes while it waits. */
  heldBytes: number
  /** Bytes that it took while it was made; undefined where it could not be made. */
  peakBytes: number | undefined
}

export interface LookaheadLimits {
  /** Items that are loaded or on their way. */
  most: number
  /** What they may take together. One is always asked for. */
  bytes: number
}

export interface Lookahead<T> {
  /** The item at the front. It stays there. */
  peek(): Promise<T>
  /** Lets the item at the front go. */
  take(): void
}

/**
 * Starts to load from a position on, as far as the limits allow.
 *
 * @param load must not reject: failures are values too
 */
export function createLookahead<T>(
  start: number,
  load: (position: number) => Promise<LoadedItem<T>>,
  { most, bytes }: LookaheadLimits,
): Lookahead<T> {
  interface Item {
    value: Promise<T>
    /** Undefined while it is on its way. */
    heldBytes?: number
  }
  const items: Item[] = []
  let next = start
  let largest: number | undefined

  function hasRoom(): boolean {
    if (items.length === 0) return true
    if (items.length >= most || largest === undefined) return false
    const held = items.reduce((sum, item) => sum + (item.heldBytes ?? largest!), 0)
    return held + largest <= bytes
  }

  function fill(): void {
    while (hasRoom()) {
      const item: Item = {
        value: load(next++).then(({ value, heldBytes, peakBytes }) => {
          item.heldBytes = heldBytes
          if (peakBytes !== undefined) largest = Math.max(largest ?? 0, heldBytes, peakBytes)
          // An item that was let go before it arrived asks for nothing more.
          if (items.includes(item)) fill()
          return value
        }),
      }
      items.push(item)
    }
  }

  return {
    peek() {
      fill()
      return items[0]!.value
    },
    take() {
      items.shift()
    },
  }
}
