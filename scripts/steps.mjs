/** Running the steps of a long command: each with its name, its time, and its output shown only when it fails. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
/** pnpm as package.json pins it, through npx, so that nothing but Node has to be installed. */
export const pnpm = ['npx', '--yes', 'pnpm@12.21.0']

/** Run a command; resolves with its exit code and what it printed. */
export function run(command, { cwd = root, show = false, env = {} } = {}) {
  return new Promise((resolve) => {
    const [file, ...args] = command
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text) => {
        output += text
        if (show) process.stdout.write(text)
      })
    }
    child.on('error', (error) => resolve({ code: 127, output: output + error.message }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** Run a named step; prints one line, on a terminal from its beginning. On failure prints its whole output and returns false. */
export async function step(name, command, options) {
  const started = performance.now()
  // What is going on, until its line is there.
  if (process.stdout.isTTY) process.stdout.write(`...    ${name}\r`)
  const { code, output } = await run(command, options)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  if (code !== 0) console.log(output)
  return { passed: code === 0, output }
}
