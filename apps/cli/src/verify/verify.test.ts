/** Every golden of the repository through `casa verify`'s own code, on every available device. */
import { describeOnDevices } from '@casa-js/testing'
import { expect, it } from 'vitest'
import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadModel } from '@casa-js/vlm'
import { passed, tolerancesOf, type Check } from './compare.ts'
import { findGoldens } from './index.ts'

const at = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url))
const goldens = await Promise.all(
  ['packages/backbones/fixtures', 'packages/vlm/fixtures', 'apps/cli/goldens'].map((path) => findGoldens(at(path))),
)

await describeOnDevices('goldens', ({ device }) => {
  for (const { folder, verify } of goldens.flat()) {
    it(folder.slice(at('').length), async () => {
      const checks: Check[] = []
      for await (const check of verify(tolerancesOf(device))) checks.push(check)
      expect(checks.length).toBeGreaterThan(0)
      expect(checks.filter((check) => !passed(check))).toEqual([])
    })
  }
})

it('finds what a folder holds, and says so when it holds nothing', async () => {
  expect(new Set((await findGoldens(at('packages/backbones/fixtures'))).map(({ kind }) => kind))).toEqual(new Set(['model']))
  expect((await findGoldens(at('packages/vlm/fixtures/casa'))).map(({ kind }) => kind)).toEqual(
    Array.from({ length: 8 }, () => 'casa'),
  )
  await expect(findGoldens(at('scripts'))).rejects.toThrow('no golden folder')
  await expect(findGoldens(at('no-such-folder'))).rejects.toThrow('no such folder')
})

it('reads the whole of Qwen2.5-VL from a config of the 4.x layout', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'casa-v4-'))
  cpSync(at('packages/vlm/fixtures/qwen2_5_vl'), folder, { recursive: true })
  renameSync(join(folder, 'config.v4.json'), join(folder, 'config.json'))
  const [new5, old4] = [await loadModel(at('packages/vlm/fixtures/qwen2_5_vl')), await loadModel(folder)]
  expect(old4.config.backbone.config).toEqual(new5.config.backbone.config)
  expect(old4.config.vision!.config).toEqual(new5.config.vision!.config)
  new5.dispose()
  old4.dispose()
  rmSync(folder, { recursive: true })
})
