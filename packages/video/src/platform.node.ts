/** Opens sources in Node. */
import { BlobSource, FilePathSource, ReadableStreamSource, UrlSource, type Source } from 'mediabunny'
import { createReadStream, openAsBlob } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { loadCodecs } from './codecs.node.ts'
import { VideoError } from './errors.ts'
import { cameraInput, hasFfmpeg, installFfmpeg, openWithFfmpeg, screenInput } from './ffmpeg.node.ts'
import { mendCutMatroska } from './cut-matroska.ts'
import { createFileReel } from './file-reel.ts'
import { followFile } from './follow.node.ts'
import { convert, openTrack, unreadableError } from './media.ts'
import { createPictureReel, isPicture } from './pictures.ts'
import type { Reel, ReelOptions, SourceList } from './reel.ts'
import { blobAsPicture, readPicture, urlAsPicture, urlOptions } from './sources.ts'
import type { VideoSource } from './types.ts'

const pictureNames = /\.(png|jpe?g|webp|gif|avif|tiff?|bmp)$/i
/** Live protocols, which ffmpeg reads. */
const streamProtocols = /^(rtsps?|rtmps?|rtp|srt|udp|tcp):/i

/** ffmpeg reads five seconds of a stream to learn its format, and then gives them all at once: a second must do. */
const withoutDelay = ['-analyzeduration', '1000000', '-fflags', 'nobuffer']

/** A followed file counts as finished when it has not grown for this long. */
const defaultIdleMs = 5000

export async function openSource(
  source: Exclude<VideoSource, readonly VideoSource[]>,
  options: ReelOptions,
): Promise<Reel | SourceList> {
  const { name } = options
  if (typeof source === 'string' || source instanceof URL) return openAddress(String(source), options)
  if (source instanceof Blob) {
    const picture = await blobAsPicture(source, options)
    if (picture) return createPictureReel(picture, options)
    const { blob, isCut } = await mendCutMatroska(source)
    return openMedia(new BlobSource(blob), true, { ...options, isCut })
  }
  if (source instanceof ReadableStream) return openMedia(new ReadableStreamSource(source), false, options)
  if ('ffmpeg' in source) return openWithFfmpeg({ input: source.ffmpeg, live: options.live ?? true }, options)
  if ('camera' in source && (source.camera === true || typeof source.camera === 'string'))
    return openWithFfmpeg({ input: cameraInput(source.camera === true ? undefined : source.camera), live: true }, options)
  if ('screen' in source) return openWithFfmpeg({ input: screenInput(), live: true }, options)
  throw new VideoError(
    `${name}: this source is one of browsers; in Node give a path, a URL, a Blob, a stream or { camera: device }`,
  )
}

function openAddress(address: string, options: ReelOptions): Promise<Reel | SourceList> {
  if (address === '-')
    return openMedia(new ReadableStreamSource(Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>), false, options)
  if (streamProtocols.test(address)) {
    const transport = /^rtsp/i.test(address) ? ['-rtsp_transport', 'tcp'] : []
    return openWithFfmpeg({ input: [...withoutDelay, ...transport, '-i', address], live: options.live ?? true }, options)
  }
  if (/^https?:/i.test(address)) return openUrl(new URL(address), options)
  return openPath(/^file:/i.test(address) ? fileURLToPath(address) : address, options)
}

async function openUrl(url: URL, options: ReelOptions): Promise<Reel> {
  const picture = await urlAsPicture(url, options)
  if (picture) return createPictureReel(picture, options)
  return openMedia(new UrlSource(url, urlOptions), true, options, String(url))
}

async function openPath(path: string, options: ReelOptions): Promise<Reel | SourceList> {
  const { name, follow, signal } = options
  const status = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new VideoError(
      `${name}: ${cause.code === 'ENOENT' ? 'there is no such file or folder' : `cannot be read (${cause.code})`}`,
      { cause },
    )
  })
  if (status.isDirectory()) return listFolder(path, options)
  if (status.isCharacterDevice() && path.startsWith('/dev/video'))
    return openWithFfmpeg({ input: cameraInput(path), live: true }, options)
  if (status.isFIFO())
    return openMedia(
      new ReadableStreamSource(Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>),
      false,
      options,
    )
  if (!status.isFile())
    throw new VideoError(`${name}: this is a device or a socket; expected a file, a folder, a pipe or a camera`)
  if (follow) {
    const idleMs = follow === true ? defaultIdleMs : follow.idleMs
    return openMedia(new ReadableStreamSource(followFile(path, idleMs, signal)), false, options)
  }
  if (isPicture(await startOf(path))) return createPictureReel(await readPicture(path, options), options)
  const { blob, isCut } = await mendCutMatroska(await openAsBlob(path))
  const opened = blob.size === status.size ? new FilePathSource(path) : new BlobSource(blob)
  return openMedia(opened, true, { ...options, isCut }, `file:${path}`)
}

async function startOf(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(512), 0, 512, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** The images of a folder in natural order of their names: 2.png comes before 10.png. */
async function listFolder(path: string, { name }: ReelOptions): Promise<SourceList> {
  const names = (await readdir(path)).filter((file) => pictureNames.test(file))
  if (names.length === 0)
    throw new VideoError(`${name}: there is no picture in this folder; expected PNG, JPEG, WebP, GIF and the like`)
  const sorted = names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  return { list: sorted.map((file) => join(path, file)) }
}

/** `again`: a path or URL for ffmpeg, used when WebCodecs cannot decode the file. */
async function openMedia(
  source: Source,
  seekable: boolean,
  options: ReelOptions & { isCut?: boolean },
  again?: string,
): Promise<Reel> {
  const codecs = await loadCodecs()
  const opened = await openTrack(source, codecs, options)
  if (!('reason' in opened)) return createFileReel(opened, codecs!, { ...options, seekable })
  if (again !== undefined && (await hasFfmpeg())) return openWithFfmpeg({ input: ['-i', again], live: false }, options)
  const reason = codecs ? opened.reason : 'the package @napi-rs/webcodecs is not installed'
  const wayOut = codecs
    ? `${installFfmpeg}, which is used where it is there, or ${convert}`
    : `\`npm install @napi-rs/webcodecs\`, or ${installFfmpeg}`
  throw unreadableError(options.name, reason, again === undefined && codecs ? `Save it as a file, or ${convert}` : wayOut)
}
