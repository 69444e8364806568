/**
 * One contestant, one case, in a process of its own, so that none feels the other's heap. Prints one line of JSON.
 *
 *   run-case.node.ts casa:wasm|casa:webgpu|tfjs|jax|onnx:THREADS CASE
 */
import type { CaseName, Peer } from './peers/peer.ts'

export interface CaseResult {
  name: string
  version: string
  setting: string
  /** Milliseconds of every run after the first, by the clock. */
  times: number[]
  /** Milliseconds of the processor that each run took, over all threads: what else the machine does hardly counts. */
  processorTimes: number[]
  /** What contestants should agree on: the loss of the first step. */
  value?: number | null
  /** Growth of the process's resident memory, at its peak, over what it had before the case. */
  peakBytes?: number
  skipped?: string
}

const budgetMs = 1500
const fewestRuns = 3
/** A case that takes longer than this is timed once. */
const longMs = 5000
const mostRuns = 200

async function createPeer(contestant: string): Promise<Peer> {
  const [name, setting] = contestant.split(':')
  if (name === 'casa') return (await import('./peers/casa.ts')).createPeer(setting as 'wasm')
  if (name === 'tfjs') return (await import('./peers/tfjs.node.ts')).createPeer()
  if (name === 'jax') return (await import('./peers/jax.ts')).createPeer()
  if (name === 'onnx') return (await import('./peers/onnx.ts')).createPeer(Number(setting))
  throw new Error(`no contestant called ${name}`)
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

async function runCase(contestant: string, name: CaseName): Promise<CaseResult> {
  const peer = await createPeer(contestant)
  const about = { name: peer.name, version: peer.version, setting: peer.setting }
  const before = process.resourceUsage().maxRSS * 1024
  const run = await peer.prepare(name)
  if (typeof run === 'string') return { ...about, times: [], processorTimes: [], skipped: run }
  const warmUp = performance.now()
  const value = await run()
  const fewest = performance.now() - warmUp > longMs ? 1 : fewestRuns
  const times: number[] = []
  const processorTimes: number[] = []
  const end = performance.now() + budgetMs
  while (times.length < fewest || (performance.now() < end && times.length < mostRuns)) {
    const [start, processorStart] = [performance.now(), processorMs()]
    await run()
    times.push(performance.now() - start)
    processorTimes.push(processorMs() - processorStart)
  }
  const peakBytes = process.resourceUsage().maxRSS * 1024 - before
  await peer.close?.()
  return { ...about, times, processorTimes, value: value ?? null, peakBytes }
}

const [contestant, name] = process.argv.slice(2)
console.log(JSON.stringify(await runCase(contestant, name as CaseName)))
