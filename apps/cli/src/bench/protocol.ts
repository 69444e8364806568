/**
 * The paper's streaming protocol (arXiv 2512.19535, streaming benchmark): every turn a frame and 16 greedy tokens, batch 1. The text
 * grows by 18 tokens: 2 marks, 15 tokens and a stop token.
 *
 * It runs through `captionVideo`, as captions do. The clock is the processor's, which other programs on the machine do not change much; on a
 * GPU, whose work it does not see, the wall's.
 */
import type { RgbImage } from '@casa-js/base'
import type { DeviceName } from '@casa-js/tensor'
import { createRandom } from '@casa-js/data'
import { captionVideo, type Sampler, type Vlm } from '@casa-js/vlm'
import { repeated } from './repeated.ts'

export const tokensPerTurn = 16
/** Text tokens that a turn leaves in the cache. */
export const textTokensPerTurn = 18

/** One turn. */
export interface Turn {
  /** Counted from 0. */
  turn: number
  /** From the frame's arrival to its first token: encoder, prefill, the first choice. */
  firstTokenMs: number
  /** For the 15 tokens after it. */
  decodeMs: number
  /** Rows of the cache in use. */
  cachedTokens: number
  /** Bytes that all live tensors occupy after the turn: weights, cache, the fusion's state. */
  bytes: number
}

export interface StreamSettings {
  turns: number
  framePx: number
  /** Text beyond it slides; images in the cache cannot. */
  capacityTokens: number
  /** Number of the first turn. Default: 0. */
  from?: number | undefined
  /** State of an earlier stream to go on from. */
  resume?: Uint8Array | undefined
  /** Given the state after the last turn. */
  onSaved?: ((state: Uint8Array) => void) | undefined
  /** Milliseconds. Default: processor time. */
  now?: (() => number) | undefined
  signal?: AbortSignal | undefined
  onTurn?: ((turn: number) => void) | undefined
}

/** Milliseconds that the processor has spent on this process. */
function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** The clock that a device's work is measured by. */
export const clockOf = (device: DeviceName): (() => number) => (device === 'webgpu' ? () => performance.now() : processorMs)

const noiseBytes = 2 ** 16

/** Noise, another one in each turn. [framePx, framePx, 3] */
function frameOf(turn: number, framePx: number): RgbImage {
  const random = createRandom(turn)
  // Of a large frame, noise that repeats: the encoder takes as long for it.
  const data = repeated(new Uint8Array(framePx * framePx * 3), noiseBytes, () => random.integer(0, 255))
  return { widthPx: framePx, heightPx: framePx, data }
}

/** Greedy, but with the stop token at the sixteenth and never before. */
function sixteenTokens({ stopIds, tokenizer }: Vlm): Sampler {
  let said = 0
  return (logits) => {
    if (++said % tokensPerTurn === 0) return stopIds[0]!
    let best = -1
    for (let id = 0; id < Math.min(logits.length, tokenizer.vocabSize); id++) {
      if (!stopIds.includes(id) && (best < 0 || logits[id]! > logits[best]!)) best = id
    }
    return best
  }
}

/** Streams random frames through a model. @returns a row for each turn */
export async function streamTurns(
  vlm: Vlm,
  { turns, framePx, capacityTokens, from = 0, resume, onSaved, now = processorMs, signal, onTurn }: StreamSettings,
): Promise<Turn[]> {
  function* frames() {
    for (let turn = from; turn < from + turns; turn++) yield { image: frameOf(turn, framePx), timeMs: turn * 500 }
  }
  const run = captionVideo(vlm, frames(), {
    prompt: 'Describe what happens in the video.',
    prefix: '',
    maxTokensPerFrame: tokensPerTurn,
    budgetMs: Infinity,
    capacityTokens,
    sampler: sixteenTokens(vlm),
    now,
    resume,
    signal,
  })
  const rows: Turn[] = []
  for await (const event of run) {
    if (event.type !== 'frame') continue
    const { timeToFirstTokenMs, tokenTimesMs, cachedTokens, memory } = event.frame
    rows.push({
      turn: from + rows.length,
      firstTokenMs: timeToFirstTokenMs,
      decodeMs: tokenTimesMs.at(-1)! - tokenTimesMs[0]!,
      cachedTokens,
      bytes: memory.bytes,
    })
    onTurn?.(from + rows.length)
    if (rows.length === turns && onSaved) onSaved(await run.save())
  }
  return rows
}
