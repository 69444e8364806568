/** A stream of PPM pictures, each "P6\nWIDTH HEIGHT\n255\n" and its rgb data: what ffmpeg writes to a pipe. */
import type { RgbImage } from '@casa-js/base'
import { VideoError } from './errors.ts'

/** Longest accepted header, in bytes. */
const mostHeaderBytes = 64

/** Reads one picture after another, and no more of the stream than needed. A truncated last picture is ignored. */
export async function* readPpm(stream: AsyncIterable<Uint8Array>, maxPixels: number, name: string): AsyncGenerator<RgbImage> {
  let header = ''
  let data: Uint8Array | undefined
  let filled = 0
  let size: [number, number] = [0, 0]
  for await (const chunk of stream) {
    let at = 0
    while (at < chunk.length) {
      if (!data) {
        const byte = String.fromCharCode(chunk[at++]!)
        header += byte
        const found = /^P6\s(\d+) (\d+)\s255\s$/.exec(header)
        if (!found) {
          if (header.length > mostHeaderBytes) throw new VideoError(`${name}: ffmpeg wrote something other than PPM pictures`)
          continue
        }
        size = [Number(found[1]), Number(found[2])]
        if (size[0] * size[1] > maxPixels)
          throw new VideoError(
            `${name}: frames of ${size[0]} x ${size[1]} pixels are more than the ${maxPixels} allowed; raise maxPixels`,
          )
        header = ''
        data = new Uint8Array(size[0] * size[1] * 3)
        filled = 0
      }
      const part = chunk.subarray(at, at + data.length - filled)
      data.set(part, filled)
      filled += part.length
      at += part.length
      if (filled === data.length) {
        const [widthPx, heightPx] = size
        const whole = data
        data = undefined
        yield { widthPx, heightPx, data: whole }
      }
    }
  }
}
