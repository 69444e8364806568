/**
 * A video of a held-out scene, and what happens in it:
 *
 *     pnpm --filter @casa-js/live clip [--out samples/live.mp4] [--seed 757] [--seconds 30] [--split heldOut]
 *
 * Needs ffmpeg. Beside the video a .jsonl: a line for each half second, { time_ms, kind, text }. At each of those times the stage
 * is at rest; in between things glide.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { CasaError } from '@casa-js/base'
import type { Split } from '@casa-js/reader'
import { between } from '../between.ts'
import { playScene } from '../clip.ts'
import { loadLiveMaterial } from '../material.ts'
import { createPainter, framePx, type Sprite } from '../stage.ts'

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'samples/live.mp4' },
    split: { type: 'string', default: 'heldOut' },
    seed: { type: 'string', default: '757' },
    seconds: { type: 'string', default: '30' },
    scale: { type: 'string', default: '4' },
  },
})
const scale = Number(values.scale)
const shownPerScene = 12 // 24 pictures a second, two frames of the scene.
const sidePx = framePx * scale

const material = loadLiveMaterial(values.split as Split)
const painter = createPainter(material, scale)
const play = playScene(material, painter, { seeds: [Number(values.seed)], eventChance: 0.55 })

const format = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${sidePx}x${sidePx}`, '-r', String(2 * shownPerScene), '-i', '-']
const codec = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-crf', '20', '-g', '48', '-movflags', '+faststart']
const encoder = spawn('ffmpeg', ['-v', 'error', '-y', ...format, ...codec, values.out], { stdio: ['pipe', 'inherit', 'inherit'] })
const ended = once(encoder, 'close')
encoder.on('error', (error) => console.error(`ffmpeg: ${error.message}; install it`))

const lines: string[] = []
let last: Sprite[] = []
for (let frame = 0; frame < 2 * Number(values.seconds); frame++) {
  const { event, caption, sprites, backdrop } = play.next().value
  lines.push(JSON.stringify({ time_ms: frame * 500, kind: event?.kind ?? null, text: caption }))
  const clean = { ...backdrop, noise: 0 }
  // The first frame opens the video; around the time of each the stage rests.
  for (let shown = frame === 0 ? shownPerScene : 1; shown <= shownPerScene; shown++) {
    const { data } = await painter.paint(between(last, sprites, (shown / shownPerScene - 0.15) / 0.7), clean, 0)
    if (!encoder.stdin.write(data)) await once(encoder.stdin, 'drain')
  }
  last = sprites
}
encoder.stdin.end()
const [code] = (await ended) as [number]
if (code !== 0) throw new CasaError(`ffmpeg ended with code ${code}`)
writeFileSync(values.out.replace(/\.\w+$/, '.jsonl'), `${lines.join('\n')}\n`)
console.log(`${values.out}: ${values.seconds} s, ${lines.filter((line) => !line.includes('null')).length} events`)
