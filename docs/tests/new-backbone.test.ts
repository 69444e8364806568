/** What `pnpm new:backbone` writes is a family: it is in the list, and obeys every law that needs no original. */
import type { BackboneFamily } from '@casa-js/core'
import { describeBackbone } from '@casa-js/testing'
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { root } from './snippets.ts'

/** A copy of the package's sources, inside this package, so that its dependencies resolve. */
const copy = fileURLToPath(new URL('../.cache/scaffold', import.meta.url))
const script = join(root, 'scripts/new-backbone.mjs')
const newBackbone = (...args: string[]) => promisify(execFile)(process.execPath, [script, ...args, '--root', copy])

await rm(copy, { recursive: true, force: true })
await mkdir(copy, { recursive: true })
await cp(join(root, 'packages/backbones/src'), join(copy, 'packages/backbones/src'), { recursive: true })
const { stdout } = await newBackbone('new_model')
const { backboneFamilies } = (await import(join(copy, 'packages/backbones/src/families.ts'))) as {
  backboneFamilies: BackboneFamily[]
}
const family = backboneFamilies.at(-1)!

describe('a scaffolded backbone', () => {
  it('is in the list, and every file it needs is there', async () => {
    expect(family.modelType).toBe('new_model')
    const files = [...stdout.matchAll(/^new\s+(\S+)$/gm)].map((match) => match[1])
    expect(files).toHaveLength(5)
    for (const file of files) expect(await readFile(join(copy, file!), 'utf8'), file).not.toMatch(/__\w+_type__|__identifier__/)
    expect(await readFile(join(copy, 'packages/backbones/src/index.ts'), 'utf8')).toContain(
      "export { new_model } from './new_model.ts'",
    )
  })

  it('does not pass lint before its page is written and its golden is there', async () => {
    const check = () => promisify(execFile)(process.execPath, [join(root, 'scripts/contributions.mjs'), '--root', copy])
    const { stderr } = await check().then(
      () => ({ stderr: 'passed' }),
      (error: { stderr: string }) => error,
    )
    for (const path of [
      'docs/backbones/new_model.md:3',
      'packages/backbones/src/new_model.ts:2',
      '.changeset/backbone-new_model.md:5',
    ])
      expect(stderr).toContain(`${path}: still to be written`)
    expect(stderr).toContain('packages/backbones/fixtures/new_model: this is where docs/backbones/new_model.md says')
  })

  it('is not written over another', async () => {
    await expect(newBackbone('llama')).rejects.toThrow('packages/backbones/src/llama.ts exists')
    await expect(newBackbone('../llama')).rejects.toThrow('is not a model_type')
    await expect(newBackbone()).rejects.toThrow('usage')
  })
})

await describeBackbone(family)
