/** docs/benchmarks/lm.md from the rows of `pnpm bench lm`. */
import type { LmExtra, LmResult, Timing } from './lm.ts'

export interface LmRow extends Partial<LmResult> {
  name: string
  weights: string
  threads: number
  /** Load average of the machine when the contestant started. */
  load: number
  /** The commit that was measured. */
  code?: string
  skipped?: string
}

/** docs/benchmarks/lm.json. */
export interface LmReport {
  machine: LmMachine
  rows: LmRow[]
  /** `run`: by which script, and on how many threads. */
  extras: (LmExtra & { run: string; load: number; code?: string })[]
}

export interface LmMachine {
  processor: string
  cores: number
  node: string
}

const peer = 'llama.cpp'
const both = (timing: Timing, digits: number) => `${timing.processorMs.toFixed(digits)} (${timing.clockMs.toFixed(digits)})`

export function lmPage({ machine: { processor, cores, node }, rows, extras }: LmReport): string {
  const threads = [...new Set(rows.map((row) => row.threads))].toSorted((a, b) => a - b)
  const loads = [...rows.filter((row) => !row.skipped), ...extras].map(({ load }) => load)
  const sections = threads.map((count) => section(count, rows))
  return `# A real language model: SmolLM2-135M-Instruct

\`pnpm bench lm\` on ${processor}, ${cores} cores, Node ${node}. The model comes from \`scripts/fetch-smollm2.sh\` as GGUF (Q4_1); the other
formats are made from it by \`casa convert\`, its ONNX by \`bench/lm/export-onnx.py\`. A prompt of 512 tokens, then 64 tokens one by one, each the
likeliest; of ${roundsOf(rows)} the least. Times are milliseconds of the processor over all threads (of wllama: all of Chromium), then by the
clock in parentheses. Ratios are processor time beside llama.cpp's on as many threads: below 1 is faster. llama.cpp and PyTorch are native
code with vectors of 256 and 512 bits; wllama, llama.cpp in WebAssembly, has the 128 bits that casa-js has. "Wide vectors" of 256 bits
are \`init({ wideVectors: true })\` in Node 24 and newer, behind an experimental flag of V8. transformers.js runs
onnxruntime's native library, and its model computes the logits of all 512 tokens of a prompt, where the others compute the last one's.
Written by the script from [lm.json](lm.json).

![Processor milliseconds of a prompt and of a token](lm.svg)

${machineNote(loads, cores)}

${sections.join('\n\n')}

${speedUps(rows)}

${others(extras)}
`
}

function roundsOf(rows: readonly LmRow[]): string {
  const counts = [...new Set(rows.flatMap(({ rounds }) => rounds ?? []))].toSorted((a, b) => a - b)
  return `${counts.join(' or ')} round${counts.at(-1) === 1 ? '' : 's'}`
}

function machineNote(loads: readonly number[], cores: number): string {
  if (loads.length === 0) return ''
  const [least, most] = [Math.min(...loads), Math.max(...loads)]
  if (most <= cores)
    return `The load average of the machine was ${least.toFixed(1)} to ${most.toFixed(1)} when a contestant started.`
  return `The machine was shared while this was measured: its load average was ${least.toFixed(0)} to ${most.toFixed(0)} on ${cores} cores. Other work slows the clock many
times over, and processor time somewhat, as caches and memory are shared. So compare processor times, and those only roughly.`
}

function others(extras: LmReport['extras']): string {
  if (extras.length === 0) return ''
  const lines = extras.map((each) => `| ${each.what} | ${each.setting} | ${both(each, each.processorMs < 100 ? 2 : 0)} |`)
  return `## A planned step, and the first answer

What stands between a process and its first text, and what a plan of the decode step saves (\`bench/lm/plan.node.ts\`: op by op and planned in turns;
outside kernels: the same with kernels that do nothing; the walk of a planned token's list counts as kernels).

| what | with | ms |
| --- | --- | ---: |
${lines.join('\n')}`
}

function section(threads: number, rows: readonly LmRow[]): string {
  const here = rows.filter((row) => row.threads === threads)
  const reference = here.find(({ name, skipped }) => name.startsWith(peer) && !skipped)
  const ratio = (of: (row: LmRow) => number | undefined, row: LmRow) => {
    const [own, other] = [of(row), reference && of(reference)]
    return own === undefined || other === undefined ? '' : (own / other).toFixed(2)
  }
  const lines = here.map((row) => {
    if (row.skipped) return `| ${row.name} | ${row.weights} | not measured: ${row.skipped.replaceAll('|', '/')} | | | | | |`
    const cells = [
      both(row.prefill!, 0),
      ratio((each) => each.prefill?.processorMs, row),
      both(row.decode!, 1),
      ratio((each) => each.decode?.processorMs, row),
      both(row.firstToken!, 0),
      (row.peakBytes! / 2 ** 20).toFixed(0),
    ]
    return `| ${row.name} | ${row.weights} | ${cells.join(' | ')} |`
  })
  return `## ${threads} ${threads === 1 ? 'thread' : 'threads'}

| who | weights | prefill 512 | ratio | one token | ratio | first token | peak MiB |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
${lines.join('\n')}`
}

/** How much less time by the clock two threads take than one. */
function speedUps(rows: readonly LmRow[]): string {
  const lines = rows.flatMap((one) => {
    const two = rows.find((row) => row.threads === 2 && row.name === one.name && row.weights === one.weights)
    if (one.threads !== 1 || one.skipped || !two || two.skipped) return []
    const faster = (of: 'prefill' | 'decode') => (one[of]!.clockMs / two[of]!.clockMs).toFixed(2)
    return `| ${one.name} | ${one.weights} | ${faster('prefill')} | ${faster('decode')} |`
  })
  if (lines.length === 0)
    return '## Two threads beside one\n\nNot measured yet: by the clock, which needs an idle machine to mean anything.'
  return `## Two threads beside one

By the clock, which needs an idle machine to mean much: where others use the second core, there is none to use.

| who | weights | prefill | one token |
| --- | --- | ---: | ---: |
${lines.join('\n')}`
}
