/** Training as the page holds it: examples with their answers, a run that can be stopped, and what it came to. */
import { signal } from '@preact/signals'
import { zipSync } from 'fflate'
import type { TrainEvent, VlmClient } from '@casa-js/web'
import { closeConversation } from './chat.ts'
import { modelState } from './model.ts'
import { releasePicture, showPicture, type ShownPicture } from './pictures.ts'

/** A picture and what the model should answer. */
export interface OwnExample extends ShownPicture {
  answer: string
  /** Not learnt from: shown with the answers before and after. */
  heldOut: boolean
}

/** One update. */
export interface Update {
  step: number
  loss: number
}

/** The answers to the held-out examples, by their id. */
export type Answers = Map<string, string>

export type TrainState =
  | { kind: 'idle' }
  | { kind: 'running'; steps: number; etaMs?: number | undefined }
  | { kind: 'done'; steps: number; stopped: boolean }
  | { kind: 'failed'; error: Error }

export const examples = signal<OwnExample[]>([])
export const question = signal('What is this?')
export const steps = signal(20)
export const trainState = signal<TrainState>({ kind: 'idle' })
export const updates = signal<Update[]>([])
export const answersBefore = signal<Answers>(new Map())
export const answersNow = signal<Answers>(new Map())
export const warnings = signal<string[]>([])

/** Every how manieth example of an answer is held out. */
const heldOutEvery = 4

let running: AbortController | undefined

/** Add pictures with the answers that their folders' names give, or none. */
export function addExamples(pictures: { blob: Blob; name: string; answer: string }[]): void {
  const all = [...examples.value]
  for (const { blob, name, answer } of pictures) {
    const before = all.filter((one) => one.answer === answer).length
    const heldOut = answer !== '' && (before + 1) % heldOutEvery === 0
    all.push({ ...showPicture(blob, name), answer, heldOut })
  }
  examples.value = all
}

export function changeExample(id: number, change: Partial<Pick<OwnExample, 'answer' | 'heldOut'>>): void {
  examples.value = examples.value.map((one) => (one.id === id ? { ...one, ...change } : one))
}

export function removeExamples(gone: OwnExample[]): void {
  gone.forEach(releasePicture)
  examples.value = examples.value.filter((one) => !gone.includes(one))
}

/** Examples that can be learnt from, and those that are answered only. */
export function parts(): { learnt: OwnExample[]; heldOut: OwnExample[] } {
  const ready = examples.value.filter(({ answer }) => answer.trim() !== '')
  return { learnt: ready.filter(({ heldOut }) => !heldOut), heldOut: ready.filter(({ heldOut }) => heldOut) }
}

/** Teach the model. Errors end up in `trainState`. */
export async function train(client: VlmClient): Promise<void> {
  const stop = (running = new AbortController())
  const { learnt, heldOut } = parts()
  const asked = question.value.trim()
  const given = (all: OwnExample[]) =>
    all.map(({ id, blob, answer }) => ({ id: String(id), picture: blob, question: asked, answer: answer.trim() }))
  updates.value = []
  warnings.value = []
  answersBefore.value = answersNow.value = new Map()
  trainState.value = { kind: 'running', steps: steps.value }
  try {
    const { steps: done, stopped } = await client.train({
      examples: given(learnt),
      heldOut: given(heldOut),
      steps: steps.value,
      evaluateEvery: Math.max(1, Math.ceil(steps.value / 4)),
      signal: stop.signal,
      onEvent: (event) => take(event),
    })
    trainState.value = { kind: 'done', steps: done, stopped }
    // The trained model has none: the next question opens one with what was said.
    await closeConversation()
    const state = modelState.value
    if (state.kind === 'ready' && state.client === client && !state.title.endsWith(', trained'))
      modelState.value = { ...state, title: `${state.title}, trained` }
  } catch (error) {
    trainState.value = stop.signal.aborted ? { kind: 'idle' } : { kind: 'failed', error: error as Error }
  }
}

function take(event: TrainEvent): void {
  if (event.kind === 'step') {
    updates.value = [...updates.value, { step: event.step, loss: event.loss }]
    trainState.value = { kind: 'running', steps: steps.value, etaMs: event.etaMs }
  }
  if (event.kind === 'warning') warnings.value = [...warnings.value, event.message]
  if (event.kind === 'evaluation') {
    const answers = new Map(event.examples.map(({ id, predicted = '' }) => [id, predicted]))
    if (event.step === 0) answersBefore.value = answers
    else answersNow.value = answers
  }
}

/** End training after the current update; what was learnt stays. */
export function stopTraining(): void {
  running?.abort()
}

/** The model folder as a zip file. Weights do not compress: they are stored. */
export async function zipModel(client: VlmClient): Promise<Blob> {
  const files = await client.files()
  const folder = Object.fromEntries(files.map(({ name, bytes }) => [`casa-model/${name}`, bytes]))
  return new Blob([zipSync(folder, { level: 0 }) as Uint8Array<ArrayBuffer>], { type: 'application/zip' })
}
