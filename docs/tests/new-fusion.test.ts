/** What `pnpm new:fusion` writes is a fusion: it is in the list, and obeys every law. */
import type { FusionFamily } from '@casa-js/core'
import { describeFusion } from '@casa-js/testing'
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { root } from './snippets.ts'

/** A copy of the package's sources, inside this package, so that its dependencies resolve. */
const copy = fileURLToPath(new URL('../.cache/scaffold-fusion', import.meta.url))
const script = join(root, 'scripts/new-fusion.mjs')
const newFusion = (...args: string[]) => promisify(execFile)(process.execPath, [script, ...args, '--root', copy])

await rm(copy, { recursive: true, force: true })
await mkdir(copy, { recursive: true })
await cp(join(root, 'packages/casa/src'), join(copy, 'packages/casa/src'), { recursive: true })
const { stdout } = await newFusion('new-fusion')
const { fusionFamilies } = (await import(join(copy, 'packages/casa/src/families.ts'))) as { fusionFamilies: FusionFamily[] }
const family = fusionFamilies.at(-1)!

describe('a scaffolded fusion', () => {
  it('is in the list, and every file it needs is there', async () => {
    expect(family.kind).toBe('new-fusion')
    const files = [...stdout.matchAll(/^new\s+(\S+)$/gm)].map((match) => match[1])
    expect(files).toHaveLength(4)
    for (const file of files) expect(await readFile(join(copy, file!), 'utf8'), file).not.toMatch(/__(kind|Name|identifier)__/)
    expect(await readFile(join(copy, 'packages/casa/src/index.ts'), 'utf8')).toContain(
      "export { newFusion } from './new-fusion.ts'",
    )
  })

  it('is not written over another', async () => {
    await expect(newFusion('casa')).rejects.toThrow('packages/casa/src/casa.ts exists')
    await expect(newFusion('../casa')).rejects.toThrow('is not a kind')
    await expect(newFusion()).rejects.toThrow('usage')
  })
})

await describeFusion(family, {
  cases: {
    'as scaffolded': { config: { every: 1 }, withoutImages: 'the backbone', addsNothing: true },
    'in every second block': { config: { every: 2 }, withoutImages: 'the backbone', addsNothing: true },
  },
})
