/** The results as a page of markdown. */
import type { CaseName } from './peers/peer.ts'
import type { CaseResult } from './run-case.node.ts'

/** Milliseconds. */
export interface Spread {
  best: number
  median: number
}

export interface Row extends Omit<CaseResult, 'times' | 'processorTimes'> {
  case: CaseName
  contestant: string
  /** Load average of the machine when the case began. */
  load: number
  runs: number
  clockMs?: Spread
  processorMs?: Spread
}

export interface Machine {
  processor: string
  cores: number
  node: string
  date: string
}

/** What each case is, and the floating-point operations of one run. */
const cases: Record<CaseName, { title: string; operations?: number }> = {
  linear: { title: 'x wᵀ, x [1024,256], w [1024,256]', operations: 2 * 1024 * 256 * 1024 },
  transposed: { title: 'aᵀ b, a [1024,1024], b [1024,256]', operations: 2 * 1024 * 1024 * 256 },
  vector: { title: 'x wᵀ, x [1,2048], w [2048,2048]', operations: 2 * 2048 * 2048 },
  attention: { title: 'attention, 32 heads x 128 x 64, forward', operations: 4 * 32 * 128 * 128 * 64 },
  attentionGradient: { title: 'attention, 32 heads x 128 x 64, forward and gradients', operations: 14 * 32 * 128 * 128 * 64 },
  forward: { title: 'reference decoder, forward' },
  step: { title: 'reference decoder, AdamW step' },
}

export function table({ processor, cores, node, date }: Machine, rows: Row[]): string {
  const loads = rows.map((row) => row.load)
  const head = [
    '# Against named peers',
    '',
    `Written by \`pnpm bench\`. ${processor}, ${cores} cores, Node ${node}, ${date}; load average ${range(loads)} while it ran.`,
    'Every case runs in a process of its own, the contestants of a case one after another. "Processor" is the time that the processor',
    'spent on a run, over all threads, which a busy machine hardly bends; "clock" is how long a run took. Both are the best of all runs,',
    'with the median in brackets. "Times ours" compares the best processor times, with casa-js on plain wasm as one.',
    'The reference decoder: width 256, 4 heads, gated FFN 1024, 4 layers, vocabulary 512, batch 8 x 128; the loss is that of its first step,',
    'which all contestants must agree on. Peak memory is the growth of the process from before the weights were made.',
  ]
  return [...head, ...(Object.keys(cases) as CaseName[]).flatMap((name) => section(name, rows)), ''].join('\n')
}

function section(name: CaseName, rows: Row[]): string[] {
  const mine = rows.filter((row) => row.case === name)
  if (mine.length === 0) return []
  const { title, operations } = cases[name]
  const ours = mine.find(({ contestant }) => contestant === 'casa:wasm')?.processorMs?.best
  const lines = mine.map((row) => {
    const who = [row.name, row.version].filter(Boolean).join(' ')
    if (!row.clockMs || !row.processorMs) return `| ${who} | ${row.setting} | skipped: ${row.skipped} | | | | | |`
    const time = row.processorMs.best
    const cells = [
      cell(row.processorMs),
      cell(row.clockMs),
      ours ? (time / ours).toFixed(2) : '',
      operations ? (operations / time / 1e6).toFixed(1) : '',
      typeof row.value === 'number' ? row.value.toFixed(5) : '',
      row.peakBytes && !operations ? (row.peakBytes / 2 ** 20).toFixed(0) : '',
    ]
    return `| ${who} | ${row.setting} | ${cells.join(' | ')} |`
  })
  const columns = '| who | setting | processor ms | clock ms | times ours | GFLOP/s | loss | peak MiB |'
  return ['', `## ${title}`, '', columns, '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |', ...lines]
}

const cell = ({ best, median }: Spread) => `${best.toFixed(2)} (${median.toFixed(2)})`
const range = (values: number[]) => `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`
