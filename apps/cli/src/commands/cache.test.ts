/** `casa cache` over a small cache, in which one file was damaged. */
import { folderAt } from '@casa-js/weights'
import { listCache } from '@casa-js/weights/node'
import { Command } from 'commander'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { fixture } from '../fixtures/casa.ts'
import { register } from './cache.ts'

const model = pathToFileURL(`${fixture.language}/`)
let folder: string
let server: Server
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'casa-cache-'))
  process.env.CASA_CACHE = folder
  server = createServer(({ url = '' }, response) => {
    const file = new URL(`.${url}`, model)
    if (!existsSync(file)) return void response.writeHead(404).end()
    response.setHeader('etag', '"1"')
    response.end(readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const source = await folderAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  for (const name of ['config.json', 'model.safetensors']) await (await source.open(name))?.close()
})
afterAll(() => {
  delete process.env.CASA_CACHE
  server.close()
  rmSync(folder, { recursive: true })
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

/** Runs `casa cache` and returns its output. */
async function casaCache(...args: string[]): Promise<string> {
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => void printed.push(String(line)))
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const program = new Command().exitOverride()
  register(program)
  for (const command of program.commands[0]!.commands) command.exitOverride()
  await program.parseAsync(['node', 'casa', 'cache', ...args])
  return printed.join('\n')
}

test('lists, finds damage, and removes what is named and nothing else', async () => {
  expect(await casaCache('list')).toMatch(/ kB {2}http\/.*model\.safetensors[^]*2 files, .* in /)
  expect(await casaCache('verify')).toMatch(/^2 good, 0 damaged; 2 files/)
  expect(process.exitCode).toBeUndefined()

  const [weights] = await listCache({ folder, match: ({ key }) => key.includes('model.safetensors') })
  const bytes = readFileSync(weights!.path)
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(weights!.path, bytes)
  expect(await casaCache('verify')).toMatch(/^1 good, 1 damaged; .*\na damaged file is fetched again/)
  expect(process.exitCode).toBe(1)

  writeFileSync(join(folder, 'notes.txt'), 'mine')
  await expect(casaCache('clear')).rejects.toThrow('name what to remove, or give --all')
  expect(await casaCache('clear', 'safetensors')).toMatch(/^removed 1 file, /)
  expect(await casaCache('clear', '--all')).toMatch(/^removed 1 file, /)
  expect(await listCache({ folder })).toEqual([])
  expect(readFileSync(join(folder, 'notes.txt'), 'utf8')).toBe('mine')
})
