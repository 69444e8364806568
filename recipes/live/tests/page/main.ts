/** A page that captions: a file through WebCodecs, or the camera. */
import { init } from '@casa-js/tensor'
import { openVideo, type VideoSource } from '@casa-js/video'
import { captionStream, loadVlm, type Vlm } from '@casa-js/vlm'

let vlm: Vlm | undefined

const page = {
  /** @returns the decoder, and what is said of each frame, until `frames` of them are captioned */
  async caption(source: VideoSource, frames: number): Promise<{ decoder: string; texts: string[] }> {
    if (!vlm) {
      await init({ device: 'wasm' })
      vlm = await loadVlm('/model/', { weights: 'float32' })
    }
    const video = openVideo(source, { framesPerSecond: 2 })
    const texts: string[] = []
    for await (const { text } of captionStream(vlm, video, { budgetMs: Infinity })) {
      texts.push(text)
      if (texts.length === frames) break
    }
    const { decoder } = await video.info()
    await video.close()
    return { decoder, texts }
  },
}
declare global {
  var live: typeof page
}
globalThis.live = page
