/**
 * The bench against named peers: every contestant runs every case, one process each, the contestants of a case one after another,
 * so that ratios within a case are fair even where the machine is busy. Writes docs/benchmarks/peers.json and peers.md, in which
 * what a restricted run leaves out stays as it was.
 *
 *   pnpm bench [--only casa,pytorch] [--cases forward,step] [--no-write]
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { decoderTokens, decoderWeights, referenceShape } from './decoder-shape.ts'
import type { CaseName } from './peers/peer.ts'
import type { CaseResult } from './run-case.node.ts'
import { table, type Machine, type Row, type Spread } from './table.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    cases: { type: 'string', default: 'linear,transposed,vector,attention,attentionGradient,forward,step' },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
})
const here = fileURLToPath(new URL('.', import.meta.url))
const relaxedFlag = '--experimental-wasm-relaxed-simd'
// From Node 22 relaxed SIMD needs no flag, and cannot be told apart from the plain build any more.
const hasFlag = Number(process.versions.node.split('.')[0]) < 22

const runCase = ['--import', 'tsx', '--conditions=@casa-js/source', join(here, 'run-case.node.ts')]

interface Contestant {
  name: string
  command: (name: CaseName) => [program: string, ...args: string[]]
}

const node = (contestant: string, ...flags: string[]): Contestant => ({
  name: [contestant, ...flags.map(() => 'relaxed')].join(' '),
  command: (name) => [process.execPath, ...flags, ...runCase, contestant, name],
})

const folder = mkdtempSync(join(tmpdir(), 'casa-bench-'))
const pytorch = (threads: number): Contestant => ({
  name: `pytorch:${threads}`,
  command: (name) => ['python3', join(here, 'peers/pytorch.py'), name, String(threads), join(folder, 'decoder.json')],
})

const contestants: Contestant[] = [
  node('casa:wasm'),
  ...(hasFlag ? [node('casa:wasm', relaxedFlag)] : []),
  node('casa:webgpu'),
  node('tfjs'),
  node('onnx:1'),
  node('onnx:2'),
  node('jax'),
  pytorch(1),
  pytorch(2),
]

/** The decoder's numbers as files, for contestants that are not JavaScript. */
function writeDecoder(): void {
  const write = (file: string, data: Float32Array | Int32Array) => {
    writeFileSync(join(folder, file), new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    return file
  }
  const weights = Object.entries(decoderWeights(referenceShape)).map(([name, { data, shape }]) => {
    return [name, { shape, file: write(`${name}.f32`, data) }]
  })
  const { ids, targets } = decoderTokens(referenceShape)
  const spec = { shape: referenceShape, weights: Object.fromEntries(weights), ids: write('ids.i32', ids), targets: write('targets.i32', targets) }
  writeFileSync(join(folder, 'decoder.json'), JSON.stringify(spec))
}

async function measure({ name, command }: Contestant, caseName: CaseName): Promise<CaseResult> {
  const [program, ...args] = command(caseName)
  try {
    const { stdout } = await promisify(execFile)(program, args, { timeout: 900_000, maxBuffer: 1 << 26 })
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as CaseResult
  } catch (error) {
    const lines = String((error as { stderr?: string }).stderr || error).trim().split('\n')
    const reason = lines.findLast((line) => /Error/.test(line)) ?? lines.at(-1)!
    return { name, version: '', setting: '', times: [], processorTimes: [], skipped: reason.trim() }
  }
}

const docs = fileURLToPath(new URL('../../../docs/benchmarks/', import.meta.url))
const date = new Date().toISOString().slice(0, 10)
const machine: Machine = { processor: cpus()[0].model, cores: cpus().length, node: process.versions.node, date }
const wanted = values.only.split(',').filter(Boolean)
const running = contestants.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.startsWith(part)))
const rows = new Map<string, Row>()
for (const row of earlierRows()) rows.set(`${row.case} ${row.contestant}`, row)
try {
  writeDecoder()
  for (const caseName of values.cases.split(',') as CaseName[]) {
    for (const contestant of running) {
      const load = loadavg()[0]
      const result = await measure(contestant, caseName)
      rows.set(`${caseName} ${contestant.name}`, { case: caseName, contestant: contestant.name, load, ...summary(result) })
      save()
      const best = result.times.length > 0 ? `${Math.min(...result.processorTimes).toFixed(2)} ms` : `skipped: ${result.skipped}`
      console.error(`${caseName.padEnd(18)} ${contestant.name.padEnd(18)} ${best}`)
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}

console.log(save())

/** Written after every case of every contestant, so that a run that is cut short leaves what it measured. */
function save(): string {
  const place = ({ contestant }: Row) => contestants.findIndex(({ name }) => name === contestant)
  const results = [...rows.values()].toSorted((a, b) => place(a) - place(b))
  const markdown = table(machine, results)
  if (values.write) {
    mkdirSync(docs, { recursive: true })
    writeFileSync(join(docs, 'peers.json'), JSON.stringify({ machine, rows: results }, undefined, 2) + '\n')
    writeFileSync(join(docs, 'peers.md'), markdown)
  }
  return markdown
}

/** What an earlier run on the same machine measured and this one does not repeat. */
function earlierRows(): Row[] {
  const file = join(docs, 'peers.json')
  if (!existsSync(file)) return []
  const earlier = JSON.parse(readFileSync(file, 'utf8')) as { machine: Machine; rows: Row[] }
  return earlier.machine.processor === machine.processor && earlier.machine.node === machine.node ? earlier.rows : []
}

/** All times would be thousands of numbers: the best, the median and how many. */
function summary({ times, processorTimes, ...rest }: CaseResult) {
  const sorted = (values: number[]) => values.toSorted((a, b) => a - b)
  const spread = (values: number[]): Spread | undefined =>
    values.length > 0 ? { best: sorted(values)[0], median: sorted(values)[Math.floor(values.length / 2)] } : undefined
  return { ...rest, runs: times.length, clockMs: spread(times), processorMs: spread(processorTimes) }
}
