/** The parts of `casa caption` that need no model: files, sentences, the journal that --resume reads. */
import { parseSrt } from '@casa-js/vlm'
import fc from 'fast-check'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readableCues, shortClock, srtOf, textOf, vttOf, type CaptionRecord } from './formats.ts'
import { openJournal } from './journal.ts'
import { subtitleCodecOf } from './programs.ts'
import { createSentenceStream } from './sentences.ts'

const folder = mkdtempSync(join(tmpdir(), 'casa-caption-parts-'))
afterAll(() => rmSync(folder, { recursive: true }))

const record = (start_ms: number, text: string): CaptionRecord => ({
  start_ms,
  end_ms: start_ms + 500,
  time_to_first_token_ms: 1,
  elapsed_ms: 2,
  lag_ms: 0,
  dropped: 0,
  tokens: 3,
  text,
  end: 'stop',
  cached_tokens: 4,
  memory_bytes: 5,
})
const records = [
  record(0, ' A red apple appears.'),
  record(500, ''),
  record(1000, ''),
  record(1500, ' It <moves> left. '),
  record(2000, ''),
]

describe('files of captions', () => {
  it('hold what was said until the next is said, and nothing for silence', () => {
    expect(readableCues(records)).toEqual([
      { startMs: 0, endMs: 1500, text: 'A red apple appears.' },
      { startMs: 1500, endMs: 2500, text: 'It <moves> left.' },
    ])
    expect(parseSrt(srtOf(records)).map(({ text }) => text)).toEqual(['A red apple appears.', 'It <moves> left.'])
    expect(vttOf(records)).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nA red apple appears.\n\n00:00:01.500 --> 00:00:02.500\nIt &lt;moves&gt; left.\n',
    )
    expect(textOf(records)).toBe('0:00.0  A red apple appears.\n0:01.5  It <moves> left.\n')
    expect(parseSrt(srtOf(records, true)).at(-1)!.text).toContain('A red apple appears. It <moves> left.')
  })

  it('keep a caption that nothing follows for six seconds at most', () => {
    const long = [record(0, 'One.'), ...Array.from({ length: 40 }, (_, i) => record(500 * (i + 1), ''))]
    expect(readableCues(long)).toEqual([{ startMs: 0, endMs: 6000, text: 'One.' }])
  })

  it('never overlap, whatever was said when', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('', ' ', 'a', 'b c.'), { maxLength: 60 }), (texts) => {
        const cues = readableCues(texts.map((text, i) => record(500 * i, text)))
        expect(cues.length).toBe(texts.filter((text) => text.trim() !== '').length)
        cues.forEach(({ startMs, endMs }, i) => {
          expect(endMs).toBeGreaterThan(startMs)
          if (i > 0) expect(startMs).toBeGreaterThanOrEqual(cues[i - 1]!.endMs)
        })
      }),
    )
  })

  it('say times as people do', () => {
    expect([0, 59_960, 61_500, 3_723_500].map(shortClock)).toEqual(['0:00.0', '1:00.0', '1:01.5', '1:02:03.5'])
  })
})

describe('sentences', () => {
  it('are whole, wherever the pieces were cut', () => {
    const text = 'In this video a man opens a door. "Who is there?" He asks... Nobody (but the cat!) answers'
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 8 }), (cuts) => {
        // Pieces end between words, as frames do.
        const at = [...new Set(cuts.map((cut) => text.indexOf(' ', cut)).filter((cut) => cut > 0))].sort((a, b) => a - b)
        const stream = createSentenceStream()
        const pieces = [0, ...at].map((start, i) => text.slice(start, at[i] ?? text.length))
        const said = pieces.flatMap((piece) => stream.push(piece))
        expect([...said, stream.end()].join(' ')).toBe(text)
        expect(said).toContain('In this video a man opens a door.')
        expect(said).toContain('"Who is there?"')
      }),
    )
  })
})

describe('the journal', () => {
  const path = join(folder, 'captions.jsonl')
  const settings = { sources: ['a.mp4'], model: 'model', framesPerSecond: 2 }

  it('goes on from its last state: what was written behind it is captioned again', async () => {
    const first = await openJournal(path, settings, false)
    await first.append(records[0]!)
    await first.append(records[1]!)
    await first.save(Uint8Array.of(10, 13, 0, 255))
    await first.append(records[2]!)
    await first.close()
    writeFileSync(path, '{"start_ms":15', { flag: 'a' })

    const second = await openJournal(path, settings, true)
    expect(second.before).toEqual(records.slice(0, 2))
    expect(second.state).toEqual(Uint8Array.of(10, 13, 0, 255))
    await second.append(records[3]!)
    await second.finish()
    await second.close()
    expect(
      readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([records[0], records[1], records[3]])
    await expect(openJournal(path, settings, true)).rejects.toThrow('is missing, so these captions ended')
  })

  it('belongs to one video, model and rate', async () => {
    const journal = await openJournal(path, settings, false)
    await journal.append(records[0]!)
    await journal.save(Uint8Array.of(1))
    await journal.close()
    await expect(openJournal(path, { ...settings, framesPerSecond: 4 }, true)).rejects.toThrow(
      'made with framesPerSecond 2, now it is 4',
    )
    await expect(openJournal(path, { ...settings, sources: ['b.mp4'] }, true)).rejects.toThrow('made with sources ["a.mp4"]')
    await expect(openJournal(join(folder, 'none.jsonl'), settings, true)).rejects.toThrow('there is nothing to go on with')
    expect(readFileSync(path, 'utf8')).not.toBe('')
  })
})

it('a subtitle track goes into the containers that have one', () => {
  expect(['a.mp4', 'b.MKV', 'c.webm'].map(subtitleCodecOf)).toEqual(['mov_text', 'srt', 'webvtt'])
  expect(() => subtitleCodecOf('d.avi')).toThrow('.mp4')
})
