import { expect, test } from 'vitest'
import { orient, shownSize } from './orient.ts'
import { planesToRgb } from './pixels.ts'

/** One colour in every plane of 4:2:0, 3 x 3 pixels. */
const yuv = (y: number, u: number, v: number, color = {}) => {
  const bytes = new Uint8Array([...Array(9).fill(y), ...Array(4).fill(u), ...Array(4).fill(v)])
  const planes = [
    { offset: 0, stride: 3 },
    { offset: 9, stride: 2 },
    { offset: 13, stride: 2 },
  ]
  return Array.from(planesToRgb('I420', bytes, planes, 3, 3, color).data.subarray(24))
}

test('the corners of BT.601 and BT.709, limited and full', () => {
  // ITU-R BT.601-7, BT.709-6: black, white, and red of 75 % by hand.
  expect(yuv(16, 128, 128)).toEqual([0, 0, 0])
  expect(yuv(235, 128, 128)).toEqual([255, 255, 255])
  expect(yuv(0, 128, 128, { fullRange: true })).toEqual([0, 0, 0])
  expect(yuv(255, 128, 128, { fullRange: true })).toEqual([255, 255, 255])
  for (const [matrix, kr, kb] of [
    ['smpte170m', 0.299, 0.114],
    ['bt709', 0.2126, 0.0722],
    ['bt2020-ncl', 0.2627, 0.0593],
  ] as const) {
    const y = kr
    const [cb, cr] = [-y / (2 * (1 - kb)), (1 - y) / (2 * (1 - kr))]
    const found = yuv(Math.round(16 + 219 * y), Math.round(128 + 224 * cb), Math.round(128 + 224 * cr), { matrix })
    expect(Math.max(...found.map((byte, i) => Math.abs(byte - [255, 0, 0][i]!))), matrix).toBeLessThanOrEqual(2)
  }
})

test('10 bits keep their upper 8; NV12 and planes are the same; rgb in planes and side by side', () => {
  const words = (values: number[]) => values.flatMap((value) => [(value << 2) & 0xff, (value << 2) >> 8])
  const deep = planesToRgb(
    'I420P10',
    new Uint8Array([...words([90, 90, 90, 90]), ...words([100]), ...words([200])]),
    [
      { offset: 0, stride: 4 },
      { offset: 8, stride: 2 },
      { offset: 10, stride: 2 },
    ],
    2,
    2,
    {},
  )
  const plain = planesToRgb(
    'I420',
    Uint8Array.of(90, 90, 90, 90, 100, 200),
    [
      { offset: 0, stride: 2 },
      { offset: 4, stride: 1 },
      { offset: 5, stride: 1 },
    ],
    2,
    2,
    {},
  )
  const nv12 = planesToRgb(
    'NV12',
    Uint8Array.of(90, 90, 90, 90, 100, 200),
    [
      { offset: 0, stride: 2 },
      { offset: 4, stride: 2 },
    ],
    2,
    2,
    {},
  )
  expect(deep).toEqual(plain)
  expect(nv12).toEqual(plain)
  const planes = [0, 1, 2].map((offset) => ({ offset, stride: 1 }))
  expect(planesToRgb('I444', Uint8Array.of(2, 3, 1), planes, 1, 1, { matrix: 'rgb' }).data).toEqual(Uint8Array.of(1, 2, 3))
  expect(planesToRgb('BGRX', Uint8Array.of(3, 2, 1, 0), [{ offset: 0, stride: 4 }], 1, 1, {}).data).toEqual(
    Uint8Array.of(1, 2, 3),
  )
  expect(planesToRgb('RGBA', Uint8Array.of(1, 2, 3, 0), [{ offset: 0, stride: 4 }], 1, 1, {}).data).toEqual(
    Uint8Array.of(1, 2, 3),
  )
  expect(() => planesToRgb('XYZ', new Uint8Array(), [], 1, 1, {})).toThrow('unknown format XYZ')
})

test('four quarter turns and two mirrors give the picture back', () => {
  const image = { widthPx: 3, heightPx: 2, data: Uint8Array.from({ length: 18 }, (_, i) => i) }
  const turn = (from: typeof image, rotation: 0 | 90 | 180 | 270, flip = false) =>
    orient(from, { rotation, flip, pixelAspect: 1 }) as typeof image
  let turned = image
  for (let i = 0; i < 4; i++) turned = turn(turned, 90)
  expect(turned).toEqual(image)
  expect(turn(turn(image, 90), 270)).toEqual(image)
  expect(turn(turn(image, 90), 90)).toEqual(turn(image, 180))
  expect(turn(turn(image, 0, true), 0, true)).toEqual(image)
  // Clockwise: the top left moves to the top right.
  expect(Array.from(turn(image, 90).data.subarray(3, 6))).toEqual([0, 1, 2])
  // Rotation first, then the mirror.
  expect(turn(image, 90, true)).toEqual(turn(turn(image, 90), 0, true))
})

test('square pixels by stretching, and a longer side within bounds', () => {
  expect(shownSize(720, 576, 16 / 15)).toEqual([768, 576])
  expect(shownSize(720, 480, 8 / 9)).toEqual([720, 540])
  expect(shownSize(1920, 1080, 1, 448)).toEqual([448, 252])
  expect(shownSize(100, 50, 1, 448)).toEqual([100, 50])
  expect(shownSize(5000, 1, 1, 10)).toEqual([10, 1])
})
