/** report.html of captions: frames beside what was said, the pace, the text in the cache and the memory. One file that loads nothing. */
import { escapeHtml, factList, htmlPage, lineChart, pngDataUri } from '@casa-js/eval/internal'
import { encodePng, resize } from '@casa-js/vision'
import type { RgbImage } from '@casa-js/core'
import { megabytes } from '../terminal/text.ts'
import { shortClock, type CaptionRecord } from './formats.ts'

/** Most pictures on a page: beyond this every second one is dropped. */
const mostPictures = 120
const pictureWidthPx = 240

export interface CaptionReport {
  /** A frame with a caption. */
  add(record: CaptionRecord, image: RgbImage): Promise<void>
  /** @returns a whole HTML document. */
  page(records: readonly CaptionRecord[], facts: Readonly<Record<string, string>>): string
}

/** Keeps small pictures of evenly spread frames, so that its memory does not grow with the video. */
export function createCaptionReport(): CaptionReport {
  let shown: { record: CaptionRecord; png: Uint8Array }[] = []
  let every = 1
  let seen = 0
  return {
    async add(record, image) {
      if (seen++ % every !== 0) return
      shown.push({ record, png: await encodePng(thumbnail(image)) })
      if (shown.length < mostPictures) return
      shown = shown.filter((_, i) => i % 2 === 0)
      every *= 2
    },
    page: (records, facts) => pageOf(records, facts, shown),
  }
}

function thumbnail(image: RgbImage): RgbImage {
  const { widthPx, heightPx } = image
  if (widthPx <= pictureWidthPx) return image
  const scale = pictureWidthPx / widthPx
  return resize(image, pictureWidthPx, Math.max(1, Math.round(heightPx * scale)))
}

function pageOf(
  records: readonly CaptionRecord[],
  facts: Readonly<Record<string, string>>,
  shown: readonly { record: CaptionRecord; png: Uint8Array }[],
): string {
  const spoken = records.filter(({ text }) => text.trim() !== '').length
  const dropped = records.reduce((sum, record) => sum + record.dropped, 0)
  const memory = records.at(-1)?.memory_bytes ?? 0
  const cards = shown.map(
    ({ record, png }) =>
      `<article class="right"><div class="pictures"><img alt="" src="${pngDataUri(png)}"></div>` +
      `<p class="muted">${shortClock(record.start_ms)}</p><p>${escapeHtml(record.text.trim())}</p></article>`,
  )
  const seconds = (of: (record: CaptionRecord) => number) =>
    records.map((record) => ({ x: record.start_ms / 1000, y: of(record) }))
  const chart = (title: string, name: string, of: (record: CaptionRecord) => number, format?: (y: number) => string) =>
    lineChart({ title, xLabel: 'seconds of the video', series: [{ name, points: seconds(of) }], ...(format && { format }) })
  return htmlPage(
    'Captions',
    `${factList({
      ...facts,
      frames: String(records.length),
      'with words': String(spoken),
      dropped: String(dropped),
      memory: megabytes(memory),
    })}
<section class="charts">
${chart('Pace: seconds behind the video (below 0: ahead)', 'lag', ({ lag_ms }) => lag_ms / 1000)}
${chart('Seconds for a frame', 'elapsed', ({ elapsed_ms }) => elapsed_ms / 1000)}
${chart('Tokens in the cache', 'tokens', ({ cached_tokens }) => cached_tokens)}
${chart('Memory', 'bytes', ({ memory_bytes }) => memory_bytes, megabytes)}
</section>
<section class="cards">${cards.join('')}</section>`,
  )
}
