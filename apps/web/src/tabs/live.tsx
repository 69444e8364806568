/** Live: a video, the camera or the screen, captioned while it plays. */
import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { formatSrt, formatVtt } from '@casa-js/vlm'
import { ErrorNote } from '../components/error-note.tsx'
import { Lines } from '../components/lines.tsx'
import { formatClock, formatMs } from '../format.ts'
import { captions, failure, settings, start, status, stop, togglePause, type TimedCaption } from '../live.ts'
import { loadModel, modelState, offered } from '../model.ts'
import { save } from '../save.ts'

const sourceError = signal<Error | undefined>(undefined)
const hasSource = signal(false)
const speaks = signal(false)
const liveModel = offered.find(({ id }) => id === 'live')
/** How many frames the plots look back on. */
const plotted = 240

export function LiveTab() {
  const video = useRef<HTMLVideoElement>(null)
  const show = (give: () => Promise<{ src: string } | { srcObject: MediaStream }>) => {
    sourceError.value = undefined
    void stop()
      .then(give)
      .then((source) => {
        release(video.current!)
        Object.assign(video.current!, source)
        hasSource.value = true
      })
      .catch((error: unknown) => (sourceError.value = error as Error))
  }
  useEffect(() => () => release(video.current!), [])
  useEffect(() => captions.subscribe((all) => speaks.value && speak(all)), [])
  const state = modelState.value
  const all = captions.value
  return (
    <div class="live">
      <h1 class="visually-hidden">Live captions</h1>
      <div class="stage">
        <div class="screen">
          <video ref={video} muted playsInline aria-label="The video that is captioned" />
          {!hasSource.value && <p class="empty">Choose a video, the camera or the screen</p>}
          <Subtitle all={all} />
        </div>
        <div class="line">
          <label class="button quiet">
            Video file
            <input
              type="file"
              accept="video/*"
              class="visually-hidden"
              onChange={(event) => {
                const file = event.currentTarget.files?.[0]
                if (file) show(async () => ({ src: URL.createObjectURL(file), srcObject: null as never }))
              }}
            />
          </label>
          <button
            class="quiet"
            onClick={() => show(async () => ({ srcObject: await navigator.mediaDevices.getUserMedia({ video: true }) }))}
          >
            Camera
          </button>
          <button
            class="quiet"
            onClick={() => show(async () => ({ srcObject: await navigator.mediaDevices.getDisplayMedia({ video: true }) }))}
          >
            Screen
          </button>
          <button class="quiet" onClick={() => show(async () => ({ src: 'samples/live/live.mp4', srcObject: null as never }))}>
            Sample
          </button>
          <span class="spacer" />
          {status.value === 'idle' ? (
            <button
              disabled={state.kind !== 'ready' || !hasSource.value}
              onClick={() =>
                state.kind === 'ready' &&
                void start(state.client, video.current!).catch((error: unknown) => (failure.value = error as Error))
              }
            >
              Caption
            </button>
          ) : (
            <>
              <button class="quiet" onClick={() => void togglePause()}>
                {status.value === 'paused' ? 'Go on' : 'Pause'}
              </button>
              <button onClick={() => void stop()}>Stop</button>
            </>
          )}
        </div>
        {liveModel && state.kind !== 'loading' && !(state.kind === 'ready' && state.title === liveModel.title) && (
          <p class="hint">
            {state.kind === 'ready' ? `${state.title} was not trained to caption. ` : ''}
            <button class="link" onClick={() => void loadModel(liveModel.title, liveModel.source)}>
              Load {liveModel.title}
            </button>
          </p>
        )}
        {sourceError.value && <ErrorNote error={sourceError.value} />}
        {failure.value && <ErrorNote error={failure.value} />}
        <Settings />
        <Plots all={all.slice(-plotted)} dropped={all.reduce((sum, { dropped }) => sum + dropped, 0)} />
      </div>
      <History all={all} />
    </div>
  )
}

function release(video: HTMLVideoElement | null): void {
  if (!video) return
  if (video.srcObject instanceof MediaStream) for (const track of video.srcObject.getTracks()) track.stop()
  if (video.src) URL.revokeObjectURL(video.src)
  video.srcObject = null
  video.removeAttribute('src')
}

/** The last 14 words, the newest 5 brighter. */
function Subtitle({ all }: { all: TimedCaption[] }) {
  const words = all
    .slice(-40)
    // A sentence that begins anew brings no space of its own.
    .map(({ text }) => (/^\w/.test(text) ? ` ${text}` : text))
    .join('')
    .trim()
    .split(/\s+/)
    .slice(-14)
  if (words[0] === '') return null
  return (
    <p class="subtitle" aria-live="off">
      {words.slice(0, -5).join(' ')} <b>{words.slice(-5).join(' ')}</b>
    </p>
  )
}

function Settings() {
  const { framesPerSecond, maxTokensPerFrame, prompt, temperature } = settings.value
  const set = (change: Partial<typeof settings.value>) => (settings.value = { ...settings.value, ...change })
  const number = (
    label: string,
    value: number | undefined,
    min: number,
    max: number,
    step: number,
    take: (value?: number) => void,
  ) => (
    <label>
      {label}{' '}
      <input
        type="number"
        value={value ?? ''}
        placeholder="auto"
        min={min}
        max={max}
        step={step}
        onChange={(event) =>
          take(Number.isNaN(event.currentTarget.valueAsNumber) ? undefined : event.currentTarget.valueAsNumber)
        }
      />
    </label>
  )
  return (
    <details class="settings">
      <summary>Settings, for the next start</summary>
      <div class="line">
        {number('Frames per second', framesPerSecond, 0.5, 10, 0.5, (value = 2) => set({ framesPerSecond: value }))}
        {number('Tokens per frame', maxTokensPerFrame, 1, 60, 1, (value) => set({ maxTokensPerFrame: value }))}
        {number('Temperature', temperature, 0, 2, 0.1, (value) => set({ temperature: value }))}
        <label class="wide">
          Prompt{' '}
          <input
            value={prompt}
            placeholder="Describe what happens in the video."
            onInput={(event) => set({ prompt: event.currentTarget.value })}
          />
        </label>
      </div>
    </details>
  )
}

function Plots({ all, dropped }: { all: TimedCaption[]; dropped: number }) {
  const newest = all.at(-1)
  if (!newest) return null
  const times = all.map(({ startMs }) => startMs)
  // What a cache would hold with every frame's tokens among the text's.
  const inserted = all.map(
    ({ cachedTokens, imageTokens }, i) => cachedTokens + imageTokens * (captions.value.length - all.length + i + 1),
  )
  return (
    <div class="plots">
      <Lines
        title="Pace"
        times={times}
        series={[
          { name: 'behind the video', values: all.map(({ lagMs }) => lagMs), shown: formatMs(newest.lagMs), kind: 'main' },
        ]}
      />
      <Lines
        title="Tokens held"
        times={times}
        series={[
          { name: 'now', values: all.map(({ cachedTokens }) => cachedTokens), shown: String(newest.cachedTokens), kind: 'main' },
          { name: 'with insertion (computed)', values: inserted, shown: String(inserted.at(-1)), kind: 'compared' },
        ]}
      />
      <p class="hint">
        {captions.value.length} frames seen, {dropped} dropped. First token after {formatMs(newest.timeToFirstTokenMs)}, frame
        done after {formatMs(newest.elapsedMs)}. {newest.memory.tensors} tensors, {(newest.memory.bytes / 1e6).toFixed(1)} MB.
      </p>
    </div>
  )
}

function History({ all }: { all: TimedCaption[] }) {
  const spoken = all.filter(({ text }) => text.trim() !== '')
  return (
    <div class="history">
      <h2>What was said</h2>
      <div class="line">
        <button class="quiet" disabled={spoken.length === 0} onClick={() => save(formatSrt(cues(spoken)), 'captions.srt')}>
          SRT
        </button>
        <button class="quiet" disabled={spoken.length === 0} onClick={() => save(formatVtt(cues(spoken)), 'captions.vtt')}>
          VTT
        </button>
        <label>
          <input
            type="checkbox"
            checked={speaks.value}
            onChange={(event) => {
              speaks.value = event.currentTarget.checked
              if (!speaks.value) speechSynthesis.cancel()
            }}
          />{' '}
          Speak
        </label>
      </div>
      <ol aria-live="polite">
        {spoken.slice(-200).map(({ startMs, text }) => (
          <li key={startMs}>
            <time>{formatClock(startMs)}</time> {text.trim()}
          </li>
        ))}
      </ol>
      {spoken.length === 0 && (
        <p class="hint">
          Nothing yet. A model that was trained on live captions says what happens; others are as good as their training.
        </p>
      )}
    </div>
  )
}

const cues = (spoken: TimedCaption[]) => spoken.map(({ startMs, endMs, text }) => ({ startMs, endMs, text: text.trim() }))

let spokenUpTo = 0

/** Whole sentences only; the next one cuts off the one before. */
function speak(all: TimedCaption[]): void {
  const text = all.map((caption) => caption.text).join('')
  if (text.length < spokenUpTo) spokenUpTo = 0
  const ends = [...text.matchAll(/[.!?…]["')\]]?(?=\s|$)/g)].map((match) => match.index + match[0].length)
  const end = ends.at(-1) ?? 0
  if (end <= spokenUpTo) return
  const sentence = text.slice(Math.max(spokenUpTo, ends.at(-2) ?? 0), end).trim()
  spokenUpTo = end
  speechSynthesis.cancel()
  speechSynthesis.speak(new SpeechSynthesisUtterance(sentence))
}
