import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatSrt, formatSrtTime, parseSrt, progressiveCues, progressiveSrt } from './index.ts'

const golden: { input: string; output: string; max_line_length: number }[] = JSON.parse(
  readFileSync(new URL('../../fixtures/progressive_srt.json', import.meta.url), 'utf8'),
)

test('progressive subtitles equal the live captioner', () => {
  for (const { input, output, max_line_length } of golden) {
    expect(progressiveSrt(input, { lineCharacters: max_line_length })).toBe(output)
    expect(progressiveSrt(input.replaceAll('\n', '\r\n'))).toBe(output)
  }
})

test('what is formatted parses back', () => {
  const word = fc.stringMatching(/^[a-zé😀]{1,8}$/u)
  const cue = fc.record({
    startMs: fc.nat(400_000_000),
    endMs: fc.nat(400_000_000),
    text: fc
      .array(
        fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' ')),
        { maxLength: 3 },
      )
      .map((lines) => lines.join('\n')),
  })
  fc.assert(
    fc.property(fc.array(cue, { maxLength: 6 }), (cues) => {
      expect(parseSrt(formatSrt(cues))).toEqual(cues)
    }),
  )
})

test('times count hours past a day, and a broken block is named', () => {
  expect(formatSrtTime(3_723_004.9)).toBe('01:02:03,004')
  expect(formatSrtTime(100 * 3_600_000)).toBe('100:00:00,000')
  expect(() => parseSrt('1\n00:00:00,000 --> 00:00:01,000\na\n\nstray')).toThrow(/block 2: .*"stray"/)
})

test('lines are counted in code points, and a cue that would end before it starts is left out', () => {
  const cues = [
    { startMs: 0, endMs: 500, text: '😀😀' },
    { startMs: 500, endMs: 900, text: '😀' },
    { startMs: 500, endMs: 400, text: 'late' },
  ]
  expect(progressiveCues(cues, { lineCharacters: 5 })).toEqual([{ startMs: 0, endMs: 500, text: ' 😀😀  ' }])
})
