/** Finds golden folders of every kind under a folder and recomputes each. */
import { FileError } from '@casa-js/base'
import { readdirSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Check, Tolerances } from './compare.ts'
import { holds } from './golden.ts'

export interface GoldenFolder {
  kind: 'model' | 'format' | 'casa' | 'train' | 'images' | 'text'
  folder: string
  verify(tolerances: Tolerances): AsyncIterable<Check>
}

/** What a folder is, by the files in it. Modules are loaded when their kind is met. */
async function kindOf(folder: string): Promise<GoldenFolder | undefined> {
  if (holds(folder, 'case.json', 'casa.safetensors', 'golden.safetensors')) {
    return {
      kind: 'casa',
      folder,
      verify: async function* (t) {
        yield* (await import('./casa.ts')).verifyCasa(folder, t)
      },
    }
  }
  if (holds(folder, 'config.json', 'golden.safetensors')) {
    return {
      kind: 'model',
      folder,
      verify: async function* (t) {
        yield* (await import('./models.ts')).verifyModel(folder, t)
      },
    }
  }
  if (holds(folder, 'config.json', 'model.safetensors.index.json')) {
    const { originalOf, verifyFormat } = await import('./models.ts')
    const original = originalOf(folder)
    return original ? { kind: 'format', folder, verify: () => verifyFormat(folder, original) } : undefined
  }
  if (holds(folder, 'curve.json', 'after.safetensors')) {
    return {
      kind: 'train',
      folder,
      verify: async function* () {
        yield* (await import('./train.ts')).verifyTrain(folder)
      },
    }
  }
  if (holds(folder, 'resize.safetensors', 'patches.safetensors')) {
    return {
      kind: 'images',
      folder,
      verify: async function* () {
        yield* (await import('./images.ts')).verifyImages(folder)
      },
    }
  }
  if (
    ['qwen2_5_tokens.json', 'anls.json', 'logits_processors.json', 'progressive_srt.json'].some((file) => holds(folder, file))
  ) {
    return {
      kind: 'text',
      folder,
      verify: async function* () {
        yield* (await import('./text.ts')).verifyText(folder)
      },
    }
  }
  return undefined
}

/**
 * Every golden folder at or below `root`, in name order.
 * @throws FileError when the folder does not exist or holds none.
 */
export async function findGoldens(root: string): Promise<GoldenFolder[]> {
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) throw new FileError(root, 'there is no such folder')
  const found: GoldenFolder[] = []
  const visit = async (folder: string): Promise<void> => {
    const golden = await kindOf(folder)
    if (golden) found.push(golden)
    const inside = readdirSync(folder, { withFileTypes: true }).filter(
      (entry) => entry.isDirectory() && entry.name !== 'node_modules',
    )
    for (const { name } of inside.sort((a, b) => (a.name < b.name ? -1 : 1))) await visit(join(folder, name))
  }
  await visit(root)
  if (found.length === 0) {
    throw new FileError(
      root,
      'no golden folder here or below; expected model folders with golden.safetensors, casa variants, train, images or text',
    )
  }
  return found
}

/** A folder's name in the report, relative to the requested folder. */
export const shortName = (root: string, folder: string): string => relative(dirname(root), folder) || folder
