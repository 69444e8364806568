/** What `pnpm bench gpu` measures, and its page. */
import type { GpuReport } from '../../apps/cli/src/bench/gpu.ts'
import { markdownTable } from '../../apps/cli/src/bench/markdown-table.ts'
import { attentions, nameOfAttention, products } from './shapes.ts'

export interface GpuRun {
  name: string
  ms: number
  teraflops: number
}

export interface GpuResults {
  /** Day of the run, 2026-11-26. */
  day: string
  /** The card, as PyTorch or the driver names it. */
  card: string
  adapter: string
  features: string[]
  node: string
  tokens: GpuReport[]
  runs: GpuRun[]
  /** How the run differed from one by the script. */
  note?: string
  pytorch?: { torch: string; device: string; rows: GpuRun[] }
}

const cell = (ms: number | undefined, digits = 2) => (ms === undefined ? '' : ms.toFixed(digits))

/** PyTorch's names of the formats that both have. */
const inPyTorch: Record<string, string> = { float32: 'float32', bf16: 'bfloat16' }

function tokenRows({ tokens, pytorch }: GpuResults): string[][] {
  return tokens.flatMap(({ shape, copyGigabytesPerSecond, rows }) =>
    rows.map((row) => {
      const kind = inPyTorch[row.format]
      const theirs = (what: string) => pytorch?.rows.find(({ name }) => name === `${shape} ${kind} ${what}`)?.ms
      const [eager, graph] = [theirs('token, eager'), theirs('token, CUDA graph')]
      const least = (row.weightBytes + row.cacheBytes) / copyGigabytesPerSecond / 1e6
      return [
        ...[shape, row.format, cell(least, 3), cell(row.measuredMs), cell(eager, 1), cell(graph)],
        ...[
          graph ? (row.measuredMs / graph).toFixed(2) : '',
          cell(row.promptMs, 1),
          cell(theirs(`prompt of ${row.contextTokens}`), 1),
        ],
      ]
    }),
  )
}

function productRows({ runs, pytorch }: GpuResults): string[][] {
  const ours = (name: string) => runs.find((run) => run.name === name)
  const theirs = (name: string) => pytorch?.rows.find((run) => run.name === name)
  const rate = (run: GpuRun | undefined) => (run ? run.teraflops.toFixed(1) : '')
  const rows = products.map((sizes) => {
    const size = sizes.join(' x ')
    const mine = ['float32', 'float32 transposed', 'bf16', 'int8', 'int4'].map((kind) => rate(ours(`${kind} ${size}`)))
    return ['product', size, ...mine, ...['float32', 'tf32', 'bf16'].map((kind) => rate(theirs(`${kind} ${size}`)))]
  })
  const attended = attentions.map((sizes) => {
    const name = nameOfAttention(sizes)
    const kind = (kind: string) => rate(theirs(`attention ${kind} ${name}`))
    return ['attention', name, rate(ours(`attention ${name}`)), '', '', '', '', kind('float32'), '', kind('bf16')]
  })
  return [...rows, ...attended]
}

export function gpuPage(results: GpuResults): string {
  const { day, card, adapter, features, node, note, pytorch, tokens } = results
  const context = tokens[0]?.rows[0]?.contextTokens ?? 0
  return `# On a GPU: ${card}

\`pnpm bench gpu\` on ${day}: ${card} (${adapter}), Dawn in Node ${node}, with ${features.join(', ')}${pytorch ? `; PyTorch ${pytorch.torch} on the same kind of card (${pytorch.device})` : ''}.
Weights are random, of the shapes of real models, as time does not depend on them. Written by the script from [gpu.json](gpu.json).${note ? ` ${note}` : ''}

## A token and a prompt

One token after ${context} others, from \`casa bench gpu\`; the least is the time in which the card's memory gives weights and cache once, at the
rate that adding two tensors reaches. PyTorch runs transformers' Llama with a static cache, op by op and from a CUDA graph. The ratio is ours over
the CUDA graph: below 1 is faster. Milliseconds by the clock.

${markdownTable(
  [
    ...['shape', 'weights', 'least', 'casa-js', 'PyTorch, eager', 'PyTorch, CUDA graph', 'ratio'],
    ...[`prompt of ${context}`, 'PyTorch, prompt'],
  ],
  tokenRows(results),
  2,
)}

## Products and attention

TFLOP/s. A product is x [rows, inputs] times a weight [outputs, inputs]; transposed: the weight's gradient. casa-js multiplies and sums in float32
whatever the weight is stored in; PyTorch's tf32 and bf16 use the card's matrix units, which WebGPU does not reach yet.

${markdownTable(
  [...['what', 'size', 'float32', 'transposed', 'bf16', 'int8', 'int4'], ...['PyTorch float32', 'PyTorch tf32', 'PyTorch bf16']],
  productRows(results),
  2,
)}
`
}
