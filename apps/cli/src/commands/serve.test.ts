/** `casa serve` in a separate process, with the model that comes with casa. */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

const bin = fileURLToPath(new URL('../bin.ts', import.meta.url))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const args = ['--conditions=@casa-js/source', '--import', tsx, bin, 'serve', '--device', 'wasm', '--port', '0']

test('it answers until it is told to end, and ends well', async () => {
  const child = spawn(process.execPath, [...args, '--token', 'secret'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  try {
    const [line] = await Promise.race([
      createInterface(child.stdout)
        [Symbol.asyncIterator]()
        .next()
        .then(({ value }) => [String(value)]),
      ended.then((code) => [`ended with ${code}`]),
    ])
    const url = /^serving "casa" on (http:\/\/127\.0\.0\.1:\d+\/v1)$/.exec(line!)?.[1]
    expect(url, line).toBeDefined()
    const response = await fetch(`${url}/models`, { headers: { authorization: 'Bearer secret' } })
    expect(await response.json()).toMatchObject({ data: [{ id: 'casa' }] })
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  } finally {
    child.kill('SIGKILL')
  }
})
