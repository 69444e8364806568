/**
 * Captions against what happened. A sentence counts for an event when it says the same, at the event's frame or up to two frames
 * later; each counts once.
 */
import { createRandom } from '@casa-js/data'
import { kindOf } from './captions.ts'
import { eventKinds, type EventKind } from './scene.ts'

/** Frames that a sentence may be late. */
export const mostDelay = 2

/** One frame of a scene, and what a model said of it. */
export interface Said {
  /** The right captions, the one of training first; none if nothing happened. */
  right: readonly string[]
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
  frames.forEach(({ right, said }, index) => {
    if (said !== '') {
      const kind = kindOf(said)
      if (kind) score.kinds[kind].said++
      else score.strange++
    }
    if (right.length === 0) {
      score.quiet++
      if (said === '') score.kept++
      return
    }
    // A sign or a counter that appears says what it shows: its kind is that of its sentence.
    const kind = kindOf(right[0]!)!
    const own = score.kinds[kind]
    own.events++
    const late = Array.from({ length: mostDelay + 1 }, (_, delay) => delay)
    const delay = late.find((one) => right.includes(frames[index + one]?.said ?? '') && !taken.has(index + one))
    if (delay !== undefined) {
      taken.add(index + delay)
      own.matched++
      own.delay += delay
    }
    if (late.some((one) => kindOf(frames[index + one]?.said ?? '') === kind)) own.recognised++
  })
}

/** How many frames have an event. */
export const eventsOf = (frames: readonly Said[]): number => frames.filter(({ right }) => right.length > 0).length

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

export interface Estimate {
  value: number
  /** 95 %. */
  interval: [number, number]
}

function scoreOf(scene: readonly Said[]): Score {
  const score = emptyScore()
  addScene(score, scene)
  return score
}

/** All scenes together. */
export const scoreScenes = (scenes: readonly (readonly Said[])[]): Score => sumOf(scenes.map(scoreOf))

function sumOf(scores: readonly Score[]): Score {
  const sum = emptyScore()
  for (const { kinds, strange, quiet, kept } of scores) {
    sum.strange += strange
    sum.quiet += quiet
    sum.kept += kept
    for (const kind of eventKinds)
      for (const key of Object.keys(kinds[kind]) as (keyof KindScore)[]) sum.kinds[kind][key] += kinds[kind][key]
  }
  return sum
}

/** A long scene in pieces of 40 frames, which are drawn together: neighbours are not independent. */
export const piecesOf = <T extends Said>(frames: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(frames.length / 40) }, (_, piece) => frames.slice(40 * piece, 40 * (piece + 1)))

/**
 * A measure of these scenes with its 95 % interval: a bootstrap over scenes (Efron 1979). Draws in which it is not a number, as a kind
 * may not occur in them, are left out.
 */
export function estimate(scenes: readonly (readonly Said[])[], measure: (score: Score) => number): Estimate {
  const blocks = scenes.map(scoreOf)
  const random = createRandom(1)
  const draws = Array.from({ length: 1000 }, () => measure(sumOf(blocks.map(() => random.pick(blocks)))))
    .filter((value) => !Number.isNaN(value))
    .sort((a, b) => a - b)
  const at = (share: number) => draws[Math.floor(share * (draws.length - 1))] ?? NaN
  return { value: measure(sumOf(blocks)), interval: [at(0.025), at(0.975)] }
}

/** Shares of 1. */
export const f1WithInterval = (scenes: readonly (readonly Said[])[], kind?: EventKind): Estimate =>
  estimate(scenes, (score) => measures(kind ? score.kinds[kind] : total(score)).f1)

const percent = (value: number) => (Number.isNaN(value) ? '-' : `${(100 * value).toFixed(1)} %`)

const spread = ([low, high]: Estimate['interval']) => `${percent(low)} to ${percent(high)}`

/** "55.3 % (51.8 % to 58.9 %)" */
export const formatEstimate = ({ value, interval }: Estimate): string => `${percent(value)} (${spread(interval)})`

/** A Markdown table of these scenes, a row for each kind, with the 95 % intervals of F1 and of silence. */
export function formatScore(scenes: readonly (readonly Said[])[]): string {
  const score = scoreScenes(scenes)
  const rows = [...eventKinds, undefined].map((kind) => {
    const one = kind ? score.kinds[kind] : total(score)
    const { precision, recall, f1, delayFrames, kindRecall } = measures(one)
    const late = Number.isNaN(delayFrames) ? '-' : delayFrames.toFixed(2)
    const interval = Number.isNaN(f1) ? '-' : spread(f1WithInterval(scenes, kind).interval)
    return `| ${[kind ?? 'all', one.events, percent(precision), percent(recall), percent(f1), interval, late, percent(kindRecall)].join(' | ')} |`
  })
  const silence = formatEstimate(estimate(scenes, ({ kept, quiet }) => ratio(kept, quiet)))
  return [
    '| event | events | precision | recall | F1 | 95 % interval | delay (frames) | kind seen |',
    '| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |',
    ...rows,
    '',
    `Silence kept in ${silence} of ${score.quiet} frames in which nothing happened; ${score.strange} sentences of no kind.`,
  ].join('\n')
}
