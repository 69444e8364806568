/** Every golden of a tree, one after another. */
import type { DeviceName } from '@casa-js/tensor'
import { nextTask } from '@casa-js/vlm/internal'
import { passed, tolerancesOf, type Check } from './compare.ts'
import { findGoldens, type GoldenKind } from './find.ts'
import type { GoldenTree } from './tree.ts'

/** A comparison, and the golden folder that it belongs to. */
export interface GoldenCheck extends Check {
  /** The golden folder's name in reports, e.g. "goldens/casa/casa". */
  case: string
  kind: GoldenKind
  passed: boolean
}

/** A golden folder begins, or one of its checks is done. */
export type VerifyEvent =
  | { type: 'case'; case: string; kind: GoldenKind; /** From 0. */ index: number; total: number }
  | { type: 'check'; check: GoldenCheck }

/** Options of `verifyGoldens`. */
export interface VerifyOptions {
  /** The device that runs, which sets the tolerances. */
  device: DeviceName
  signal?: AbortSignal | undefined
}

/**
 * Recompute every golden of a tree on the device that runs, and compare. Nothing else may use the device meanwhile: tensors are counted.
 * A golden that cannot be recomputed is a failed check with the reason in its note.
 * @throws FileError when the tree holds no goldens; the signal's reason, at the next check
 */
export async function* verifyGoldens(
  tree: GoldenTree,
  { device, signal }: VerifyOptions,
): AsyncGenerator<VerifyEvent, void, undefined> {
  const tolerances = tolerancesOf(device)
  const root = tree.name
    .replace(/[/\\]+$/, '')
    .split(/[/\\]/)
    .at(-1)!
  const goldens = findGoldens(tree)
  for (const [index, { kind, path, verify }] of goldens.entries()) {
    const about = { case: [root, path].filter((part) => part !== '').join('/'), kind }
    yield { type: 'case', ...about, index, total: goldens.length }
    try {
      for await (const check of verify(tolerances)) {
        signal?.throwIfAborted()
        yield { type: 'check', check: { ...about, ...check, passed: passed(check) } }
        // On wasm and cpu nothing else would let an abort through.
        await nextTask()
      }
    } catch (error) {
      signal?.throwIfAborted()
      const note = error instanceof Error ? error.message : String(error)
      yield { type: 'check', check: { ...about, name: 'failed', error: NaN, tolerance: 0, note, passed: false } }
    }
    signal?.throwIfAborted()
  }
}
