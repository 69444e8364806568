/** Opens sources in a browser. */
import { BlobSource, ReadableStreamSource, UrlSource, type Source } from 'mediabunny'
import { openCapture } from './capture.browser.ts'
import { loadCodecs } from './codecs.browser.ts'
import { VideoError } from './errors.ts'
import { mendCutMatroska } from './cut-matroska.ts'
import { createFileReel } from './file-reel.ts'
import { convert, openTrack, unreadableError } from './media.ts'
import { createPictureReel } from './pictures.ts'
import type { Reel, ReelOptions } from './reel.ts'
import { blobAsPicture, urlAsPicture, urlOptions } from './sources.ts'
import type { VideoSource } from './types.ts'

export async function openSource(source: Exclude<VideoSource, readonly VideoSource[]>, options: ReelOptions): Promise<Reel> {
  const { name } = options
  if (typeof source === 'string' || source instanceof URL) {
    const url = new URL(source, location.href)
    const picture = await urlAsPicture(url, options)
    if (picture) return createPictureReel(picture, options)
    return openMedia(new UrlSource(url, urlOptions), true, options)
  }
  if (source instanceof Blob) {
    const picture = await blobAsPicture(source, options)
    if (picture) return createPictureReel(picture, options)
    const { blob, isCut } = await mendCutMatroska(source)
    return openMedia(new BlobSource(blob), true, { ...options, isCut })
  }
  if (source instanceof ReadableStream) return openMedia(new ReadableStreamSource(source), false, options)
  if ('ffmpeg' in source) throw new VideoError(`${name}: ffmpeg cannot be run in a browser`)
  return openCapture(source, options)
}

async function openMedia(source: Source, seekable: boolean, options: ReelOptions & { isCut?: boolean }): Promise<Reel> {
  const codecs = await loadCodecs()
  const opened = await openTrack(source, codecs, options)
  if ('reason' in opened) throw unreadableError(options.name, opened.reason, `Use a browser that has it, or ${convert}`)
  return createFileReel(opened, codecs!, { ...options, seekable })
}
