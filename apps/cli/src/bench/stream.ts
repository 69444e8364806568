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
import { streamTurns, textTokensPerTurn, type Turn } from './protocol.ts'
import { formatPage, formatRuns, streamCharts } from './stream-page.ts'
import { summarise, type StreamRun } from './stream-summary.ts'

export interface StreamFlags extends DeviceFlags {
  shape: ShapeName
  only?: ContestantName[]
  turns: number
  repeats: number
  slide?: number
  out?: string
}

/** Turns before the first that counts: compilation and first allocations. A large model needs few, as its code runs longer in each. */
const warmUpTurns: Record<ShapeName, number> = { shipped: 24, 'helium-cut': 2 }
/** Text before the first frame, and room for the last turn. */
const spareTokens = 128

/** @throws ArgumentError when the text of a contestant that keeps its images is to slide */
export async function benchStream(flags: StreamFlags): Promise<void> {
  const names = flags.only ?? (Object.keys(contestants) as ContestantName[])
  const keepsImages = names.filter((name) => contestants[name].fusion.kind === 'insertion')
  if (flags.slide !== undefined && keepsImages.length > 0)
    throw new ArgumentError(
      `--slide: the text of ${keepsImages.join(' and ')} cannot slide, as its images are in the cache; add --only`,
    )
  // Threads wait for one another by turning in circles, which would count as work.
  process.env.CASA_THREADS ??= '1'
  const interrupt = onInterrupt()
  try {
    const { device } = await startDevice(flags)
    for (const name of names) {
      const repeats: Turn[][] = []
      for (let repeat = 0; repeat < flags.repeats; repeat++) repeats.push(await measure(name, flags, interrupt.signal))
      const { shape, turns, slide } = flags
      const run: StreamRun = {
        shape,
        contestant: name,
        turns,
        ...(slide !== undefined && { slideTokens: slide }),
        repeats: flags.repeats,
        machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${device}`,
        ...summarise(repeats),
      }
      console.log(formatRuns([run]))
      if (flags.out !== undefined) await record(flags.out, run)
    }
  } finally {
    interrupt.release()
    await close()
  }
}

async function measure(name: ContestantName, { shape: shapeName, turns, slide }: StreamFlags, signal: AbortSignal) {
  const shape = shapes[shapeName]
  const perTurn = textTokensPerTurn + imageTokensInCache(name, shapeName)
  const capacityTokens = slide ?? turns * perTurn + spareTokens
  const warmUp = { turns: warmUpTurns[shapeName], capacityTokens: warmUpTurns[shapeName] * perTurn + spareTokens }
  const vlm = createContestant(name, shape, Math.max(capacityTokens, warmUp.capacityTokens))
  const settings = { framePx: shape.framePx, capacityTokens, signal }
  let told = performance.now()
  try {
    await streamTurns(vlm, { ...settings, ...warmUp })
    return await streamTurns(vlm, {
      ...settings,
      turns,
      onTurn(turn) {
        if (performance.now() - told < 10_000) return
        told = performance.now()
        console.error(err.dim(`${contestants[name].label}: turn ${turn} of ${turns}`))
      },
    })
  } finally {
    vlm.dispose()
  }
}

/** 16 x 16 pixels are a token. */
function imageTokensInCache(name: ContestantName, shapeName: ShapeName): number {
  const { framePx, queries } = shapes[shapeName]
  if (contestants[name].fusion.kind !== 'insertion') return 0
  return name === 'q-former' ? queries : (framePx / 16) ** 2
}

/** Adds a run to streaming.json in the folder, replacing the same one of earlier, and writes the page and the charts anew. */
async function record(folder: string, run: StreamRun): Promise<void> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'streaming.json')
  const before = await readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as StreamRun[],
    () => [],
  )
  const keyOf = ({ shape, contestant, turns, slideTokens }: StreamRun) => [shape, contestant, turns, slideTokens].join()
  const runs = [...before.filter((each) => keyOf(each) !== keyOf(run)), run]
  await writeWhole(path, `${JSON.stringify(runs, null, 1)}\n`)
  const charts = streamCharts(runs)
  for (const [name, svg] of Object.entries(charts)) await writeWhole(join(folder, name), svg)
  await writeWhole(join(folder, 'streaming.md'), formatPage(runs))
}
