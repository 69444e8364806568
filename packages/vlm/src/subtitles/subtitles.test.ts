import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatSrt, formatSrtTime, formatVtt, parseSrt, progressiveCues, progressiveSrt } from './index.ts'

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

test('subtitles of other tools are read: one-digit hours, dots, no milliseconds, no numbers, blanks in empty lines', () => {
  const cues = [
    { startMs: 1500, endMs: 2000, text: 'a' },
    { startMs: 3_600_000, endMs: 3_661_200, text: 'b\nc' },
  ]
  for (const written of [
    '1\n0:00:01.5 --> 0:00:02\na\n\n2\n1:00:00 --> 1:01:01,2\nb\nc',
    '\uFEFF00:00:01,500 --> 00:00:02,000  X1:40 X2:600\r\na\r\n \t\r\n\r\n01:00:00.000-->01:01:01.200\r\nb\r\nc\r\n',
  ])
    expect(parseSrt(written), written).toEqual(cues)
})

test('an empty line does not end a cue, and a time that is none is refused', () => {
  const odd = [
    { startMs: 0, endMs: 500, text: 'a\n\n \nb\r\n\r\nc' },
    { startMs: 500, endMs: 900, text: '\n' },
  ]
  expect(parseSrt(formatSrt(odd)).map(({ text }) => text)).toEqual(['a\nb\nc', ''])
  for (const timeMs of [-1, NaN, Infinity]) expect(() => formatSrtTime(timeMs)).toThrow(`at least 0 ms, found ${timeMs}`)
})

test('WebVTT: what would be a tag or a time is written out, and a cue that shows nothing is left out', () => {
  const cues = [
    { startMs: 1500, endMs: 2000, text: 'a <b> & c\n\n00:01 --> 00:02' },
    { startMs: 2000, endMs: 2500, text: ' ' },
    { startMs: 2500, endMs: 2500, text: 'late' },
    { startMs: 3_600_000, endMs: 3_601_000, text: 'd' },
  ]
  expect(formatVtt(cues)).toBe(
    'WEBVTT\n\n00:00:01.500 --> 00:00:02.000\na &lt;b&gt; &amp; c\n00:01 --&gt; 00:02\n\n01:00:00.000 --> 01:00:01.000\nd\n',
  )
})
