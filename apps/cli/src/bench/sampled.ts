/**
 * A long stream of which only some turns are run: in the first and the last tenth `sample` of them, in the middle of the tenth, a few
 * in between, and the very last. The cache in front of each stretch holds as many rows as the stream would have written until then, copies
 * of those of its first turns: time and memory do not depend on the values.
 *
 *     turns  0 ..   ####      ..  #  ..  #  ..  #  ..      ####   #
 *                 1st tenth      25 %   50 %   75 %      last tenth
 */
import type { Vlm } from '@casa-js/vlm'
import { decodeSession, encodeSession } from '@casa-js/vlm/internal'
import { streamTurns, type StreamSettings, type Turn } from './protocol.ts'

/** Turns until everything that repeats runs from plans. */
const planningTurns = 6
/** Turns at each of the places in between. */
const betweenTurns = 2

/** The stretches that are run, [from, number of turns], without those before them, which do not count. */
export function stretchesOf(turns: number, sample: number): [number, number][] {
  const tenth = Math.floor(turns / 10)
  const middle = Math.max(0, Math.floor((tenth - sample) / 2))
  const count = Math.min(sample, tenth)
  const between = [0.25, 0.5, 0.75].map((share): [number, number] => [Math.floor(turns * share), betweenTurns])
  return [[middle, count], ...between, [turns - tenth + middle, count], [turns - 1, 1]]
}

/**
 * @param sample turns of the first and of the last tenth
 * @returns a row for each turn that was run and counts
 */
export async function sampleTurns(vlm: Vlm, settings: StreamSettings & { sample: number }): Promise<Turn[]> {
  const { turns, sample, ...stream } = settings
  let start: Uint8Array | undefined
  const first = await streamTurns(vlm, { ...stream, turns: 2, onSaved: (state) => (start = state) })
  const perTurn = first[1]!.cachedTokens - first[0]!.cachedTokens
  const rows: Turn[] = []
  for (const [from, count] of stretchesOf(turns, sample)) {
    // The turns before make the plans, and are not counted. Before turn 2 there is nothing to go on from.
    const begin = Math.max(2, from - planningTurns)
    const resume = await filled(vlm, start!, first[1]!.cachedTokens + (begin - 2) * perTurn)
    const run = await streamTurns(vlm, { ...stream, from: begin, turns: from + count - begin, resume })
    rows.push(...run.slice(Math.max(1, from - begin)))
  }
  return rows
}

/** A saved stream whose cache holds `tokens` rows, its own over and over. */
async function filled({ model }: Vlm, state: Uint8Array, tokens: number): Promise<Uint8Array> {
  const { contents, notes } = await decodeSession(model, state)
  const tensors = Object.entries(contents.tensors).map(([name, { shape, data }]) => {
    if (!name.startsWith('cache.')) return [name, { shape, data }] as const
    const longer = new Float32Array((data.length / shape[0]!) * tokens)
    for (let at = 0; at < longer.length; at += data.length) longer.set(data.subarray(0, longer.length - at), at)
    return [name, { shape: [tokens, ...shape.slice(1)], data: longer }] as const
  })
  return encodeSession(model, { ...contents, tokens, tensors: Object.fromEntries(tensors) }, notes)
}
