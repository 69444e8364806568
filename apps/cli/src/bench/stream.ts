/** Runs `casa bench stream`, and writes its tables and charts. */
import { mkdir, readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { ArgumentError } from '@casa-js/base'
import { close } from '@casa-js/tensor'
import { startDevice, type DeviceFlags } from '../device.ts'
import { err } from '../terminal/colours.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { writeWhole } from '../terminal/outputs.ts'
import { contestants, createContestant, shapes, type ContestantName, type ShapeName } from './contestants.ts'
import { clockOf, streamTurns, textTokensPerTurn, type Turn } from './protocol.ts'
import { sampleTurns } from './sampled.ts'
import { keyOf, pageRows, type StreamRow } from './stream-rows.ts'
import { formatPage, formatRuns, streamCharts } from './stream-page.ts'
import { summarise, type StreamRun } from './stream-summary.ts'

export interface StreamFlags extends DeviceFlags {
  /** Default: "shipped"; with `table` all. */
  shape?: ShapeName
  only?: ContestantName[]
  /** Default: 256. */
  turns?: number
  repeats: number
  slide?: number
  sample?: number
  table?: boolean
  again?: boolean
  out?: string
}

/** Turns before the first that counts: compilation and first allocations. A large model needs few, as its code runs longer in each. */
const warmUpTurns: Record<ShapeName, number> = { shipped: 24, 'helium-cut': 2, 'helium-1-2b': 8 }
/** Text before the first frame, and room for the last turn. */
const spareTokens = 128

/** @throws ArgumentError for flags that contradict one another, or when the text of a contestant that keeps its images is to slide */
export async function benchStream(flags: StreamFlags): Promise<void> {
  const rows = rowsOf(flags)
  // Threads wait for one another by turning in circles, which would count as work.
  process.env.CASA_THREADS ??= '1'
  const interrupt = onInterrupt()
  try {
    const { device } = await startDevice(flags)
    const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${device}`
    const known = flags.out === undefined ? [] : await readRuns(flags.out)
    for (const row of rows) {
      if (flags.table && !flags.again && known.some((run) => keyOf(run) === keyOf(row))) continue
      const repeats: Turn[][] = []
      for (let repeat = 0; repeat < flags.repeats; repeat++) repeats.push(await measure(row, clockOf(device), interrupt.signal))
      const run: StreamRun = { ...row, repeats: flags.repeats, machine, ...summarise(repeats, row.turns) }
      console.log(formatRuns([run]))
      if (flags.out !== undefined) await record(flags.out, run)
    }
  } finally {
    interrupt.release()
    await close()
  }
}

/** What the flags ask for. */
export function rowsOf({
  table,
  shape,
  only,
  turns,
  slide,
  sample,
  out,
}: Omit<StreamFlags, 'repeats' | keyof DeviceFlags>): StreamRow[] {
  const names = only ?? (Object.keys(contestants) as ContestantName[])
  if (table) {
    if (turns !== undefined || slide !== undefined || sample !== undefined)
      throw new ArgumentError('--table: --turns, --slide and --sample are given by the rows of the page; leave them out')
    if (out === undefined) throw new ArgumentError('--table: name the folder of the page with --out')
    return pageRows.filter((row) => names.includes(row.contestant) && (shape === undefined || row.shape === shape))
  }
  const keepsImages = names.filter((name) => contestants[name].fusion.kind === 'insertion')
  if (slide !== undefined && keepsImages.length > 0)
    throw new ArgumentError(
      `--slide: the text of ${keepsImages.join(' and ')} cannot slide, as its images are in the cache; add --only`,
    )
  if (slide !== undefined && sample !== undefined)
    throw new ArgumentError('--sample: leave it out with --slide, as a cache that slides cannot be filled beforehand')
  return names.map((contestant) => ({
    shape: shape ?? 'shipped',
    contestant,
    turns: turns ?? 256,
    ...(slide !== undefined && { slideTokens: slide }),
    ...(sample !== undefined && { sample }),
  }))
}

async function measure(
  { contestant, shape: shapeName, turns, slideTokens, sample }: StreamRow,
  now: () => number,
  signal: AbortSignal,
) {
  const shape = shapes[shapeName]
  const perTurn = textTokensPerTurn + imageTokensInCache(contestant, shapeName)
  const capacityTokens = slideTokens ?? turns * perTurn + spareTokens
  const warmUp = { turns: warmUpTurns[shapeName], capacityTokens: warmUpTurns[shapeName] * perTurn + spareTokens }
  const vlm = createContestant(contestant, shape, Math.max(capacityTokens, warmUp.capacityTokens))
  let told = performance.now()
  const settings = {
    framePx: shape.framePx,
    capacityTokens,
    now,
    signal,
    onTurn(turn: number) {
      if (performance.now() - told < 10_000) return
      told = performance.now()
      console.error(err.dim(`${shapeName}, ${contestants[contestant].label}: turn ${turn} of ${turns}`))
    },
  }
  try {
    await streamTurns(vlm, { ...settings, ...warmUp })
    return sample === undefined
      ? await streamTurns(vlm, { ...settings, turns })
      : await sampleTurns(vlm, { ...settings, turns, sample })
  } finally {
    vlm.dispose()
  }
}

function imageTokensInCache(name: ContestantName, shapeName: ShapeName): number {
  const { framePx, tokenPx, queries } = shapes[shapeName]
  if (contestants[name].fusion.kind !== 'insertion') return 0
  return name === 'q-former' ? queries : (framePx / tokenPx) ** 2
}

const readRuns = (folder: string): Promise<StreamRun[]> =>
  readFile(join(folder, 'streaming.json'), 'utf8').then(
    (text) => JSON.parse(text) as StreamRun[],
    () => [],
  )

/** Adds a run to streaming.json in the folder, replacing the same one of earlier, and writes the page and the charts anew. */
async function record(folder: string, run: StreamRun): Promise<void> {
  await mkdir(folder, { recursive: true })
  const runs = [...(await readRuns(folder)).filter((each) => keyOf(each) !== keyOf(run)), run]
  await writeWhole(join(folder, 'streaming.json'), `${JSON.stringify(runs, null, 1)}\n`)
  const charts = streamCharts(runs)
  for (const [name, svg] of Object.entries(charts)) await writeWhole(join(folder, name), svg)
  await writeWhole(join(folder, 'streaming.md'), formatPage(runs))
}
