/** The results as a page of markdown. */
import { referenceShape } from './decoder/decoder-shape.ts'
import type { CaseName, CaseResult } from './peers/peer.ts'
import { caseNames, type Counts } from './contestants.ts'

/** Milliseconds. */
export interface Spread {
  best: number
  median: number
}

export interface Row extends Omit<CaseResult, 'times' | 'processorTimes'> {
  case: CaseName
  contestant: string
  counts: Counts
  date: string
  /** Load average of the machine when the case began. */
  load: number
  runs: number
  clockMs?: Spread | undefined
  processorMs?: Spread | undefined
}

export interface Machine {
  processor: string
  cores: number
  node: string
}

const { width, ffn, layers, vocabulary, batch, tokens } = referenceShape
const weights = layers * (4 * width * width + 3 * width * ffn) + vocabulary * width
/** Every weight meets every token once; attention is causal, so half of all pairs count, in two products. */
const forwardOperations = 2 * batch * tokens * weights + 2 * layers * batch * tokens * tokens * width

/** What each case is, and the floating-point operations that its result needs: what is computed twice is not counted twice. */
export const cases: Record<CaseName, { title: string; operations: number }> = {
  linear: { title: 'x wᵀ, x [1024,256], w [1024,256]', operations: 2 * 1024 * 256 * 1024 },
  transposed: { title: 'aᵀ b, a [1024,1024], b [1024,256]', operations: 2 * 1024 * 1024 * 256 },
  vector: { title: 'x wᵀ, x [1,2048], w [2048,2048]', operations: 2 * 2048 * 2048 },
  attention: { title: 'attention, 32 heads x 128 x 64, forward', operations: 4 * 32 * 128 * 128 * 64 },
  attentionGradient: { title: 'attention, 32 heads x 128 x 64, forward and gradients', operations: 12 * 32 * 128 * 128 * 64 },
  forward: { title: 'reference decoder, forward', operations: forwardOperations },
  step: { title: 'reference decoder, AdamW step', operations: 3 * forwardOperations },
}

/** Best and median; undefined of no times. */
export function spread(times: number[]): Spread | undefined {
  if (times.length === 0) return undefined
  const sorted = times.toSorted((a, b) => a - b)
  return { best: sorted[0]!, median: sorted[Math.floor(sorted.length / 2)]! }
}

/** Milliseconds that are compared; undefined where there are none, or where they are a software adapter's. */
export const comparedMs = ({ counts, clockMs, processorMs, software }: Row): number | undefined =>
  software ? undefined : (counts === 'clock' ? clockMs : processorMs)?.best

export function table({ processor, cores, node }: Machine, rows: Row[]): string {
  const loads = rows.map((row) => row.load)
  const dates = [...new Set(rows.map((row) => row.date))].toSorted()
  const head = [
    '# Against named peers',
    '',
    `Written by \`pnpm bench\`. ${processor}, ${cores} cores, Node ${node}, ${dates.join(', ')};`,
    `load average ${range(loads)} while it ran.`,
    '',
    '- Every case runs in a process of its own, the contestants of a case one after another; "load" is the load average when it',
    '  began.',
    '- "Processor" is the time that the processor spent on a run, over all threads, which a busy machine hardly bends; "clock" is',
    '  how long a run took. Both are the best of all runs, with the median in brackets.',
    '- The ratios compare the processor time of contestants on one thread and the clock of those on several threads, or on a GPU.',
    '  "Times ours" takes casa-js on plain wasm as one; the next two take PyTorch on one thread and on two.',
    '- GFLOP/s are the operations that the result needs by the same time; what is computed twice to save memory is not counted twice.',
    '- All contestants start from the same numbers and must agree on the result: the loss of the reference decoder (in a step: before',
    '  its first), else the root mean square of the result, or of the gradient of q. One that does not is marked.',
    '- "Peak" is the growth of the process\'s largest resident memory over what it was before weights and inputs were made: the',
    '  runtime and its libraries are not in it, except for two workers, which start within.',
    '- A WebGPU adapter in software (SwiftShader) only shows that results are right; it runs once or twice, and no ratio is made of',
    '  its times.',
    '- The reference decoder: width 256, 4 heads, gated FFN 1024, 4 layers, vocabulary 512, batch 8 x 128. onnxruntime-web does not',
    '  train.',
  ]
  return [
    ...head,
    ...caseNames.flatMap((name) =>
      section(
        name,
        rows.filter((row) => row.case === name),
      ),
    ),
    '',
  ].join('\n')
}

function section(name: CaseName, rows: Row[]): string[] {
  if (rows.length === 0) return []
  const { title, operations } = cases[name]
  const isDecoder = name === 'forward' || name === 'step'
  const baselines = ['casa:wasm', 'pytorch:1', 'pytorch:2'].map((contestant) => rows.find((row) => row.contestant === contestant))
  const lines = rows.map((row) => {
    const who = [row.name, row.version].filter(Boolean).join(' ')
    if (!row.clockMs || !row.processorMs) return `| ${who} | ${row.setting} | skipped: ${row.skipped} |${' |'.repeat(8)}`
    const time = comparedMs(row)
    const cells = [
      cell(row.processorMs),
      cell(row.clockMs),
      ...baselines.map((baseline) => ratio(time, baseline && comparedMs(baseline))),
      time ? (operations / time / 1e6).toFixed(1) : '',
      row.value === undefined ? '' : `${row.value.toFixed(5)}${agree(row.value, baselines[0]?.value) ? '' : ', differs'}`,
      row.peakBytes && isDecoder ? (row.peakBytes / 2 ** 20).toFixed(0) : '',
      row.load.toFixed(1),
    ]
    return `| ${who} | ${row.setting} | ${cells.join(' | ')} |`
  })
  const value = isDecoder ? 'loss' : 'root mean square'
  const numbers = ['processor ms', 'clock ms', 'times ours', 'PyTorch 1', 'PyTorch 2', 'GFLOP/s', value, 'peak MiB', 'load']
  const columns = ['who', 'setting', ...numbers]
  const rule = `| --- | --- |${' ---: |'.repeat(numbers.length)}`
  return ['', `## ${title}`, '', `| ${columns.join(' | ')} |`, rule, ...lines]
}

/** Values agree within 1e-4; a missing value counts as agreement. */
const agree = (value: number, expected = value) => Math.abs(value - expected) <= 1e-4 * Math.abs(expected)

const cell = ({ best, median }: Spread) => `${best.toFixed(2)} (${median.toFixed(2)})`
const ratio = (time: number | undefined, of: number | undefined) => (time && of ? (time / of).toFixed(2) : '')
const range = (values: number[]) => `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`
