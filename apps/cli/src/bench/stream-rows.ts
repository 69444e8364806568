/** The rows of the page on streams. */
import { contestants, type ContestantName, type ShapeName } from './contestants.ts'
import type { StreamRun } from './stream-summary.ts'

/** What is to be measured. */
export type StreamRow = Pick<StreamRun, 'shape' | 'contestant' | 'turns' | 'slideTokens' | 'sample'>

/** Two runs of the same row replace one another. */
export const keyOf = ({ shape, contestant, turns, slideTokens }: StreamRow): string =>
  [shape, contestant, turns, slideTokens].join()

const names = Object.keys(contestants) as ContestantName[]
const all = (shape: ShapeName, turns: number, sample?: number): StreamRow[] =>
  names.map((contestant) => ({ shape, contestant, turns, ...(sample !== undefined && { sample }) }))
const sliding = (shape: ShapeName, turns: number, slideTokens: number): StreamRow => ({
  shape,
  contestant: 'casa',
  turns,
  slideTokens,
})

/** A quarter of an hour on two quiet cores; 20,000 turns, which take as long again, are run on their own. */
export const pageRows: readonly StreamRow[] = [
  ...all('shipped', 256),
  sliding('shipped', 256, 1024),
  ...all('shipped', 512, 16),
  sliding('shipped', 512, 1024),
  ...all('helium-cut', 256, 16),
  ...all('helium-cut', 512, 16),
  sliding('helium-cut', 256, 1024),
]
