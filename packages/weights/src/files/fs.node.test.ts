import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ByteSource } from '../bytes/source.ts'
import { openWeights } from '../folder/open-weights.ts'
import { encodeSafetensors } from '../safetensors/writer.ts'
import { fileSink, fileSource, fsFolder } from './fs.node.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'casa-fs-'))
})
afterEach(async () => {
  await chmod(root, 0o700)
  await rm(root, { recursive: true })
})

const isPosix = process.platform !== 'win32'
const isRoot = process.getuid?.() === 0

describe('files', () => {
  it.runIf(isPosix)('are refused at once when they are pipes, devices or folders', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')])
    await symlink('/dev/zero', join(root, 'zero'))
    await mkdir(join(root, 'folder'))
    for (const [name, what] of [
      ['pipe', 'a named pipe'],
      ['zero', 'a device'],
      ['folder', 'a folder'],
    ]) {
      await expect(fileSource(join(root, name!))).rejects.toMatchObject({
        name: 'FileError',
        message: expect.stringContaining(what!),
      })
    }
  })

  it('that went away, or were replaced, while they were not held open are refused', async () => {
    const names = Array.from({ length: 120 }, (_, i) => join(root, String(i)))
    for (const name of names) await writeFile(name, name)
    // One after the other: the first ones are the least recently used.
    const sources: ByteSource[] = []
    for (const name of names) sources.push(await fileSource(name))
    await writeFile(join(root, 'other'), names[0]!)
    await rename(join(root, 'other'), names[0]!)
    await utimes(names[1]!, 1, 1)
    await rm(names[2]!)
    for (const source of sources.slice(0, 3)) await expect(source.read(0, 1)).rejects.toMatchObject({ rule: 'changed' })
    for (const source of sources.slice(3)) expect(new TextDecoder().decode(await source.read(0, source.size))).toBe(source.name)
    await Promise.all(sources.map((source) => source.close()))
    await expect(sources[5]!.read(0, 1)).rejects.toMatchObject({ rule: 'closed' })
  })

  it.runIf(isPosix && !isRoot)('say so when a folder may not be written to', async () => {
    await chmod(root, 0o500)
    await expect(fileSink(join(root, 'file'))).rejects.toMatchObject({
      name: 'FileError',
      message: expect.stringContaining('no right to write'),
    })
  })

  it('say so when a file stands where a folder is needed', async () => {
    await writeFile(join(root, 'file'), '')
    await expect(fileSink(join(root, 'file', 'deeper'))).rejects.toMatchObject({ name: 'FileError' })
  })

  it('open as many shards as a checkpoint has, within few open files', async () => {
    const count = 1500
    const map: Record<string, string> = {}
    for (let i = 0; i < count; i++) {
      map[`t${i}`] = `${i}.safetensors`
      await writeFile(
        join(root, `${i}.safetensors`),
        await encodeSafetensors({ [`t${i}`]: { dtype: 'U8', shape: [1], data: Uint8Array.of(i % 251) } }),
      )
    }
    await writeFile(join(root, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }))
    const weights = await openWeights(fsFolder(root))
    if (process.platform === 'linux') expect((await readdir('/proc/self/fd')).length).toBeLessThan(300)
    for (const i of [0, 700, count - 1, 0]) expect([...(await weights.read(`t${i}`))]).toEqual([i % 251])
    await weights.close()
  })
})
