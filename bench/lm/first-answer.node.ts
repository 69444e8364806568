/**
 * The first text of an answer by the built `casa ask`, from the start of its process. Prints one line of JSON, a list of LmExtra.
 *
 *   first-answer.node.ts MODEL THREADS
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { least, rounds, type LmExtra, type Timing } from './lm.ts'
import { processorMsOf } from './process-tree.ts'

const [model, threads] = process.argv.slice(2) as [string, string]
const bin = fileURLToPath(new URL('../../apps/cli/bin/casa.js', import.meta.url))
if (!existsSync(fileURLToPath(new URL('../../apps/cli/dist/bin.js', import.meta.url))))
  throw new Error('Error: the command is not built: pnpm build')

async function answer(): Promise<Timing> {
  const start = performance.now()
  const question = 'What is the capital of France? Answer shortly.'
  const child = spawn(process.execPath, [bin, 'ask', question, '--model', model, '--device', 'wasm', '--max-tokens', '8'], {
    env: { ...process.env, CASA_THREADS: threads },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const errors: string[] = []
  child.stderr.on('data', (text) => void errors.push(String(text)))
  const ended = once(child, 'close')
  const first = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)])
  const timing = { clockMs: performance.now() - start, processorMs: processorMsOf(child.pid!) }
  const [code] = (await ended) as [number]
  if (!first || code !== 0) throw new Error(`Error: casa ask ended with ${code}: ${errors.join('').trim().split('\n').at(-1)}`)
  return timing
}

const times: Timing[] = []
for (let i = 0; i < rounds; i++) times.push(await answer())
const extras: LmExtra[] = [
  { what: 'first text of an answer by `casa ask`', setting: `${model.split('/').at(-1)}, ${threads} thread(s)`, ...least(times) },
]
console.log(JSON.stringify(extras))
