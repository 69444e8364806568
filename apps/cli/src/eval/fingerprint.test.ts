import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { fixture } from '../fixtures/casa.ts'
import { modelFingerprint } from './fingerprint.ts'

const root = mkdtempSync(join(tmpdir(), 'casa-fingerprint-'))
afterAll(() => rmSync(root, { recursive: true }))

it('names a model by what its files hold: notes beside it do not count, a changed weight does', async () => {
  const model = join(root, 'model')
  cpSync(fixture.language, model, { recursive: true })
  const name = await modelFingerprint(model)
  expect(name).toMatch(/^model@[0-9a-f]{12}$/)
  writeFileSync(join(model, 'notes.txt'), 'mine')
  expect(await modelFingerprint(`${model}/`)).toBe(name)
  writeFileSync(join(model, 'config.json'), '{}')
  expect(await modelFingerprint(model)).not.toBe(name)
})

it('takes a single file, and an address as it is', async () => {
  writeFileSync(join(root, 'tiny.gguf'), 'GGUF')
  expect(await modelFingerprint(join(root, 'tiny.gguf'))).toMatch(/^tiny\.gguf@/)
  expect(await modelFingerprint('hub:organisation/name')).toBe('hub:organisation/name')
})
