export { formatSrt, formatSrtTime, parseSrt, type Cue } from './srt.ts'
export { progressiveCues, progressiveSrt } from './progressive.ts'
export { formatVtt } from './vtt.ts'
