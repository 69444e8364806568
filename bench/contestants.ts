/**
 * Who takes part, which cases each can do, and how its process is started. The bench is above the packages in the dependency order, so it may import
 * them all.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decoderTokens, decoderWeights, referenceShape } from './decoder/decoder-shape.ts'
import type { CaseName } from './peers/peer.ts'
import { node, nodeVersion, relaxedFlags, type Command } from './processes.ts'

export interface Contestant {
  name: string
  /** What is compared: CPU time for a single thread, which a busy machine hardly affects; wall-clock time for several threads. */
  counts: Counts
  /** All, if not given. */
  cases?: CaseName[]
  command: (name: CaseName) => Command
}

export type Counts = 'processor' | 'clock'

export const caseNames: CaseName[] = ['linear', 'transposed', 'vector', 'attention', 'attentionGradient', 'forward', 'step']

/** @param folder holds the decoder's numbers, see writeDecoder. */
export function contestants(folder: string): Contestant[] {
  const one = (name: string, counts: Counts = 'processor', build = plain): Contestant => ({
    name: [name, build.name].filter(Boolean).join(' '),
    counts,
    command: (caseName) => node('bench/run-case.node.ts', [name, caseName], build.flags),
  })
  const shared = (workers: number, build = plain): Contestant => ({
    name: ['casa:wasm', build.name, `x${workers}`].filter(Boolean).join(' '),
    counts: 'clock',
    cases: ['step'],
    command: () => node('bench/data-parallel.ts', [String(workers)], build.flags),
  })
  const threaded = (threads: number, build = plain): Contestant => ({
    ...one(`casa:wasm:${threads}`, 'clock', build),
    cases: ['forward', 'step'],
  })
  const pytorch = (threads: number): Contestant => ({
    name: `pytorch:${threads}`,
    counts: threads === 1 ? 'processor' : 'clock',
    command: (caseName) => ['python3', pytorchScript, caseName, String(threads), join(folder, decoderFile)],
  })
  return [
    one('casa:wasm'),
    ...builds.map((build) => one('casa:wasm', 'processor', build)),
    threaded(2),
    ...builds.map((build) => threaded(2, build)),
    shared(2),
    ...builds.filter(({ name }) => name !== 'wide').map((build) => shared(2, build)),
    one('casa:webgpu', 'clock'),
    one('tfjs'),
    one('onnx:1'),
    one('onnx:2', 'clock'),
    one('jax'),
    pytorch(1),
    pytorch(2),
  ]
}

/** A build of the wasm kernels that has to be asked for: what it is called, and Node's flags for it. */
interface Build {
  name: string
  flags: string[]
}

const plain: Build = { name: '', flags: [] }
/** From Node 22 relaxed SIMD needs no flag, and cannot be told apart from the plain build any more; from 24 there are wide vectors. */
const builds: Build[] = [
  ...(relaxedFlags.length > 0 ? [{ name: 'relaxed', flags: relaxedFlags }] : []),
  ...(nodeVersion >= 24 ? [{ name: 'wide', flags: ['--experimental-wasm-revectorize'] }] : []),
]
const pytorchScript = fileURLToPath(new URL('./peers/pytorch.py', import.meta.url))
const decoderFile = 'decoder.json'

/** The decoder's numbers as files, for contestants that are not JavaScript. */
export function writeDecoder(folder: string): void {
  const write = (file: string, data: Float32Array | Int32Array) => {
    writeFileSync(join(folder, file), new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    return file
  }
  const weights = Object.entries(decoderWeights(referenceShape)).map(([name, { data, shape }]) => {
    return [name, { shape, file: write(`${name}.f32`, data) }]
  })
  const { ids, targets } = decoderTokens(referenceShape)
  const files = { weights: Object.fromEntries(weights), ids: write('ids.i32', ids), targets: write('targets.i32', targets) }
  writeFileSync(join(folder, decoderFile), JSON.stringify({ shape: referenceShape, ...files }))
}
