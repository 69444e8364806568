/** `casa caption` over a folder of pictures and over animations, with a model that babbles. */
import { close, init } from '@casa-js/tensor'
import { readerTokens, trainBpe } from '@casa-js/tokenizers'
import { encodePng } from '@casa-js/vision'
import { createVlm, parseSrt, saveVlm, type VideoFrame } from '@casa-js/vlm'
import { Command } from 'commander'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { framesOf, pagesAt } from '../caption/frames.ts'
import { register } from './caption.ts'

const config = {
  model_type: 'casa_vlm',
  text_config: {
    model_type: 'llama',
    vocab_size: 262,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
  },
  vision_config: {
    model_type: 'casa_vit',
    patch_size: 4,
    hidden_size: 8,
    depth: 1,
    num_heads: 1,
    intermediate_size: 16,
    spatial_merge_size: 2,
    out_hidden_size: 16,
    max_pixels: 4096,
  },
  fusion_config: { kind: 'casa' },
}
const greys = [10, 60, 110, 160]
const [width, height] = [16, 8]
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'casa-caption-'))
  await init({ device: 'cpu' })
  const vlm = createVlm(config, 1, {
    tokenizerJson: trainBpe([], { vocabSize: 262, specialTokens: readerTokens }),
    processorConfig: { chat: { name: 'casa-reader' } },
  })
  await saveVlm(vlm, join(folder, 'model'))
  vlm.dispose()
  await close()
  mkdirSync(join(folder, 'frames'))
  for (const [i, grey] of greys.entries()) {
    // 8.png to 11.png: by name as text, 10 would come first.
    const image = { widthPx: width, heightPx: height, data: new Uint8Array(width * height * 3).fill(grey) }
    writeFileSync(join(folder, 'frames', `${i + 8}.png`), await encodePng(image))
  }
  writeFileSync(join(folder, 'frames', 'notes.txt'), 'no picture')
  const pages = Uint8Array.from(
    { length: greys.length * width * height * 3 },
    (_, i) => greys[Math.floor(i / (width * height * 3))]!,
  )
  const animation = () => sharp(pages, { raw: { width, height: height * greys.length, channels: 3, pageHeight: height } })
  writeFileSync(
    join(folder, 'clip.webp'),
    await animation()
      .webp({ lossless: true, delay: [100, 300, 500, 100] })
      .toBuffer(),
  )
  writeFileSync(
    join(folder, 'clip.gif'),
    await animation()
      .gif({ delay: [100, 300, 500, 100] })
      .toBuffer(),
  )
  mkdirSync(join(folder, 'empty'))
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

/** Run `casa caption`; what it printed. */
async function casaCaption(...args: string[]): Promise<string> {
  const printed: string[] = []
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0)
  const program = new Command().exitOverride()
  register(program)
  await program.parseAsync([
    'node',
    'casa',
    'caption',
    ...args,
    '--model',
    join(folder, 'model'),
    '--device',
    'cpu',
    '--max-tokens',
    '2',
  ])
  vi.restoreAllMocks()
  return printed.join('')
}

async function seen(path: string, framesPerSecond: number): Promise<[number, number][]> {
  const frames: VideoFrame[] = []
  for await (const frame of framesOf([join(folder, path)], framesPerSecond)) frames.push(frame)
  for (const { image } of frames)
    expect([image.widthPx, image.heightPx, image.data.length]).toEqual([width, height, width * height * 3])
  return frames.map(({ timeMs, image }) => [timeMs, image.data[0]!])
}

test('frames come in the order of their numbers, pages at their times', async () => {
  expect(await seen('frames', 2)).toEqual(greys.map((grey, i) => [i * 500, grey]))
  for (const clip of ['clip.webp', 'clip.gif']) {
    const found = await seen(clip, 4)
    // At 0, 250, 500 and 750 ms; the pages last until 100, 400, 900 and 1000.
    expect(found.map(([timeMs]) => timeMs)).toEqual([0, 250, 500, 750])
    for (const [i, grey] of [10, 60, 110, 110].entries())
      expect(Math.abs(found[i]![1] - grey), `${clip}, frame ${i}`).toBeLessThan(5)
  }
  expect(pagesAt([0, 0], 5)).toEqual([{ page: 0, timeMs: 0 }])
  expect(pagesAt([40], 2)).toEqual([{ page: 0, timeMs: 0 }])
  await expect(seen('empty', 2)).rejects.toThrow('there is no picture in this folder')
})

test('writes a line a frame and progressive subtitles, and says the text', async () => {
  const [jsonl, srt] = [join(folder, 'out.jsonl'), join(folder, 'out.srt')]
  const text = await casaCaption(join(folder, 'frames'), '--jsonl', jsonl, '--srt', srt, '--prefix', 'Now')
  const lines = readFileSync(jsonl, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map(({ start_ms, end_ms }) => [start_ms, end_ms])).toEqual([
    [0, 500],
    [500, 1000],
    [1000, 1500],
    [1500, 2000],
  ])
  expect(lines.map(({ text }) => text).join('') + '\n').toBe(text)
  expect(text.startsWith('Now')).toBe(true)
  for (const line of lines) {
    expect(line.tokens).toBeGreaterThan(0)
    expect(line.time_to_first_token_ms).toBeLessThanOrEqual(line.elapsed_ms)
  }
  expect(new Set(lines.slice(1).map(({ memory_bytes }) => memory_bytes)).size, 'memory is the same after every frame').toBe(1)
  expect(parseSrt(readFileSync(srt, 'utf8'))[0]).toMatchObject({ startMs: 0, text: expect.stringContaining('Now') })

  const printed = await casaCaption(join(folder, 'clip.webp'), '--jsonl', '-', '--temperature', '0')
  expect(
    printed
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).start_ms),
  ).toEqual([0, 500])
  await expect(casaCaption(join(folder, 'frames'), '--fps', 'x')).rejects.toThrow(
    /--fps <n>.*Expected a number, from 0.001 to 240/,
  )
})
