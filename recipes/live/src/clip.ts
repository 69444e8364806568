/** A scene frame by frame, with the right caption of each; used for training clips and for videos. */
import type { RgbImage } from '@casa-js/base'
import { createRandom, hashIntegers } from '@casa-js/data'
import { captionOf } from './captions.ts'
import { createScene, type Scene, type SceneEvent, type SceneMaterial } from './scene.ts'
import { drawBackdrop, type Backdrop, type Painter, type Sprite } from './stage.ts'

export interface Frame {
  /** What happened since the frame before. */
  event?: SceneEvent
  /** '' if nothing happened. */
  caption: string
  /** All sentences that are right, `caption` first: one may call a thing "It" or by its name. None if nothing happened. */
  right: string[]
  sprites: Sprite[]
  backdrop: Backdrop
  /** -> rgb [96, 96, 3] */
  paint(): Promise<RgbImage>
}

/**
 * An endless generator of frames that depend on the seeds alone.
 * @param options eventChance: how often something happens, 0..1, perhaps by frame.
 */
export function* playScene(
  material: SceneMaterial,
  painter: Painter,
  { seeds, eventChance }: { seeds: number[]; eventChance: number | ((frame: number) => number) },
): Generator<Frame, never> {
  const random = createRandom(...seeds)
  const scene: Scene = createScene(material, random)
  const backdrop = drawBackdrop(random)
  let last: number | undefined
  for (let index = 0; ; index++) {
    const event = scene.step(typeof eventChance === 'number' ? eventChance : eventChance(index))
    const caption = event ? captionOf(event, last) : ''
    const right = event ? [...new Set([caption, captionOf(event)])] : []
    last = event?.thing.id ?? last
    const sprites = painter.sprites(scene.things)
    const noiseSeed = hashIntegers(...seeds, index)
    yield { ...(event && { event }), caption, right, sprites, backdrop, paint: () => painter.paint(sprites, backdrop, noiseSeed) }
  }
}
