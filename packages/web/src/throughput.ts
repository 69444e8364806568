/** Bytes per second over the last few seconds, for progress. */

const windowMs = 3000

/** @returns a function that takes the bytes received so far and gives the current rate; 0 until half a second has passed. */
export function createThroughput(now: () => number = () => performance.now()): (receivedBytes: number) => number {
  const seen: { at: number; bytes: number }[] = []
  return (receivedBytes) => {
    const at = now()
    // Start over for a new file.
    if (receivedBytes < (seen.at(-1)?.bytes ?? 0)) seen.length = 0
    seen.push({ at, bytes: receivedBytes })
    while (at - seen[0]!.at > windowMs && seen.length > 2) seen.shift()
    const elapsedMs = at - seen[0]!.at
    return elapsedMs < 500 ? 0 : ((receivedBytes - seen[0]!.bytes) / elapsedMs) * 1000
  }
}
