/** Scenes: the same seeds give the same clips; what is said is what is seen; nothing held out is trained on. */
import { createRandom } from '@casa-js/data'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { captionOf, kindOf, listOf } from './captions.ts'
import { playScene, type Frame } from './clip.ts'
import createLiveDataset from './dataset.ts'
import { loadLiveMaterial, type LiveMaterial } from './material.ts'
import { createScene, nameOf, type Thing } from './scene.ts'
import { createPainter, framePx } from './stage.ts'
import { emojiNames, isHeldOutCombination } from './things.ts'

let train: LiveMaterial
let heldOut: LiveMaterial
beforeAll(() => {
  train = loadLiveMaterial('train')
  heldOut = loadLiveMaterial('heldOut')
})

const seeds = fc.integer({ min: 0, max: 2 ** 31 })

function frames(material: LiveMaterial, seed: number, count: number): Frame[] {
  const play = playScene(material, createPainter(material), { seeds: [seed], eventChance: 0.7 })
  return Array.from({ length: count }, () => play.next().value)
}

describe('a scene', () => {
  it('keeps things apart, and changes as its events say', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const scene = createScene(train, createRandom(seed))
        for (let frame = 0; frame < 40; frame++) {
          const before = [...scene.things]
          const event = scene.step(0.8)
          const after = [...scene.things]
          expect(after.length).toBeLessThanOrEqual(4)
          const taken = after.flatMap((thing) => cellsOf(thing))
          expect(new Set(taken).size).toBe(taken.length)
          expectChange(before, after, event)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('has every kind of event, and sentences whose kind can be read back', () => {
    const kinds = new Set<string>()
    for (let seed = 0; seed < 20; seed++) {
      const scene = createScene(heldOut, createRandom(seed))
      for (let frame = 0; frame < 60; frame++) {
        const event = scene.step(1)!
        const said = captionOf(event, undefined)
        const { kind, thing } = event
        kinds.add(kind)
        const written = thing.kind === 'sign' || thing.kind === 'counter' ? thing.kind : undefined
        expect(kindOf(said), said).toBe(kind === 'appear' ? (written ?? kind) : kind)
        expect(kindOf(captionOf(event, thing.id)), said).toBe(kindOf(said))
        if (thing.kind === 'sign' && kind !== 'leave') expect(said).toContain(thing.word)
      }
    }
    expect([...kinds].sort()).toEqual(['appear', 'colour', 'count', 'counter', 'grow', 'leave', 'move', 'shrink', 'sign'])
    expect(kindOf('Once upon a time')).toBeUndefined()
  })
})

describe('a clip', () => {
  it('follows from its seeds alone, to the last pixel', async () => {
    const one = createLiveDataset({ seed: 3, frames: [2, 2] })
    const other = createLiveDataset({ seed: 3, frames: [2, 2] })
    await other.get(9)
    expect(await other.get(4)).toEqual(await one.get(4))
    expect(await one.get(5)).not.toEqual(await one.get(4))
  })

  it('may list what is on the stage, frame by frame, row by row', async () => {
    const dataset = createLiveDataset({ seed: 6, lists: 1 })
    let sentences = 0
    let frameCount = 0
    for (let index = 0; index < 10; index++) {
      const { task, messages } = await dataset.get(index)
      expect(task).toBe('list')
      const texts = messages.at(-1)!.content.flatMap((part) => (part.type === 'text' ? [part.text] : []))
      for (const text of texts) {
        const parts = text.match(/[^.]+\./g)!.map((part) => part.trim())
        expect(parts.length, text).toBeGreaterThan(0)
        for (const part of parts) expect(['appear', 'sign', 'counter'], part).toContain(kindOf(part))
        sentences += parts.length
      }
      frameCount += texts.length
    }
    expect(sentences / frameCount).toBeGreaterThan(2)
    expect(listOf([])).toBe('')
  })

  it('alters drawings in training alone', () => {
    const altered = (material: LiveMaterial) => {
      const scene = createScene(material, createRandom(8))
      return Array.from({ length: 60 }, () => scene.step(1)!.thing).flatMap((thing) =>
        thing.kind === 'emoji' ? [thing.altered] : [],
      )
    }
    expect(new Set(altered(heldOut))).toEqual(new Set([0]))
    expect(new Set(altered(train)).size).toBeGreaterThan(3)
  })

  it('may begin in the middle: what was said is there, its pictures are not, and the first one seen brings nothing new', async () => {
    const dataset = createLiveDataset({ seed: 5, frames: [3, 3], middle: 1, forgotten: 4 })
    let words = 0
    for (let index = 0; index < 20; index++) {
      const { content } = (await dataset.get(index)).messages.at(-1)!
      const shown = content.flatMap((part) => (part.type === 'image' ? [part.unseen === true] : []))
      const said = content.flatMap((part) => (part.type === 'text' ? [part.text] : []))
      const first = shown.indexOf(false)
      expect(first).toBeGreaterThanOrEqual(1)
      expect(shown.slice(first)).toEqual([false, false, false])
      expect(said[first]).toBe('')
      words += said.slice(0, first).join('').length
    }
    expect(words).toBeGreaterThan(100)
  })

  it('shows what happened: pixels change with an event, and only where things are', async () => {
    for (let seed = 0; seed < 12; seed++) {
      const clip = frames(heldOut, seed, 12).map((frame) => ({ ...frame, backdrop: { ...frame.backdrop, noise: 0 } }))
      const painter = createPainter(heldOut)
      // Rasters belong to a painter.
      const play = playScene(heldOut, painter, { seeds: [seed], eventChance: 0.7 })
      let last: Uint8Array | undefined
      for (const { backdrop, event } of clip) {
        const { sprites } = play.next().value
        const { data, widthPx, heightPx } = await painter.paint(sprites, backdrop, 0)
        expect([widthPx, heightPx]).toEqual([framePx, framePx])
        const before = last
        if (before) {
          const changed = data.reduce((sum, value, at) => sum + (Math.abs(value - before[at]!) > 16 ? 1 : 0), 0)
          if (event) expect(changed, captionOf(event)).toBeGreaterThan(20)
          else expect(changed).toBe(0)
        }
        last = data
      }
    }
  })

  it('can be painted however many signs have come and gone', async () => {
    const painter = createPainter(train)
    const look = { face: 0, sizePx: 20, board: 1 }
    const place = { row: 0, column: 0, shift: { x: 0, y: 0 } } as const
    const bell: Thing = { kind: 'emoji', id: 0, ...place, name: 'bell', style: train.styles[0]!, altered: 0, size: 'big' }
    const backdrop = frames(train, 1, 1)[0]!.backdrop
    for (let value = 0; value < 1600; value++) {
      const sprites = painter.sprites([bell, { kind: 'counter', id: 1, ...place, row: 1, value, look }])
      if (value % 400 === 0 || value === 1599)
        expect((await painter.paint(sprites, backdrop, 0)).data).toHaveLength(framePx * framePx * 3)
    }
  })

  it('stays within the stage', () => {
    for (let seed = 0; seed < 30; seed++) {
      for (const { sprites } of frames(train, seed, 10)) {
        for (const { x, y, widthPx, heightPx } of sprites) {
          expect(Math.min(x - widthPx / 2, y - heightPx / 2)).toBeGreaterThanOrEqual(-1)
          expect(Math.max(x + widthPx / 2, y + heightPx / 2)).toBeLessThanOrEqual(framePx + 1)
        }
      }
    }
  })
})

it('every emoji has a drawing in each style that claims it, and in five of them or more', () => {
  for (const name of emojiNames) {
    const styles = train.stylesOf(name)
    expect(styles.length).toBeGreaterThanOrEqual(5)
    for (const style of styles) expect(train.svg(style, name)).toMatch(/^<svg .*viewBox="/)
  }
  expect(() => train.svg('fxemoji', 'carrot')).toThrow(/fxemoji has no "carrot"/)
})

describe('what is held out', () => {
  it('styles, fonts and words are on one side only', () => {
    const meet = (one: readonly string[], other: readonly string[]) => one.filter((value) => other.includes(value))
    expect(meet(train.styles, heldOut.styles)).toEqual([])
    expect(train.styles).not.toContain('openmoji')
    expect(heldOut.styles).toEqual(['twemoji'])
    expect(
      meet(
        train.fonts.map(({ file }) => file),
        heldOut.fonts.map(({ file }) => file),
      ),
    ).toEqual([])
    const shown = new Set(train.words)
    expect(heldOut.words.filter((word) => shown.has(word))).toEqual([])
    expect([train.words.length, heldOut.words.length].every((count) => count > 1000)).toBe(true)
  })

  it('combinations are never trained on, and there are enough of them', () => {
    for (let seed = 0; seed < 60; seed++) {
      const scene = createScene(train, createRandom(seed, 1))
      for (let frame = 0; frame < 40; frame++) {
        const event = scene.step(1)
        if (!event) continue
        const { thing, kind } = event
        if (thing.kind === 'shape' || thing.kind === 'group') expect(isHeldOutCombination(thing.colour, thing.name)).toBe(false)
        const what = event.kind === 'move' ? event.direction : kind
        if (thing.kind === 'emoji' && kind !== 'appear') expect(isHeldOutCombination(what, thing.name)).toBe(false)
      }
    }
    const left = emojiNames.filter((name) => isHeldOutCombination('left', name))
    expect(left.length).toBeGreaterThan(1)
    expect(left.length).toBeLessThan(10)
  })
})

const cellsOf = (thing: Thing) =>
  thing.kind === 'sign' || thing.kind === 'group' ? [`${thing.row} 0`, `${thing.row} 1`] : [`${thing.row} ${thing.column}`]

function expectChange(before: Thing[], after: Thing[], event: ReturnType<ReturnType<typeof createScene>['step']>) {
  const gone = before.filter((thing) => !after.includes(thing))
  const come = after.filter((thing) => !before.includes(thing))
  if (!event) return expect([gone, come]).toEqual([[], []])
  const { thing, kind } = event
  if (kind === 'leave') return expect([gone, come]).toEqual([[thing], []])
  expect(come).toEqual([thing])
  expect(gone.length).toBe(kind === 'appear' ? 0 : 1)
  const old = gone[0]
  if (event.kind === 'move' && old) {
    const moved = { left: [0, -1], right: [0, 1], up: [-1, 0], down: [1, 0] }[event.direction]
    expect([thing.row - old.row, thing.column - old.column]).toEqual(moved)
    expect(nameOf(thing)).toBe(nameOf(old))
  }
  if (kind === 'count' && thing.kind === 'group' && old?.kind === 'group') expect(Math.abs(thing.count - old.count)).toBe(1)
  if (kind === 'counter' && thing.kind === 'counter' && old?.kind === 'counter') expect(thing.value).toBe((old.value + 1) % 100)
}
