/** Frames of a video as `casa caption` finds them: pictures in the order of their names, and the pages of animated WebP and GIF files. */
import { FileError } from '@casa-js/base'
import type { VideoFrame } from '@casa-js/vlm'
import { decodeImage } from '@casa-js/vision'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'

const pictures = /\.(png|jpe?g|webp|gif)$/i
/** What browsers show pages for whose delay is 0. */
const defaultDelayMs = 100

/** Pages to look at and when they are shown, `framesPerSecond` of them a second. */
export function pagesAt(delaysMs: readonly number[], framesPerSecond: number): { page: number; timeMs: number }[] {
  const delays = delaysMs.map((delay) => (delay > 0 ? delay : defaultDelayMs))
  const total = delays.reduce((sum, delay) => sum + delay, 0)
  const periodMs = 1000 / framesPerSecond
  let page = 0
  let pageEndMs = delays[0]!
  return Array.from({ length: Math.max(1, Math.ceil(total / periodMs)) }, (_, i) => {
    const timeMs = i * periodMs
    while (pageEndMs <= timeMs && page + 1 < delays.length) pageEndMs += delays[++page]!
    return { page, timeMs }
  })
}

/** Paths of pictures: those given, and those in the folders given, where 2.png comes before 10.png. */
async function filesOf(paths: readonly string[]): Promise<string[]> {
  const files: string[] = []
  for (const path of paths) {
    if (!(await stat(path)).isDirectory()) {
      files.push(path)
      continue
    }
    const names = (await readdir(path)).filter((name) => pictures.test(name))
    if (names.length === 0) throw new FileError(path, 'there is no picture in this folder; expected PNG, JPEG, WebP or GIF files')
    files.push(...names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((name) => join(path, name)))
  }
  return files
}

/** One page of an animation, over white, as the earlier pages left it. */
async function decodePage(bytes: Uint8Array, page: number, path: string): Promise<VideoFrame['image']> {
  try {
    const { data, info } = await sharp(bytes, { page, pages: 1, ignoreIcc: true })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return { widthPx: info.width, heightPx: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) }
  } catch (cause) {
    throw new FileError(path, `page ${page} cannot be decoded: ${(cause as Error).message}`, { cause })
  }
}

/** A file's frames, from time 0. */
async function* framesOfFile(path: string, framesPerSecond: number): AsyncGenerator<VideoFrame> {
  const bytes = await readFile(path)
  const { pages = 1, delay = [] } = await sharp(bytes)
    .metadata()
    .catch(() => ({ pages: 1, delay: [] }))
  const isGif = /\.gif$/i.test(path)
  if (pages === 1) {
    yield { image: isGif ? await decodePage(bytes, 0, path) : await decodeImage(bytes, { name: path }), timeMs: 0 }
    return
  }
  const delays = Array.from({ length: pages }, (_, page) => delay[page] ?? 0)
  for (const { page, timeMs } of pagesAt(delays, framesPerSecond)) yield { image: await decodePage(bytes, page, path), timeMs }
}

/**
 * All frames, one file after another; a picture is shown for one frame. Decoded as they are asked for.
 * @throws FileError or ImageError naming the file.
 */
export async function* framesOf(paths: readonly string[], framesPerSecond: number): AsyncGenerator<VideoFrame> {
  let startMs = 0
  for (const path of await filesOf(paths)) {
    let lastMs = 0
    for await (const frame of framesOfFile(path, framesPerSecond)) {
      lastMs = frame.timeMs
      yield { ...frame, timeMs: startMs + frame.timeMs }
    }
    startMs += lastMs + 1000 / framesPerSecond
  }
}
