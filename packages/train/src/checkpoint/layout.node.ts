/** Layout of a checkpoint: names of files, and of the tensors in them. */
import { readdir } from 'node:fs/promises'
import type { Params } from '@casa-js/core'
import type { Adamw } from '../optimizer.ts'

/** File in checkpoints/ that holds the name of the newest. */
export const LATEST_FILE = 'latest'

/** @returns the folder name of the checkpoint after so many updates, e.g. "step-00001200". */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`
}

/** Names of the checkpoints in checkpoints/, the newest first. */
export async function listCheckpoints(root: string): Promise<string[]> {
  const names = await readdir(root).catch(() => [])
  return names.filter((name) => /^step-\d+$/.test(name)).sort((a, b) => Number(b.slice(5)) - Number(a.slice(5)))
}

/**
 * The optimizer's moments under the names that a checkpoint gives them: first and second of each weight; for a piece of a weight that
 * begins at its value 1024, "first.NAME@1024", flat.
 */
export function momentTensors({ weights, parts, state }: Adamw): Params {
  return Object.fromEntries(
    parts.flatMap(({ weight, begin, end }, i) => {
      const { name, tensor } = weights[weight]!
      const suffix = end - begin === tensor.size ? name : `${name}@${begin}`
      return [
        [`first.${suffix}`, state.first[i]!],
        [`second.${suffix}`, state.second[i]!],
      ]
    }),
  )
}

/** The name of a stored moment tensor, without where its piece begins. */
export function parseMomentName(stored: string): { name: string; begin: number } {
  const [, name, begin] = /^(.*?)(?:@(\d+))?$/s.exec(stored)!
  return { name: name!, begin: Number(begin ?? 0) }
}
