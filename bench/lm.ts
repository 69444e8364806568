/**
 * `pnpm bench lm`: a real language model, SmolLM2-135M-Instruct, beside named peers on one and two threads: a prompt of 512 tokens, 64
 * tokens of greedy decoding, the time to a first token, memory. Then what a planned decode step is worth, and the first text of the built
 * `casa ask`. Contestants run one after another, each in a process of its own. Writes docs/benchmarks/lm.json, lm.md and lm.svg; what a
 * restricted run leaves out stays as it was.
 *
 *   pnpm bench lm [--model file.gguf] [--only casa-js,llama] [--threads 1,2] [--python python3] [--onnx-python python3] [--resume] [--no-write]
 *
 * --resume goes on with a run that was cut short: what the same code has measured on this machine is not measured again.
 *
 * The model is scripts/fetch-smollm2.sh's. Peers from npm are installed into a temporary folder beside it. --python: one with torch and
 * transformers. --onnx-python: one that can run lm/export-onnx.py, for the first time. A peer that cannot be had is listed with the reason.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findBrowser } from '../scripts/browser.mjs'
import { lmChart } from './lm/chart.ts'
import type { LmExtra, LmResult } from './lm/lm.ts'
import { lmPage, type LmReport, type LmRow } from './lm/table.ts'
import { docs, node, nodeVersion, relaxedFlags, resultOf, type Command } from './processes.ts'

const [prefillTokens, decodeTokens] = [512, 64]
const versions = { 'node-llama-cpp': '3.22.1', '@wllama/wllama': '3.13.0', '@huggingface/transformers': '4.3.1' }
const cache = fileURLToPath(new URL('../.cache/smollm2/', import.meta.url))

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: join(cache, 'SmolLM2-135M-Instruct.Q4_1.gguf') },
    only: { type: 'string', default: '' },
    threads: { type: 'string', default: '1,2' },
    python: { type: 'string', default: 'python3' },
    'onnx-python': { type: 'string' },
    resume: { type: 'boolean', default: false },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
})
const { model, python } = values
if (!existsSync(model)) throw new Error(`${model} is not there: scripts/fetch-smollm2.sh fetches it`)
const formats = await resultOf<string>(node('bench/lm/formats.node.ts', [model, join(dirname(model), 'formats')]))
const lengths = [String(prefillTokens), String(decodeTokens)]
const casa =
  (path: string, form: string, wide: string[] = []) =>
  (threads: string) =>
    node('bench/lm/casa.node.ts', [path, form, threads, ...lengths, ...wide], relaxedFlags)
const format = (name: string) => join(formats, name)
const onnxFolder = join(dirname(model), 'onnx')

const peers = join(dirname(model), 'peers')
const noPeers = installPeers()
/** A script of bench/lm that gets the folder of installed peers first. */
const peer = (script: string, ...before: string[]) =>
  noPeers ?? ((threads: string) => node(`bench/lm/${script}`, [peers, ...before, threads, ...lengths]))

/** Ours: the weights, the model's path, and the form in memory. */
const ours: [weights: string, path: string, form: string][] = [
  ['float32', format('bf16'), 'float32'],
  ['bf16', format('bf16'), 'compressed'],
  ['int8', format('int8'), 'compressed'],
  ['int4, head int8', format('int4'), 'compressed'],
  ['GGUF Q4_1', model, 'compressed'],
]
/** A contestant, its weights, and the command for a number of threads; a string is the reason why there is none. */
type Contestant = [name: string, weights: string, command: string | ((threads: string) => Command)]
const contestants: Contestant[] = [
  ...ours.map(([weights, path, form]): Contestant => ['casa-js', weights, casa(path, form)]),
  ...(nodeVersion >= 24
    ? ours.map(([weights, path, form]): Contestant => ['casa-js, wide vectors', weights, casa(path, form, ['wide'])])
    : []),
  [`llama.cpp (node-llama-cpp ${versions['node-llama-cpp']})`, 'GGUF Q4_1', peer('llama.node.ts', model)],
  [`wllama ${versions['@wllama/wllama']} (Chromium)`, 'GGUF Q4_1', findBrowser() ? peer('wllama.node.ts', model) : 'no Chromium'],
  [
    'PyTorch',
    'float32',
    (threads) => [python, fileURLToPath(new URL('lm/pytorch.py', import.meta.url)), format('bf16'), threads, ...lengths],
  ],
  ['transformers.js', 'ONNX float32', onnx() ?? peer('transformers-js.node.ts', onnxFolder, 'fp32')],
  ['transformers.js', 'ONNX 4 bits', onnx() ?? peer('transformers-js.node.ts', onnxFolder, 'q4')],
]

/** Scripts that measure something else: lists of LmExtra. */
const extras: [name: string, command: (threads: string) => Command][] = [
  ['plan', (threads) => node('bench/lm/plan.node.ts', [format('int4'), threads, '32', '32'], relaxedFlags)],
  ['plan, GGUF', (threads) => node('bench/lm/plan.node.ts', [model, threads, '32', '32'], relaxedFlags)],
  ['casa ask', (threads) => node('bench/lm/first-answer.node.ts', [format('int4'), threads])],
]

/** Installed apart, without their scripts: what is prebuilt is in packages. Returns why not. */
function installPeers(): string | undefined {
  const missing = Object.entries(versions).filter(([name]) => !existsSync(join(peers, 'node_modules', name)))
  if (missing.length === 0) return undefined
  try {
    mkdirSync(peers, { recursive: true })
    if (!existsSync(join(peers, 'package.json'))) writeFileSync(join(peers, 'package.json'), '{ "private": true }')
    const wanted = missing.map(([name, version]) => `${name}@${version}`)
    execFileSync('npm', ['install', '--silent', '--save-exact', '--ignore-scripts', ...wanted], { cwd: peers })
    return undefined
  } catch (error) {
    return `the peers cannot be installed: ${(error as Error).message.split('\n')[0]}`
  }
}

/** Makes the model's ONNX form if it is not there and a Python for it is. Returns why it cannot be had. */
function onnx(): string | undefined {
  if (existsSync(join(onnxFolder, 'onnx/model_q4.onnx'))) return undefined
  const onnxPython = values['onnx-python']
  if (onnxPython === undefined) return 'no ONNX of the model: --onnx-python makes it'
  try {
    execFileSync(onnxPython, [fileURLToPath(new URL('lm/export-onnx.py', import.meta.url)), format('bf16'), onnxFolder])
    return undefined
  } catch (error) {
    return `the ONNX cannot be made: ${(error as Error).message.split('\n')[0]}`
  }
}

const machine = { processor: cpus()[0]!.model, cores: cpus().length, node: process.versions.node }
const code = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
const file = join(docs, 'lm.json')
const keyOf = ({ name, weights, threads }: LmRow) => [name, weights, threads].join()
const keyOfExtra = ({ what, setting }: LmExtra) => [what, setting].join()
const earlier: Partial<LmReport> = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LmReport) : {}
const isSame = earlier.machine?.processor === machine.processor && earlier.machine.node === machine.node
const known = new Set(contestants.map(([name, weights]) => `${name},${weights}`))
const rows = new Map(
  (isSame ? earlier.rows : [])?.filter(({ name, weights }) => known.has(`${name},${weights}`)).map((row) => [keyOf(row), row]),
)
const others = new Map((isSame ? earlier.extras : [])?.map((extra) => [keyOfExtra(extra), extra]))

const isWanted = (name: string): boolean => {
  const wanted = values.only.split(',').filter(Boolean)
  return wanted.length === 0 || wanted.some((part) => name.includes(part))
}
const isDone = (row: { code?: string; skipped?: string } | undefined): boolean =>
  values.resume && row?.code === code && row.skipped === undefined

function save(): string {
  const report: LmReport = { machine, rows: [...rows.values()], extras: [...others.values()] }
  const page = lmPage(report)
  if (values.write) {
    writeFileSync(file, JSON.stringify(report, undefined, 2) + '\n')
    writeFileSync(join(docs, 'lm.md'), page)
    writeFileSync(join(docs, 'lm.svg'), lmChart(report.rows))
  }
  return page
}

for (const threads of values.threads.split(',')) {
  for (const [name, weights, command] of contestants) {
    const about = { name, weights, threads: Number(threads), load: loadavg()[0]!, code }
    if (!isWanted(`${name} ${weights}`) || isDone(rows.get(keyOf(about)))) continue
    const result = typeof command === 'string' ? command : await resultOf<LmResult>(command(threads))
    const row: LmRow = typeof result === 'string' ? { ...about, skipped: result } : { ...about, ...result }
    rows.set(keyOf(row), row)
    console.error(`${threads} thread(s)  ${name} ${weights}: ${row.skipped ?? `decode ${row.decode!.processorMs.toFixed(1)} ms`}`)
    save()
  }
  for (const [name, command] of extras) {
    if (
      !isWanted(name) ||
      (values.resume && [...others.values()].some((each) => isDone(each) && each.run === `${name} ${threads}`))
    )
      continue
    const load = loadavg()[0]!
    const result = await resultOf<LmExtra[]>(command(threads))
    if (typeof result === 'string') console.error(`${threads} thread(s)  ${name}: ${result}`)
    else for (const extra of result) others.set(keyOfExtra(extra), { ...extra, run: `${name} ${threads}`, load, code })
    save()
  }
}
console.log(save())
