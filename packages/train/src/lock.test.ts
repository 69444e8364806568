import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
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
