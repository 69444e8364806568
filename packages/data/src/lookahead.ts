/**
 * Prefetches items in order, within a budget of bytes. The size of an item is known once it is loaded, so those still
 * loading are counted as the largest seen so far; until the first is loaded, only one is loading at a time.
 */
export interface LoadedItem<T> {
  value: T
  /** Bytes that it takes while it waits. */
  heldBytes: number
  /** Bytes that it took while it was made; undefined where it could not be made. */
  peakBytes: number | undefined
}

export interface LookaheadLimits {
  /** Items that are loaded or loading. */
  most: number
  /** Most bytes that they may take together. At least one item is always requested. */
  bytes: number
}

export interface Lookahead<T> {
  /** The item at the front. It stays there. */
  peek(): Promise<T>
  /** Removes the item at the front. */
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
    /** Undefined while it is loading. */
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
          // An item removed before it arrived triggers no further loading.
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
