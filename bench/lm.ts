/**
 * `pnpm bench lm`: a real language model, SmolLM2-135M-Instruct, beside named peers on one and two threads: a prompt of 512 tokens, 64
 * tokens of greedy decoding, the time to a first token, memory. Contestants run one after another, each in a process of its own. Writes
 * docs/benchmarks/lm.json and lm.md; what a restricted run leaves out stays as it was.
 *
 *   pnpm bench lm [--model file.gguf] [--only casa-js,llama] [--threads 1,2] [--python python3] [--no-write]
 *
 * The model is scripts/fetch-smollm2.sh's. node-llama-cpp is installed into a temporary folder beside it; a peer that cannot be had is
 * listed with the reason.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { lmTable, type LmRow } from './lm/table.ts'
import type { LmResult } from './lm/lm.ts'
import { docs, node, resultOf, type Command } from './processes.ts'

const [prefillTokens, decodeTokens] = [512, 64]
const llamaVersion = '3.22.1'
const cache = fileURLToPath(new URL('../.cache/smollm2/', import.meta.url))

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: join(cache, 'SmolLM2-135M-Instruct.Q4_1.gguf') },
    only: { type: 'string', default: '' },
    threads: { type: 'string', default: '1,2' },
    python: { type: 'string', default: 'python3' },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
})
const { model, python } = values
if (!existsSync(model)) throw new Error(`${model} is not there: scripts/fetch-smollm2.sh fetches it`)
const formats = await resultOf<string>(node('bench/lm/formats.node.ts', [model, join(dirname(model), 'formats')]))
const relaxed = Number(process.versions.node.split('.')[0]) < 22 ? ['--experimental-wasm-relaxed-simd'] : []
const lengths = [String(prefillTokens), String(decodeTokens)]
const casa = (path: string, form: string) => (threads: string) =>
  node('bench/lm/casa.node.ts', [path, form, threads, ...lengths], relaxed)
const format = (name: string) => join(formats, name)

/** A contestant, its weights, and the command for a number of threads; a string is the reason why there is none. */
const contestants: [name: string, weights: string, command: string | ((threads: string) => Command)][] = [
  ['casa-js', 'float32', casa(format('bf16'), 'float32')],
  ['casa-js', 'bf16', casa(format('bf16'), 'compressed')],
  ['casa-js', 'int8', casa(format('int8'), 'compressed')],
  ['casa-js', 'int4, head int8', casa(format('int4'), 'compressed')],
  ['casa-js', 'GGUF Q4_1', casa(model, 'compressed')],
  [`llama.cpp (node-llama-cpp ${llamaVersion})`, 'GGUF Q4_1', llama()],
  [
    'PyTorch',
    'float32',
    (threads) => [python, fileURLToPath(new URL('lm/pytorch.py', import.meta.url)), format('bf16'), threads, ...lengths],
  ],
  ['wllama (Chromium)', 'GGUF Q4_1', 'its page and binaries are not part of this bench yet'],
  ['transformers.js', 'ONNX', 'no ONNX export of this model can be made without its hub'],
]

/** Installed apart, without its scripts: its prebuilt binaries are packages. */
function llama() {
  const folder = join(dirname(model), 'peers')
  try {
    if (!existsSync(join(folder, 'node_modules/node-llama-cpp'))) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'package.json'), '{ "private": true }')
      execFileSync('npm', ['install', '--silent', '--ignore-scripts', `node-llama-cpp@${llamaVersion}`], { cwd: folder })
    }
  } catch (error) {
    return `node-llama-cpp cannot be installed: ${(error as Error).message.split('\n')[0]}`
  }
  return (threads: string): Command => node('bench/lm/llama.node.ts', [folder, model, threads, ...lengths])
}

const machine = { processor: cpus()[0]!.model, cores: cpus().length, node: process.versions.node }
const file = join(docs, 'lm.json')
const keyOf = ({ name, weights, threads }: LmRow) => [name, weights, threads].join()
const earlier = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { rows: LmRow[] }).rows : []
const rows = new Map(earlier.map((row) => [keyOf(row), row]))
const wanted = values.only.split(',').filter(Boolean)
for (const threads of values.threads.split(',')) {
  for (const [name, weights, command] of contestants) {
    if (wanted.length > 0 && !wanted.some((part) => `${name} ${weights}`.includes(part))) continue
    const about = { name, weights, threads: Number(threads), load: loadavg()[0]! }
    const result = typeof command === 'string' ? command : await resultOf<LmResult>(command(threads))
    const row: LmRow = typeof result === 'string' ? { ...about, skipped: result } : { ...about, ...result }
    rows.set(keyOf(row), row)
    console.error(`${threads} thread(s)  ${name} ${weights}: ${row.skipped ?? `decode ${row.decode!.processorMs.toFixed(1)} ms`}`)
    if (values.write) {
      writeFileSync(file, JSON.stringify({ machine, rows: [...rows.values()] }, undefined, 2) + '\n')
      writeFileSync(join(docs, 'lm.md'), lmTable(machine, [...rows.values()]))
    }
  }
}
console.log(lmTable(machine, [...rows.values()]))
