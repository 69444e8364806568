/** Interpolates between two frames: things glide, grow and fade, so that a scene can be shown at any frame rate. */
import type { Sprite } from './stage.ts'

/** Slow at both ends. */
const ease = (part: number) => part * part * (3 - 2 * part)

/**
 * The stage on its way from one frame to the next.
 * @param part 0 at `from`, 1 at `to`.
 */
export function between(from: readonly Sprite[], to: readonly Sprite[], part: number): (Sprite & { opacity: number })[] {
  const done = ease(Math.min(1, Math.max(0, part)))
  const known = new Map(from.map((sprite) => [sprite.key, sprite]))
  const stays = new Set(to.map(({ key }) => key))
  const mix = (one: number, other: number) => one + (other - one) * done
  const leaving = from.filter(({ key }) => !stays.has(key)).map((sprite) => ({ ...sprite, opacity: 1 - done }))
  const staying = to.flatMap((sprite) => {
    const before = known.get(sprite.key)
    if (!before) return [{ ...sprite, opacity: done }]
    const place = {
      x: mix(before.x, sprite.x),
      y: mix(before.y, sprite.y),
      widthPx: mix(before.widthPx, sprite.widthPx),
      heightPx: mix(before.heightPx, sprite.heightPx),
    }
    const now = { ...sprite, ...place, opacity: 1 }
    return before.raster === sprite.raster
      ? [now]
      : [
          { ...before, ...place, opacity: 1 },
          { ...now, opacity: done },
        ]
  })
  return [...leaving, ...staying].filter(({ opacity }) => opacity > 0)
}
