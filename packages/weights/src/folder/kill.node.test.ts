/** Writing model folders while the process is killed, or on a full disk: the old folder or the new one is there, complete. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRandom } from '@casa-js/core/random'
import { tensorsInMemory } from '../safetensors/writer.ts'
import { claimFolder } from './claim.node.ts'
import { openModelFolder } from './model-folder.ts'
import { writeModelFolder } from './write-model-folder.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'casa-kill-'))
})
afterEach(() => rm(root, { recursive: true }))

const floats = 200_000
const modelOf = (version: number) => ({
  config: { version },
  weights: tensorsInMemory({ w: { dtype: 'F32', shape: [floats], data: new Float32Array(floats).fill(version) } }),
})

/** Throws unless config and every weight are of one version. */
async function versionOf(folder: string): Promise<number> {
  const { config, weights } = await openModelFolder(folder)
  const { version } = config as { version: number }
  const values = await weights.read('w')
  await weights.close()
  expect(values.every((value) => value === version)).toBe(true)
  return version
}

const writer = fileURLToPath(new URL('./fixtures/write-for-ever.ts', import.meta.url))
const tsx = createRequire(import.meta.url).resolve('tsx')

describe('a model folder', () => {
  it('is whole after every kill, and nothing beside it is lost', async () => {
    const out = join(root, 'model')
    const random = createRandom(5)
    for (let round = 0; round < 6; round++) {
      const child = spawn(process.execPath, ['--import', tsx, '--conditions=@casa-js/source', writer, out, String(floats)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await new Promise((resolve) => child.stdout.once('data', resolve))
      await new Promise((resolve) => setTimeout(resolve, random.integer(0, 120)))
      child.kill('SIGKILL')
      await new Promise((resolve) => child.once('exit', resolve))
      await claimFolder(out, { kind: 'model' })
      expect(await versionOf(out)).toBeGreaterThan(0)
      expect(await readdir(out)).toContain('notes.txt')
    }
    await writeModelFolder(out, modelOf(1))
    expect(await readdir(root)).toEqual(['model'])
  })

  const canMount = process.platform === 'linux' && process.getuid?.() === 0 && mountable()
  it.runIf(canMount)('stays as it was on a disk that fills up', async () => {
    const disk = join(root, 'disk')
    await mkdir(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1500k', 'tmpfs', disk])
    try {
      const out = join(disk, 'model')
      await writeModelFolder(out, modelOf(1))
      await writeFile(join(out, 'notes.txt'), 'mine')
      await expect(writeModelFolder(out, modelOf(2))).rejects.toMatchObject({ rule: 'disk-full' })
      expect(await versionOf(out)).toBe(1)
      expect(await readdir(disk)).toEqual(['model'])
    } finally {
      execFileSync('umount', [disk])
    }
  })
})

/** Containers often lack the permission to mount. */
function mountable(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
