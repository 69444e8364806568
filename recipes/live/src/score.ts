/**
 * Captions against what happened. A sentence counts for an event when it says the same, at the event's frame or up to two frames
 * later; each counts once. Calling a thing "It" or by its name is the same where the truth says "It".
 */
import { createRandom } from '@casa-js/data'
import { captionOf, kindOf } from './captions.ts'
import { eventKinds, type EventKind, type SceneEvent } from './scene.ts'

/** Frames that a sentence may be late. */
export const mostDelay = 2

/** One frame of a scene, and what a model said of it. */
export interface Said {
  event?: SceneEvent | undefined
  /** The right caption; '' for silence. */
  caption: string
  /** The model's caption; '' for silence. */
  said: string
}

export interface KindScore {
  /** Events of this kind, sentences of this kind, and how many of both match. */
  events: number
  said: number
  matched: number
  /** Of those, how many frames late in total. */
  delay: number
  /** Events of this kind at which a sentence of this kind was said in time, whatever it named. */
  recognised: number
}

export interface Score {
  kinds: Record<EventKind, KindScore>
  /** Sentences of no kind. */
  strange: number
  /** Frames in which nothing happened, and those of them in which the model stayed silent. */
  quiet: number
  kept: number
}

export const emptyScore = (): Score => ({
  kinds: Object.fromEntries(
    eventKinds.map((kind) => [kind, { events: 0, said: 0, matched: 0, delay: 0, recognised: 0 }]),
  ) as Score['kinds'],
  strange: 0,
  quiet: 0,
  kept: 0,
})

/** Add one scene to a score. */
export function addScene(score: Score, frames: readonly Said[]): void {
  const taken = new Set<number>()
  frames.forEach(({ event, caption, said }, index) => {
    if (said !== '') {
      const kind = kindOf(said)
      if (kind) score.kinds[kind].said++
      else score.strange++
    }
    if (!event) {
      score.quiet++
      if (said === '') score.kept++
      return
    }
    // A sign or a counter that appears says what it shows: its kind is that of its sentence.
    const kind = kindOf(caption)!
    const own = score.kinds[kind]
    own.events++
    const right = new Set([caption, captionOf(event)])
    const late = Array.from({ length: mostDelay + 1 }, (_, delay) => delay)
    const delay = late.find((one) => right.has(frames[index + one]?.said ?? '') && !taken.has(index + one))
    if (delay !== undefined) {
      taken.add(index + delay)
      own.matched++
      own.delay += delay
    }
    if (late.some((one) => kindOf(frames[index + one]?.said ?? '') === kind)) own.recognised++
  })
}

const ratio = (part: number, whole: number) => (whole === 0 ? NaN : part / whole)

/** Precision, recall and F1 of whole sentences, and the mean delay of those that match. */
export function measures({ events, said, matched, delay, recognised }: KindScore) {
  return {
    precision: ratio(matched, said),
    recall: ratio(matched, events),
    f1: ratio(2 * matched, said + events),
    delayFrames: ratio(delay, matched),
    kindRecall: ratio(recognised, events),
  }
}

/** All kinds together; strange sentences count against precision. */
export function total({ kinds, strange }: Score): KindScore {
  const sum = { events: 0, said: strange, matched: 0, delay: 0, recognised: 0 }
  for (const one of Object.values(kinds)) for (const key of Object.keys(sum) as (keyof KindScore)[]) sum[key] += one[key]
  return sum
}

/** Frames that are drawn together: neighbours are not independent. */
const blockFrames = 40

/**
 * The F1 of these frames, all kinds together, with its 95 % interval: a bootstrap over blocks of 40 frames (Efron 1979).
 * @returns shares of 1; `events` of all frames
 */
export function f1WithInterval(frames: readonly Said[]): { f1: number; interval: [number, number]; events: number } {
  const blocks: KindScore[] = []
  for (let at = 0; at < frames.length; at += blockFrames) {
    const score = emptyScore()
    addScene(score, frames.slice(at, at + blockFrames))
    blocks.push(total(score))
  }
  const f1Of = (parts: readonly KindScore[]) => {
    const sum = (key: keyof KindScore) => parts.reduce((all, part) => all + part[key], 0)
    return ratio(2 * sum('matched'), sum('said') + sum('events'))
  }
  const random = createRandom(1)
  const draws = Array.from({ length: 1000 }, () => f1Of(blocks.map(() => random.pick(blocks)))).sort((a, b) => a - b)
  return {
    f1: f1Of(blocks),
    interval: [draws[24]!, draws[974]!],
    events: blocks.reduce((all, { events }) => all + events, 0),
  }
}

const percent = (value: number) => (Number.isNaN(value) ? '-' : `${(100 * value).toFixed(1)} %`)

/** A Markdown table, a row for each kind. */
export function formatScore(score: Score): string {
  const rows = [...Object.entries(score.kinds), ['all', total(score)] as const].map(([kind, one]) => {
    const { precision, recall, f1, delayFrames, kindRecall } = measures(one)
    const late = Number.isNaN(delayFrames) ? '-' : delayFrames.toFixed(2)
    return `| ${[kind, one.events, percent(precision), percent(recall), percent(f1), late, percent(kindRecall)].join(' | ')} |`
  })
  return [
    '| event | events | precision | recall | F1 | delay (frames) | kind seen |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
    `Silence kept in ${percent(ratio(score.kept, score.quiet))} of ${score.quiet} frames in which nothing happened; ${score.strange} sentences of no kind.`,
  ].join('\n')
}
