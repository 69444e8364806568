/** Interpolation begins and ends with the two frames. */
import { expect, it } from 'vitest'
import { between } from './between.ts'
import type { Sprite } from './stage.ts'

const sprite = (key: string, raster: string, x: number, widthPx = 10): Sprite => ({ key, raster, x, y: 5, widthPx, heightPx: 10 })
const from = [sprite('1', 'fox', 10), sprite('2', 'owl', 50), sprite('3', 'sign a', 70)]
const to = [sprite('1', 'fox', 30, 20), sprite('3', 'sign b', 70), sprite('4', 'crab', 80)]
const solid = (list: (Sprite & { opacity: number })[]) =>
  list.filter(({ opacity }) => opacity === 1).map(({ raster, x, widthPx }) => [raster, x, widthPx])

it('begins with the one and ends with the other', () => {
  expect(solid(between(from, to, 0)).sort()).toEqual([
    ['fox', 10, 10],
    ['owl', 50, 10],
    ['sign a', 70, 10],
  ])
  expect(between(from, to, 0).every(({ opacity }) => opacity === 1)).toBe(true)
  const end = between(from, to, 1)
  expect(end.map(({ raster, x, widthPx }) => [raster, x, widthPx])).toContainEqual(['fox', 30, 20])
  expect(end.find(({ raster }) => raster === 'owl')).toBeUndefined()
  expect(end.findIndex(({ raster }) => raster === 'sign b')).toBeGreaterThan(end.findIndex(({ raster }) => raster === 'sign a'))
  expect(between(from, to, 7)).toEqual(end)
})

it('half-way things glide, come and go', () => {
  const half = between(from, to, 0.5)
  expect(half.find(({ raster }) => raster === 'fox')).toMatchObject({ x: 20, widthPx: 15, opacity: 1 })
  expect(half.find(({ raster }) => raster === 'owl')!.opacity).toBeCloseTo(0.5)
  expect(half.find(({ raster }) => raster === 'crab')!.opacity).toBeCloseTo(0.5)
})
