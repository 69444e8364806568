/**
 * casa-folder.json: what kind of folder this is, and, for a model folder, which files it has. A reader over HTTP asks for this file
 * first and makes no requests for optional files that are missing; commands read it to recognise their own folders.
 *
 *   { "kind": "model", "files": { "config.json": {}, "model.safetensors": { "sizeBytes": 123, "sha256": "..." } } }
 *
 * Only weights carry size and hash: small files may be edited by hand, and the folder must still open.
 */
import type { Expected } from '../remote/file-hash.ts'

export const folderMark = 'casa-folder.json'

export interface FolderMark {
  kind: string
  /** By name. undefined: the mark does not list files. */
  files?: Record<string, Pick<Expected, 'sizeBytes' | 'sha256'>>
}

export function markText(mark: FolderMark): string {
  return `${JSON.stringify(mark, null, 2)}\n`
}

/** undefined for text that is not a mark: an unrelated file that happens to have this name is ignored. */
export function parseMark(text: string): FolderMark | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  const { kind, files } = Object(json) as { kind?: unknown; files?: unknown }
  if (typeof kind !== 'string') return undefined
  if (files === undefined) return { kind }
  if (typeof files !== 'object' || files === null || Array.isArray(files)) return undefined
  const entries = Object.entries(files).map(([name, value]) => [name, expectedOf(value)] as const)
  if (entries.some(([name]) => name.includes('/') || name.includes('\\') || name.includes('\0'))) return undefined
  return { kind, files: Object.fromEntries(entries) }
}

function expectedOf(value: unknown): Pick<Expected, 'sizeBytes' | 'sha256'> {
  const { sizeBytes, sha256 } = Object(value) as { sizeBytes?: unknown; sha256?: unknown }
  return {
    ...(typeof sizeBytes === 'number' && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 ? { sizeBytes } : {}),
    ...(typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256) ? { sha256 } : {}),
  }
}
