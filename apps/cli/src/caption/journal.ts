/**
 * The JSONL file of captions: a line per frame, appended as it arrives. FILE.state next to it is saved periodically and holds the model's memory, so
 * that `--resume` works after a kill. Frames after the last saved state are captioned again.
 */
import { CasaError, FileError } from '@casa-js/base'
import { fileSink } from '@casa-js/weights'
import { open, readFile, rm, truncate, type FileHandle } from 'node:fs/promises'
import type { CaptionRecord } from './formats.ts'

/** Settings that must be unchanged to resume. */
export interface JournalSettings {
  sources: readonly string[]
  model: string
  framesPerSecond: number
}

export interface Journal {
  /** The earlier captions, and the model's memory of them. */
  readonly before: readonly CaptionRecord[]
  readonly state: Uint8Array | undefined
  append(record: CaptionRecord): Promise<void>
  /** Saves the state for everything appended so far. */
  save(state: Uint8Array): Promise<void>
  /** The video has ended: removes the state, as there is nothing to resume. */
  finish(): Promise<void>
  close(): Promise<void>
}

interface StateHead extends JournalSettings {
  /** Length in bytes of the JSONL file when the state was saved. */
  bytes: number
}

const isRecord = (value: unknown): value is CaptionRecord => {
  const { start_ms, end_ms, text } = Object(value) as Partial<CaptionRecord>
  return typeof start_ms === 'number' && typeof end_ms === 'number' && typeof text === 'string'
}

const stateFile = (path: string) => `${path}.state`

/**
 * Opens a JSONL file of captions for writing: empty, or with `resume` from where its state ends.
 * @throws FileError when there is nothing to resume, or the state belongs to other captions.
 */
export async function openJournal(path: string, settings: JournalSettings, resume: boolean): Promise<Journal> {
  const found = resume ? await restore(path, settings) : { records: [], bytes: 0, state: undefined }
  const file = await open(path, resume ? 'r+' : 'w')
  if (resume) await truncate(path, found.bytes)
  else await rm(stateFile(path), { force: true })
  return journalOn(file, path, settings, found)
}

interface Restored {
  records: CaptionRecord[]
  bytes: number
  state: Uint8Array | undefined
}

function journalOn(file: FileHandle, path: string, settings: JournalSettings, { records, bytes, state }: Restored): Journal {
  let length = bytes
  return {
    before: records,
    state,
    async append(record) {
      const line = Buffer.from(`${JSON.stringify(record)}\n`)
      await file.write(line, 0, line.length, length)
      length += line.length
    },
    async save(memory) {
      await file.sync()
      const head = Buffer.from(`${JSON.stringify({ ...settings, bytes: length } satisfies StateHead)}\n`)
      const sink = await fileSink(stateFile(path))
      try {
        await sink.write(head)
        await sink.write(memory)
        await sink.commit()
      } catch (error) {
        await sink.abort()
        throw error
      }
    },
    finish: () => rm(stateFile(path), { force: true }),
    close: () => file.close(),
  }
}

async function restore(path: string, settings: JournalSettings): Promise<Restored> {
  const [lines, saved] = await Promise.all(
    [readFile(path), readFile(stateFile(path))].map((reading) => reading.catch(() => undefined)),
  )
  // Killed before the first state was saved.
  if (lines && !saved && lines.toString().split('\n').length <= 2) return { records: [], bytes: 0, state: undefined }
  if (!lines || !saved)
    throw new FileError(
      path,
      `there is nothing to go on with: ${lines ? `${stateFile(path)} is missing, so these captions ended` : 'it is not there'}. Leave out --resume to start`,
    )
  const end = saved.indexOf(10)
  const head = parseHead(path, saved.toString('utf8', 0, end))
  for (const key of ['model', 'framesPerSecond', 'sources'] as const) {
    if (JSON.stringify(head[key]) !== JSON.stringify(settings[key]))
      throw new CasaError(
        `--resume: these captions were made with ${key} ${JSON.stringify(head[key])}, now it is ${JSON.stringify(settings[key])}; use the same, or start anew`,
      )
  }
  if (lines.length < head.bytes)
    throw new FileError(path, `it is shorter than when its state was saved; start anew without --resume`)
  const records = lines
    .toString('utf8', 0, head.bytes)
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line))
  if (!records.every(isRecord)) throw new FileError(path, 'it holds lines that are no captions; start anew without --resume')
  return { records, bytes: head.bytes, state: new Uint8Array(saved.subarray(end + 1)) }
}

function parseHead(path: string, text: string): StateHead {
  try {
    return JSON.parse(text) as StateHead
  } catch {
    throw new FileError(stateFile(path), 'this is no state of captions; start anew without --resume')
  }
}
