/** Contestants run in processes of their own, from the TypeScript sources, and print their result as a last line of JSON. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const nodeVersion = Number(process.versions.node.split('.')[0])

/** Relaxed SIMD needs a flag before Node 22. */
export const relaxedFlags = nodeVersion < 22 ? ['--experimental-wasm-relaxed-simd'] : []

export type Command = [program: string, ...args: string[]]

/** Node on a script of the repository. */
export const node = (script: string, args: string[], flags: string[] = []): Command => [
  process.execPath,
  ...flags,
  '--import',
  'tsx',
  '--conditions=@casa-js/source',
  fileURLToPath(new URL(`../${script}`, import.meta.url)),
  ...args,
]

/** A quarter of an hour: plain tfjs takes minutes for a step where the machine is busy. */
const longestMs = 900_000

/** What the process prints, or the line that says why it printed nothing. */
export async function resultOf<T>([program, ...args]: Command): Promise<T | string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { timeout: longestMs, maxBuffer: 1 << 26 })
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as T
  } catch (error) {
    if ((error as { killed?: boolean }).killed) return `took longer than ${longestMs / 60_000} minutes`
    const lines = String((error as { stderr?: string }).stderr || error)
      .trim()
      .split('\n')
    return (lines.findLast((line) => /Error/.test(line)) ?? lines.at(-1)!).trim()
  }
}

/** Runs a command whose output is shown. @throws if it fails */
export async function runToEnd([program, ...args]: Command): Promise<void> {
  const child = spawn(program, args, { stdio: 'inherit' })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${args.join(' ')}: exit status ${code}`)
}

/** Where `pnpm bench` writes. */
export const docs = fileURLToPath(new URL('../docs/benchmarks/', import.meta.url))
