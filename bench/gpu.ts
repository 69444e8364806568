/**
 * Tokens, prompts, products and attention on this machine's GPU, and PyTorch's on the same card, into docs/benchmarks/gpu.json and gpu.md.
 *
 *   pnpm bench gpu [--python python3] [--no-write]     --python: one with torch for CUDA, and transformers
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { GpuReport } from '../apps/cli/src/bench/gpu.ts'
import { gpuShapes, type GpuShape } from '../apps/cli/src/bench/gpu-shapes.ts'
import { gpuPage, type GpuResults, type GpuRun } from './gpu/page.ts'
import { attentions, products } from './gpu/shapes.ts'
import { docs, node, resultOf, runToEnd } from './processes.ts'

const { values } = parseArgs({
  options: { python: { type: 'string' }, write: { type: 'boolean', default: true } },
  allowNegative: true,
})

/** What is measured of each shape: of large ones not float32, which fills most cards. */
const formats: Partial<Record<GpuShape, string[]>> = {
  'smollm2-135m': ['float32', 'bf16', 'int8', 'int4'],
  'llama-3.2-1b': ['bf16', 'int8', 'int4'],
  'helium-1-2b': ['bf16', 'int4'],
}

const folder = mkdtempSync(join(tmpdir(), 'casa-gpu-'))
try {
  const tokens: GpuReport[] = []
  for (const [shape, list] of Object.entries(formats)) {
    const out = join(folder, `${shape}.json`)
    await runToEnd(
      node('apps/cli/src/bin.ts', ['bench', 'gpu', '--device', 'webgpu', '--shape', shape, '--formats', ...list, '--out', out]),
    )
    tokens.push(JSON.parse(readFileSync(out, 'utf8')) as GpuReport)
  }
  const measured = await resultOf<{ adapter: string; features: string[]; rows: GpuRun[] }>(node('bench/gpu/products.node.ts', []))
  if (typeof measured === 'string') throw new Error(measured)
  const pytorch = values.python === undefined ? undefined : await measurePyTorch(values.python)
  const { adapter, features, rows: runs } = measured
  const about = { day: new Date().toISOString().slice(0, 10), card: pytorch?.device ?? adapter, adapter, features }
  const results: GpuResults = { ...about, node: process.versions.node, tokens, runs, ...(pytorch && { pytorch }) }
  const page = gpuPage(results)
  console.log(page)
  if (values.write) {
    writeFileSync(join(docs, 'gpu.json'), `${JSON.stringify(results, null, 1)}\n`)
    writeFileSync(join(docs, 'gpu.md'), page)
  }
} finally {
  rmSync(folder, { recursive: true })
}

async function measurePyTorch(python: string): Promise<NonNullable<GpuResults['pytorch']>> {
  const models = Object.fromEntries(Object.keys(formats).map((shape) => [shape, gpuShapes[shape as GpuShape]]))
  const spec = join(folder, 'spec.json')
  writeFileSync(spec, JSON.stringify({ products, attentions, models }))
  const script = fileURLToPath(new URL('./gpu/pytorch.py', import.meta.url))
  const found = await resultOf<NonNullable<GpuResults['pytorch']>>([python, script, spec])
  if (typeof found === 'string') throw new Error(`PyTorch: ${found}`)
  return found
}
