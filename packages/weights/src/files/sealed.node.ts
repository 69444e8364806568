/** Finished files of a cache folder, each with a seal (seal.ts) at the same path below the folder .seals. */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ByteSource } from '../bytes/source.ts'
import type { Expected } from '../remote/file-hash.ts'
import { explained, openFile } from './fs.node.ts'
import { checkSeal, parseSeal, type Seal } from './seal.ts'

export const sealFolder = '.seals'

/** Paths of a finished file and of its seal. */
export interface Place {
  path: string
  seal: string
}

/** undefined when there is no such file or it does not match its seal; then it is removed, so that it is downloaded again. */
export async function openSealed(place: Place, expected: Expected = {}, signal?: AbortSignal): Promise<ByteSource | undefined> {
  const source = await openFile(place.path)
  if (!source) return undefined
  try {
    if (await checkPlace(place, source, expected, signal)) return source
  } catch (error) {
    await source.close()
    throw error
  }
  await source.close()
  await rm(place.path, { force: true })
  await rm(place.seal, { force: true })
  return undefined
}

/** Whether the file matches its seal; records the check. */
export async function checkPlace(
  { path, seal: sealPath }: Place,
  source: ByteSource,
  expected: Expected = {},
  signal?: AbortSignal,
): Promise<boolean> {
  const seal = await readSeal(sealPath)
  const checked = await checkSeal(source, seal, await stateOf(path), expected, signal)
  // The cache may be read-only; then the hash is checked every time.
  if (checked && checked !== seal) await writeSeal(sealPath, checked).catch(() => {})
  return checked !== undefined
}

export function readSeal(path: string): Promise<Seal | undefined> {
  return readFile(path, 'utf8').then(parseSeal, () => undefined)
}

export async function writeSeal(path: string, seal: Seal): Promise<void> {
  await explained(path, async () => {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, JSON.stringify(seal))
  })
}

async function stateOf(path: string): Promise<string> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true })
  return `${size} ${mtimeNs} ${ino}`
}
