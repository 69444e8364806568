/**
 * One contestant, one case, in a process of its own, so that they do not share a heap. Prints one line of JSON.
 *
 *   run-case.node.ts casa:wasm|casa:wasm:THREADS|casa:webgpu|tfjs|jax|onnx:THREADS CASE
 */
import { decoderTokens, referenceShape } from './decoder/decoder-shape.ts'
import type { CaseName, CaseResult, Peer } from './peers/peer.ts'
import { processorMs } from './processor-time.node.ts'

const budgetMs = 1500
const fewestRuns = 3
/** A case that takes longer than this is timed once. */
const longMs = 5000
/** A software adapter that takes longer than this is not run again: its times are meaningless. */
const tooLongMs = 20_000
const mostRuns = 200

async function createPeer(contestant: string): Promise<Peer> {
  const [name, setting, threads = '1'] = contestant.split(':')
  if (name === 'casa') return (await import('./peers/casa.ts')).createPeer(setting as 'wasm', Number(threads))
  if (name === 'tfjs') return (await import('./peers/tfjs.node.ts')).createPeer()
  if (name === 'jax') return (await import('./peers/jax.ts')).createPeer()
  if (name === 'onnx') return (await import('./peers/onnx.ts')).createPeer(Number(setting))
  throw new Error(`no contestant called ${name}`)
}

async function runCase(contestant: string, name: CaseName): Promise<CaseResult> {
  const peer = await createPeer(contestant)
  const about = { name: peer.name, version: peer.version, setting: peer.setting, software: peer.software }
  const before = process.resourceUsage().maxRSS * 1024
  const run = await peer.prepare(name)
  if (typeof run === 'string') return { ...about, times: [], processorTimes: [], skipped: run }
  const times: number[] = []
  const processorTimes: number[] = []
  const timed = async () => {
    const [start, processorStart] = [performance.now(), processorMs()]
    const result = await run()
    times.push(performance.now() - start)
    processorTimes.push(processorMs() - processorStart)
    return result
  }
  const first = await timed()
  const [warmUp] = times as [number]
  if (!peer.software || warmUp < tooLongMs) {
    times.pop()
    processorTimes.pop()
  }
  const fewest = peer.software || warmUp > longMs ? 1 : fewestRuns
  const end = performance.now() + (peer.software ? 0 : budgetMs)
  while (times.length < fewest || (performance.now() < end && times.length < mostRuns)) await timed()
  const peakBytes = process.resourceUsage().maxRSS * 1024 - before
  await peer.close?.()
  return { ...about, times, processorTimes, value: valueOf(name, first), peakBytes }
}

function valueOf(name: CaseName, result: number | Float32Array): number {
  if (typeof result === 'number') return result
  return name === 'forward' ? lossOf(result) : Math.sqrt(result.reduce((sum, x) => sum + x * x, 0) / result.length)
}

/** Mean cross-entropy of the reference decoder's logits [T,V]. */
function lossOf(logits: Float32Array): number {
  const { targets } = decoderTokens(referenceShape)
  const V = referenceShape.vocabulary
  const losses = Array.from(targets, (target, t) => {
    const row = logits.subarray(t * V, (t + 1) * V)
    const most = row.reduce((a, b) => Math.max(a, b))
    return most + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0)) - row[target]!
  })
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}

const [contestant, name] = process.argv.slice(2) as [string, string]
console.log(JSON.stringify(await runCase(contestant, name as CaseName)))
