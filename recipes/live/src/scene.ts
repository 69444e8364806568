/**
 * A scene: things on a stage of 2 x 2 cells that changes by at most one event a frame. Pure state, no pixels: what is drawn and
 * what is said both follow from it.
 *
 *     +-------+-------+     an emoji, a shape or a counter fills a cell,
 *     | camel |   7   |     a sign or a group of shapes a row
 *     +-------+-------+
 *     |  S T O P      |
 *     +---------------+
 */
import type { Random } from '@casa-js/data'
import { colourNames, emojiNames, isHeldOutCombination, shapeNames, type ColourName, type ShapeName } from './things.ts'

export interface Cell {
  row: 0 | 1
  column: 0 | 1
}

interface Placed extends Cell {
  /** Its own number in the scene. */
  id: number
  /** Shift from the middle of its place, -1..1 of the slack that there is. */
  shift: { x: number; y: number }
}
export interface EmojiThing extends Placed {
  kind: 'emoji'
  name: string
  style: string
  /** How the drawing is altered: 0 as it is, up to `alterations - 1` mirrored, bent, tinted, outlined. Training alone alters. */
  altered: number
  size: 'small' | 'big'
}
export interface ShapeThing extends Placed {
  kind: 'shape'
  name: ShapeName
  colour: ColourName
  size: 'small' | 'big'
}
/** `count` equal shapes in a row's places; `column` is 0. */
export interface GroupThing extends Placed {
  kind: 'group'
  name: ShapeName
  colour: ColourName
  count: number
}
export interface SignThing extends Placed {
  kind: 'sign'
  word: string
  look: TextLook
}
export interface CounterThing extends Placed {
  kind: 'counter'
  value: number
  look: TextLook
}
export type Thing = EmojiThing | ShapeThing | GroupThing | SignThing | CounterThing

/** How written things look: a face of the split's fonts and two numbers that choose board and ink. */
export interface TextLook {
  face: number
  sizePx: number
  board: number
}

export type Direction = 'left' | 'right' | 'up' | 'down'

/** What happened to a thing between two frames. `thing` is as it is afterwards; of one that left, as it was. */
export type SceneEvent =
  | { kind: 'appear' | 'leave' | 'grow' | 'shrink' | 'colour' | 'count' | 'sign' | 'counter'; thing: Thing }
  | { kind: 'move'; thing: Thing; direction: Direction }
export type EventKind = SceneEvent['kind']
export const eventKinds: readonly EventKind[] = [
  'appear',
  'leave',
  'move',
  'grow',
  'shrink',
  'colour',
  'count',
  'sign',
  'counter',
]

export interface SceneMaterial {
  /** Names of the emoji styles that have a drawing of this emoji. */
  stylesOf(name: string): readonly string[]
  /** Words of signs. */
  words: readonly string[]
  /** Number of font faces. */
  faces: number
  /** Leave out combinations that are held out. */
  trains: boolean
}

export interface Scene {
  readonly things: readonly Thing[]
  /** One frame later: perhaps something happens. `eventChance` of 0..1. */
  step(eventChance: number): SceneEvent | undefined
}

/** Relative frequency of each kind of event, where the scene allows it. */
export const kindWeights: Record<EventKind, number> = {
  appear: 4,
  leave: 2,
  move: 3,
  grow: 1,
  shrink: 1,
  colour: 1.5,
  count: 2,
  sign: 1.5,
  counter: 2,
}

const mostGroup = 6
/** Ways in which training shows an emoji's drawing: more than the few styles there are. */
export const alterations = 30
const directions: Record<Direction, { row: number; column: number }> = {
  left: { row: 0, column: -1 },
  right: { row: 0, column: 1 },
  up: { row: -1, column: 0 },
  down: { row: 1, column: 0 },
}

/** The name of a thing in a combination, e.g. "camel" or "red circle". */
export const nameOf = (thing: Thing): string => {
  if (thing.kind === 'emoji') return thing.name
  if (thing.kind === 'shape' || thing.kind === 'group') return `${thing.colour} ${thing.name}`
  return thing.kind
}

const isWritten = ({ kind }: Thing) => kind === 'sign' || kind === 'counter'
const fillsRow = ({ kind }: Pick<Thing, 'kind'>) => kind === 'sign' || kind === 'group'
const covers = (thing: Thing, { row, column }: Cell) => thing.row === row && (fillsRow(thing) || thing.column === column)

/**
 * An empty stage. Everything that follows depends on `random` alone.
 * @param weights relative frequency of each kind of event, where the scene allows it
 */
export function createScene(material: SceneMaterial, random: Random, weights: Record<EventKind, number> = kindWeights): Scene {
  let things: Thing[] = []
  let nextId = 0

  const isFree = (cell: Cell, except?: Thing) => things.every((thing) => thing === except || !covers(thing, cell))
  const cells = ([0, 1] as const).flatMap((row) => ([0, 1] as const).map((column) => ({ row, column })))
  const freeCells = () => cells.filter((cell) => isFree(cell))
  const freeRows = () => ([0, 1] as const).filter((row) => isFree({ row, column: 0 }) && isFree({ row, column: 1 }))
  const allows = (what: string, name: string) => !(material.trains && isHeldOutCombination(what, name))
  const place = (cell: Cell) => ({
    id: nextId++,
    ...cell,
    shift: { x: random.between(-1, 1), y: random.between(-1, 1) },
  })
  const look = (): TextLook => ({
    face: random.integer(0, material.faces - 1),
    sizePx: random.integer(20, 28),
    board: random.integer(0, 2 ** 20),
  })

  function coloured(): { name: ShapeName; colour: ColourName } {
    for (;;) {
      const chosen = { name: random.pick(shapeNames), colour: random.pick(colourNames) }
      if (allows(chosen.colour, chosen.name)) return chosen
    }
  }

  function create(): Thing | undefined {
    const places = freeCells()
    const rows = freeRows()
    const has = (kind: Thing['kind']) => things.some((thing) => thing.kind === kind)
    if (places.length === 0) return undefined
    const choice = random.next()
    if (rows.length > 0 && choice < 0.35) {
      const row = place({ row: random.pick(rows), column: 0 })
      if (choice < 0.2 && !has('sign')) return { kind: 'sign', ...row, word: random.pick(material.words), look: look() }
      if (!has('group')) return { kind: 'group', ...row, ...coloured(), count: random.integer(2, 5) }
    }
    const cell = place(random.pick(places))
    if (choice < 0.45 && !has('counter')) return { kind: 'counter', ...cell, value: random.integer(0, 89), look: look() }
    if (choice < 0.6) return { kind: 'shape', ...cell, ...coloured(), size: 'big' }
    const present = new Set(things.map(nameOf))
    const name = random.pick(emojiNames.filter((one) => !present.has(one)))
    const style = random.pick(material.stylesOf(name))
    const altered = material.trains ? random.integer(0, alterations - 1) : 0
    return { kind: 'emoji', ...cell, name, style, altered, size: 'big' }
  }

  const replace = <T extends Thing>(old: Thing, changed: T): T => {
    things = things.map((thing) => (thing === old ? changed : thing))
    return changed
  }
  /** Picks one of these things that this event may happen to. */
  const chooseFrom = <T extends Thing>(list: readonly T[], what: string): T | undefined => {
    const found = list.filter((thing) => isWritten(thing) || allows(what, nameOf(thing)))
    return found.length > 0 ? random.pick(found) : undefined
  }
  const ofKind = <K extends Thing['kind']>(kind: K) =>
    things.filter((thing): thing is Extract<Thing, { kind: K }> => thing.kind === kind)
  const isFigure = (thing: Thing): thing is EmojiThing | ShapeThing => thing.kind === 'emoji' || thing.kind === 'shape'

  function resize(kind: 'grow' | 'shrink'): SceneEvent | undefined {
    const from = kind === 'grow' ? 'small' : 'big'
    const thing = chooseFrom(
      things.filter(isFigure).filter(({ size }) => size === from),
      kind,
    )
    return thing && { kind, thing: replace(thing, { ...thing, size: kind === 'grow' ? 'big' : 'small' }) }
  }

  const attempts: Record<EventKind, () => SceneEvent | undefined> = {
    appear() {
      const thing = create()
      if (!thing) return undefined
      things.push(thing)
      return { kind: 'appear', thing }
    },
    leave() {
      const thing = chooseFrom(things, 'leave')
      if (!thing) return undefined
      things = things.filter((one) => one !== thing)
      return { kind: 'leave', thing }
    },
    move() {
      const direction = random.pick(Object.keys(directions) as Direction[])
      const { row, column } = directions[direction]
      const target = (thing: Thing) => ({ row: thing.row + row, column: thing.column + column }) as Cell
      const inside = (cell: Cell) => cells.some((one) => one.row === cell.row && one.column === cell.column)
      const thing = chooseFrom(
        things.filter(isFigure).filter((one) => inside(target(one)) && isFree(target(one), one)),
        direction,
      )
      return thing && { kind: 'move', thing: replace(thing, { ...thing, ...target(thing) }), direction }
    },
    grow: () => resize('grow'),
    shrink: () => resize('shrink'),
    colour() {
      const thing = chooseFrom(ofKind('shape'), 'colour')
      if (!thing) return undefined
      const others = colourNames.filter((colour) => colour !== thing.colour && allows(colour, thing.name))
      return { kind: 'colour', thing: replace(thing, { ...thing, colour: random.pick(others) }) }
    },
    count() {
      const thing = chooseFrom(ofKind('group'), 'count')
      if (!thing) return undefined
      const counts = [thing.count - 1, thing.count + 1].filter((count) => count >= 1 && count <= mostGroup)
      return { kind: 'count', thing: replace(thing, { ...thing, count: random.pick(counts) }) }
    },
    sign() {
      const thing = chooseFrom(ofKind('sign'), 'sign')
      return thing && { kind: 'sign', thing: replace(thing, { ...thing, word: random.pick(material.words) }) }
    },
    counter() {
      const thing = chooseFrom(ofKind('counter'), 'counter')
      return thing && { kind: 'counter', thing: replace(thing, { ...thing, value: (thing.value + 1) % 100 }) }
    },
  }

  function draw(): EventKind {
    let left = random.between(
      0,
      Object.values(weights).reduce((sum, weight) => sum + weight, 0),
    )
    return eventKinds.find((kind) => (left -= weights[kind]) < 0) ?? 'appear'
  }

  return {
    get things() {
      return things
    },
    step(eventChance) {
      if (!random.chance(eventChance)) return undefined
      for (let attempt = 0; attempt < 100; attempt++) {
        // On an empty stage only an arrival is possible.
        const event = attempts[things.length === 0 ? 'appear' : draw()]()
        if (event) return event
      }
      return undefined
    },
  }
}
