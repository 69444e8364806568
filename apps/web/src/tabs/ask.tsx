/** Ask: pictures in, questions, answers as they are generated. */
import { signal, useComputed } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ask, clearChat, exchanges, rewind, stopAnswer, type Exchange } from '../chat.ts'
import { createDropTarget } from '../components/drop-target.ts'
import { ErrorNote } from '../components/error-note.tsx'
import { LookedView } from '../components/looked.tsx'
import { formatMs } from '../format.ts'
import { modelState } from '../model.ts'
import { fetchSample, imagesOf, releasePicture, samples, showPicture, takeSnapshot, type ShownPicture } from '../pictures.ts'

const draft = signal('')
const tray = signal<ShownPicture[]>([])
const trayError = signal<Error | undefined>(undefined)
const dropTarget = createDropTarget('ask', (dropped) => putFiles(imagesOf(dropped)))

const put = (blobs: { blob: Blob; name: string }[]) => {
  trayError.value = undefined
  tray.value = [...tray.value, ...blobs.map(({ blob, name }) => showPicture(blob, name))]
}
const putFiles = (files: Iterable<File>) => put([...files].map((file) => ({ blob: file, name: file.name || 'pasted picture' })))
const attempt = (run: () => Promise<void>) => void run().catch((error: unknown) => (trayError.value = error as Error))

function remove(picture: ShownPicture): void {
  // The button that was pressed goes: a keyboard would be nowhere. A finger needs no focus, which would open its keyboard.
  if (document.activeElement?.matches(':focus-visible')) document.getElementById('question')?.focus()
  tray.value = tray.value.filter(({ id }) => id !== picture.id)
  releasePicture(picture)
}

function send(): void {
  const state = modelState.value
  const question = draft.value.trim()
  if (state.kind !== 'ready' || question === '' || exchanges.value.at(-1)?.state === 'running') return
  const pictures = tray.value
  draft.value = ''
  tray.value = []
  void ask(state.client, question, pictures)
}

async function edit(id: number, again: boolean): Promise<void> {
  const given = await rewind(id)
  if (!given) return
  tray.value.forEach(releasePicture)
  tray.value = given.pictures
  draft.value = given.question
  if (again) send()
  else document.getElementById('question')?.focus()
}

export function AskTab() {
  const end = useRef<HTMLDivElement>(null)
  const running = useComputed(() => exchanges.value.at(-1)?.state === 'running')
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = imagesOf(event.clipboardData)
      if (files.length > 0) putFiles(files)
    }
    addEventListener('paste', paste)
    return () => removeEventListener('paste', paste)
  }, [])
  useEffect(() => exchanges.subscribe(() => end.current?.scrollIntoView({ block: 'nearest' })), [])

  return (
    <div {...dropTarget()}>
      <h1 class="visually-hidden">Ask about a picture</h1>
      <div class="transcript" aria-live="polite" aria-busy={running.value}>
        {exchanges.value.length === 0 && <Welcome />}
        {exchanges.value.map((exchange) => (
          <ExchangeView key={exchange.id} exchange={exchange} />
        ))}
        <div ref={end} />
      </div>
      <form
        class="composer"
        onSubmit={(event) => {
          event.preventDefault()
          send()
        }}
      >
        {tray.value.length > 0 && (
          <ul class="tray" aria-label="Pictures of the next question">
            {tray.value.map((picture) => (
              <li key={picture.id}>
                <img src={picture.url} alt={picture.name} />
                <button type="button" class="remove" aria-label={`Remove ${picture.name}`} onClick={() => remove(picture)}>
                  ×
                </button>
              </li>
            ))}
          </ul>
        )}
        {trayError.value && <ErrorNote error={trayError.value} />}
        <div class="line">
          <label class="button quiet">
            Picture
            <input
              type="file"
              accept="image/*"
              multiple
              class="visually-hidden"
              onChange={(event) => {
                putFiles(event.currentTarget.files ?? [])
                event.currentTarget.value = ''
              }}
            />
          </label>
          <button
            type="button"
            class="quiet"
            onClick={() => attempt(async () => put([{ blob: await takeSnapshot(), name: 'snapshot' }]))}
          >
            Camera
          </button>
          <label for="question" class="visually-hidden">
            Question
          </label>
          <textarea
            id="question"
            rows={1}
            placeholder="Ask about the pictures"
            value={draft.value}
            onInput={(event) => (draft.value = event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
              event.preventDefault()
              send()
            }}
          />
          {running.value ? (
            <button type="button" onClick={stopAnswer}>
              Stop
            </button>
          ) : (
            <button type="submit" disabled={modelState.value.kind !== 'ready' || draft.value.trim() === ''}>
              Ask
            </button>
          )}
        </div>
      </form>
    </div>
  )
}

function Welcome() {
  return (
    <div class="welcome">
      <h2>Ask about a picture</h2>
      <p>Drop one anywhere, paste it, take it with the camera, or start with a sample:</p>
      <ul class="samples">
        {samples.map(({ file, name, question }) => (
          <li key={file}>
            <button
              class="sample"
              onClick={() =>
                attempt(async () => {
                  put([{ blob: await fetchSample(file), name: file }])
                  draft.value = question
                  document.getElementById('question')?.focus()
                })
              }
            >
              <img src={`samples/${file}`} alt="" width={96} height={96} />
              {name}
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** The picture that an answer is about: the last one that was shown. */
const lastPictureBefore = (id: number) =>
  exchanges.value
    .filter((one) => one.id <= id)
    .flatMap(({ pictures }) => pictures)
    .at(-1)

/** A picture, or its name where the browser cannot show it. */
function ShownOrNamed({ url, name }: { url: string; name: string }) {
  const [isBroken, setBroken] = useState(false)
  return isBroken ? <p class="hint">{name}</p> : <img src={url} alt={name} onError={() => setBroken(true)} />
}

function ExchangeView({ exchange }: { exchange: Exchange }) {
  const { id, question, pictures, answer, state, stats, error } = exchange
  return (
    <article class="exchange">
      <div class="question">
        {pictures.map(({ id: key, url, name }) => (
          <ShownOrNamed key={key} url={url} name={name} />
        ))}
        <p>{question}</p>
      </div>
      <div class={`answer ${state}`}>
        <p>
          {answer}
          {state === 'running' && <span class="cursor" aria-hidden="true" />}
          {state === 'done' && answer === '' && <i>(the model said nothing)</i>}
        </p>
        {error && <ErrorNote error={error} />}
        {stats?.looked && lastPictureBefore(id) && <LookedView looked={stats.looked} picture={lastPictureBefore(id)!} />}
        <p class="stats">
          {state === 'running' && answer === '' && 'looking …'}
          {state === 'stopped' && 'stopped '}
          {stats &&
            `${stats.tokens} tokens, first after ${formatMs(stats.timeToFirstTokenMs)}, ${stats.tokensPerSecond.toFixed(1)} tokens/s `}
          {state !== 'running' && (
            <>
              <button class="link" onClick={() => void edit(id, true)}>
                Try again
              </button>
              <button class="link" onClick={() => void edit(id, false)}>
                Edit
              </button>
              <button class="link" onClick={() => void clearChat()}>
                New conversation
              </button>
            </>
          )}
        </p>
      </div>
    </article>
  )
}
