/** Captions of events: one short sentence each, with "It" for the subject of the last sentence. */
import type { EventKind, SceneEvent, Thing } from './scene.ts'
import { numberWords } from './things.ts'

const article = (name: string) => (/^(?:[aeio]|umb)/.test(name) ? 'An' : 'A')

const plain = (thing: Thing): string => {
  if (thing.kind === 'emoji') return thing.name
  if (thing.kind === 'shape') return `${thing.colour} ${thing.name}`
  if (thing.kind === 'group') return `${thing.colour} ${thing.name}${thing.name === 'cross' ? 'es' : 's'}`
  return thing.kind
}
const capital = (text: string) => text[0]!.toUpperCase() + text.slice(1)

function appearance(thing: Thing): string {
  if (thing.kind === 'sign') return `The sign says ${thing.word}.`
  if (thing.kind === 'counter') return `The counter shows ${thing.value}.`
  if (thing.kind === 'group' && thing.count > 1) return `${capital(numberWords[thing.count - 1]!)} ${plain(thing)} appear.`
  const name = thing.kind === 'group' ? `${thing.colour} ${thing.name}` : plain(thing)
  return `${article(name)} ${name} appears.`
}

/**
 * @param last the thing that the last sentence was about
 */
export function captionOf(event: SceneEvent, last?: number): string {
  const { thing, kind } = event
  const it = thing.id === last ? 'It' : `The ${plain(thing)}`
  switch (kind) {
    case 'appear':
      return appearance(thing)
    case 'leave':
      return `The ${plain(thing)} ${thing.kind === 'group' ? 'leave' : 'leaves'}.`
    case 'move':
      return `${it} moves ${event.direction}.`
    case 'grow':
      return `${it} grows.`
    case 'shrink':
      return `${it} shrinks.`
    case 'colour':
      // A thing is named by the colour that it had before.
      return `${it === 'It' || thing.kind !== 'shape' ? it : `The ${thing.name}`} turns ${thing.kind === 'shape' ? thing.colour : ''}.`
    case 'count':
      return thing.kind === 'group' && thing.count === 1
        ? 'Now there is one.'
        : `Now there are ${thing.kind === 'group' ? numberWords[thing.count - 1] : ''}.`
    case 'sign':
    case 'counter':
      return appearance(thing)
  }
}

/** What stands on a stage, row by row, in the words in which each thing would appear. */
export function listOf(things: readonly Thing[]): string {
  const ordered = [...things].sort((one, other) => one.row - other.row || one.column - other.column)
  return ordered.map(appearance).join(' ')
}

/** Parts of sentences that are one token each, so that a sentence is about as long as its names. */
export const captionTokens = [
  ' appears.', ' appear.', ' leaves.', ' leave.', ' moves left.', ' moves right.', ' moves up.', ' moves down.', ' grows.',
  ' shrinks.', ' turns ', 'Now there are ', 'Now there is ', 'The sign says ', 'The counter shows ', 'The sign', 'The counter',
] as const // prettier-ignore

/** The kind of event that a sentence tells of; undefined for one that no event has. A sign or counter that appears tells what it shows. */
export function kindOf(sentence: string): EventKind | undefined {
  return sentencePatterns.find(([, pattern]) => pattern.test(sentence))?.[0]
}

const sentencePatterns: readonly [EventKind, RegExp][] = [
  ['sign', /^The sign says .+\.$/],
  ['counter', /^The counter shows .+\.$/],
  ['count', /^Now there (?:is|are) \w+\.$/],
  ['appear', /. appears?\.$/],
  ['leave', /. leaves?\.$/],
  ['move', /. moves (?:left|right|up|down)\.$/],
  ['grow', /. grows?\.$/],
  ['shrink', /. shrinks?\.$/],
  ['colour', /. turns \w+\.$/],
]
