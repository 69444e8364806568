import { openVideo } from './src/index.ts'
import { encode, h264, readNumber } from './src/testing/numbered-videos.ts'
import { readFileSync, writeFileSync } from 'fs'
const which = process.argv[2]!
const args = which.endsWith('webm')
  ? ['-c:v', 'libvpx-vp9', '-b:v', '400k', '-deadline', 'realtime', '-cpu-used', '8', '-g', '40', '-pix_fmt', 'yuv420p']
  : which.endsWith('avi')
    ? ['-c:v', 'mpeg4', '-q:v', '3', '-g', '50']
    : [
        ...h264,
        ...(which === 'frag.mp4'
          ? ['-movflags', 'frag_keyframe+empty_moov']
          : which === 'fast.mp4'
            ? ['-movflags', '+faststart']
            : []),
      ]
const p = await encode('/tmp/mb/z-' + which, args)
const bytes = readFileSync(p)
writeFileSync(p, bytes.subarray(0, Math.floor(bytes.length * 0.6)))
let s = ''
for await (const { image, timeMs } of openVideo(p, { framesPerSecond: 30, onEvent: console.log })) s += readNumber(image) + ' '
console.log(which, s)
