import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { lockRun } from './lock.node.ts'

let out: string
beforeEach(async () => void (out = await mkdtemp(join(tmpdir(), 'casa-lock-'))))
afterEach(() => rm(out, { recursive: true, force: true }))

const lockOf = (pid: number, host = hostname()) => writeFile(join(out, 'run.lock'), JSON.stringify({ pid, host }))

it('is taken once, and given back', async () => {
  const unlock = await lockRun(join(out, 'new'))
  expect(await readdir(join(out, 'new'))).toEqual(['run.lock'])
  await unlock()
  expect(await readdir(join(out, 'new'))).toEqual([])
})

it('is refused while its process runs, and taken over once that was killed', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await lockOf(child.pid!)
  await expect(lockRun(out)).rejects.toThrow(/is being trained into by another process, .*wait for it, or remove run\.lock/)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await (
    await lockRun(out)
  )()
})

it('of another host is respected, a torn one is not', async () => {
  await lockOf(1, 'elsewhere')
  await expect(lockRun(out)).rejects.toThrow(/elsewhere/)
  await writeFile(join(out, 'run.lock'), '{"pid":')
  await (
    await lockRun(out)
  )()
})

it('is held by this process too, as often as it is asked for', async () => {
  const unlock = await lockRun(out)
  await expect(lockRun(out)).rejects.toThrow(/is being trained into/)
  await unlock()
  await (
    await lockRun(out)
  )()
  expect(await readdir(out)).toEqual([])
})

it('that is stale is taken by one of four starters, 25 times', { timeout: 120_000 }, async () => {
  const child = fileURLToPath(new URL('./fixtures/lock-child.ts', import.meta.url))
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  const starters = Array.from({ length: 4 }, () =>
    fork(child, { execArgv: ['--conditions=@casa-js/source', '--import', tsx], stdio: 'ignore' }),
  )
  const answer = async (starter: (typeof starters)[number]) => (await once(starter, 'message'))[0] as string
  try {
    await Promise.all(starters.map(answer))
    const dead = spawn(process.execPath, ['-e', ''])
    await once(dead, 'exit')
    for (let round = 0; round < 25; round++) {
      const folder = join(out, `round-${round}`)
      await mkdir(folder)
      // As the current version leaves it, as an earlier version did, and truncated.
      const stale = [{ pid: dead.pid, host: hostname(), token: `old-${round}` }, { pid: dead.pid, host: hostname() }, ''][
        round % 3
      ]
      await writeFile(join(folder, 'run.lock'), stale === '' ? '{"pid":' : JSON.stringify(stale))
      const answers = starters.map(answer)
      for (const starter of starters) starter.send(folder)
      const said = await Promise.all(answers)
      expect(
        said.filter((word) => word === 'taken'),
        `round ${round}: ${said.join(' | ')}`,
      ).toHaveLength(1)
      expect(said.filter((word) => word.includes('is being trained into'))).toHaveLength(3)
      expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
    }
  } finally {
    for (const starter of starters) starter.kill('SIGKILL')
  }
})
