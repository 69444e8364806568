/**
 * `<casa-caption>`: live captions over a video, without a build step.
 *
 *     <script type="module" src="/casa-caption.js"></script>
 *     <casa-caption model="/models/live/"><video src="film.mp4" controls muted></video></casa-caption>
 *
 * Attributes: `model` (an address, or hub:organisation/name), `device`, `frames-per-second`, `prompt`. Captions begin when the video
 * plays. Events: "ready" when the model is loaded, "caption" with a LiveCaption as its detail, "error" with the error as its detail.
 */
import { createVlmClient } from './client.ts'
import { captionElement } from './video-element.ts'
import type { LiveCaptions, VlmClient, VlmClientOptions } from './vlm-client.ts'

const style = `
  :host { display: inline-block; position: relative; }
  p {
    position: absolute; inset: auto 1rem 3.5rem; margin: 0 auto; width: fit-content; max-width: 90%; padding: 0.25rem 0.75rem;
    border-radius: 6px; background: #000c; color: #fff; font: 1rem/1.4 system-ui, sans-serif; text-align: center; pointer-events: none;
  }
  p:empty { display: none; }
`
/** Words of the subtitle. */
const shownWords = 14

/** Where there is no document, a server that renders the page, the element is only named. */
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement)

/** The element behind `<casa-caption>`. */
export class CasaCaptionElement extends Base {
  readonly #subtitle = document.createElement('p')
  #client: Promise<VlmClient> | undefined
  #live: LiveCaptions | undefined
  #listening: AbortController | undefined

  constructor() {
    super()
    const rules = Object.assign(document.createElement('style'), { textContent: style })
    this.#subtitle.setAttribute('part', 'subtitle')
    this.attachShadow({ mode: 'open' }).append(rules, document.createElement('slot'), this.#subtitle)
  }

  /** The subtitle as it is shown. */
  get text(): string {
    return this.#subtitle.textContent ?? ''
  }

  connectedCallback(): void {
    this.#listening = new AbortController()
    // Media events do not bubble: they are caught on their way down.
    this.addEventListener('play', (event) => void this.#start(event.target), { capture: true, signal: this.#listening.signal })
  }

  disconnectedCallback(): void {
    this.#listening?.abort()
    this.#live = undefined
    const client = this.#client
    this.#client = undefined
    void client?.then((loaded) => loaded.dispose()).catch(() => {})
  }

  async #start(video: EventTarget | null): Promise<void> {
    if (this.#live || !(video instanceof HTMLVideoElement)) return
    try {
      const client = await (this.#client ??= this.#load())
      // Taken away, or started twice, while the model was loading.
      if (!this.isConnected || this.#live) return
      const rate = Number(this.getAttribute('frames-per-second'))
      let words: string[] = []
      const live = (this.#live = captionElement(client, video, {
        framesPerSecond: rate > 0 ? rate : undefined,
        prompt: this.getAttribute('prompt') ?? undefined,
        onCaption: (caption) => {
          words = [...words, ...caption.text.split(/\s+/).filter((word) => word !== '')].slice(-shownWords)
          this.#subtitle.textContent = words.join(' ')
          this.dispatchEvent(new CustomEvent('caption', { detail: caption }))
        },
      }))
      await live.finished
      this.#live = undefined
    } catch (error) {
      this.#live = undefined
      this.#client = undefined
      if (this.isConnected) this.dispatchEvent(new CustomEvent('error', { detail: error }))
    }
  }

  async #load(): Promise<VlmClient> {
    const device = (this.getAttribute('device') ?? 'auto') as NonNullable<VlmClientOptions['device']>
    const client = await createVlmClient({ model: this.getAttribute('model') ?? '', device })
    this.dispatchEvent(new CustomEvent('ready', { detail: client.info }))
    return client
  }
}

globalThis.customElements?.define('casa-caption', CasaCaptionElement)

declare global {
  interface HTMLElementTagNameMap {
    'casa-caption': CasaCaptionElement
  }
}
