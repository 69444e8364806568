/** Finds golden folders of every kind in a tree. */
import { FileError } from '@casa-js/base'
import type { Check, Tolerances } from './compare.ts'
import { filesIn, type GoldenFiles, type GoldenTree } from './tree.ts'

/** What a golden folder checks: a model, a weights format, a CASA variant, a training curve, pictures, or text. */
export type GoldenKind = 'model' | 'format' | 'casa' | 'train' | 'images' | 'text'

/** A folder whose files say what must come out. */
export interface GoldenFolder {
  kind: GoldenKind
  /** Its path in the tree; '' for the root. */
  path: string
  /** Recomputes everything, check by check. */
  verify(tolerances: Tolerances): AsyncIterable<Check>
}

/** What a folder is, by the files in it. Modules are loaded when their kind is met. */
function kindOf(files: GoldenFiles): Pick<GoldenFolder, 'kind' | 'verify'> | undefined {
  if (files.holds('case.json', 'casa.safetensors', 'golden.safetensors')) {
    return {
      kind: 'casa',
      verify: async function* (t) {
        yield* (await import('./check-casa.ts')).verifyCasa(files, t)
      },
    }
  }
  if (files.holds('config.json', 'golden.safetensors')) {
    return {
      kind: 'model',
      verify: async function* (t) {
        yield* (await import('./check-model.ts')).verifyModel(files, t)
      },
    }
  }
  if (files.holds('config.json', 'model.safetensors.index.json')) {
    const original = originalOf(files)
    return (
      original && {
        kind: 'format',
        verify: async function* () {
          yield* (await import('./check-format.ts')).verifyFormat(files, original)
        },
      }
    )
  }
  if (files.holds('curve.json', 'after.safetensors')) {
    return {
      kind: 'train',
      verify: async function* () {
        yield* (await import('./check-train.ts')).verifyTrain(files)
      },
    }
  }
  if (files.holds('resize.safetensors', 'patches.safetensors')) {
    return {
      kind: 'images',
      verify: async function* () {
        yield* (await import('./check-images.ts')).verifyImages(files)
      },
    }
  }
  if (['qwen2_5_tokens.json', 'anls.json', 'logits_processors.json', 'progressive_srt.json'].some((file) => files.holds(file))) {
    return {
      kind: 'text',
      verify: async function* () {
        yield* (await import('./check-text.ts')).verifyText(files)
      },
    }
  }
  return undefined
}

/** The folder whose weights this one holds in another format (NAME-bf16-sharded beside NAME), if any. */
function originalOf(files: GoldenFiles): GoldenFiles | undefined {
  const name = files.name.split(/[/\\]/).at(-1)!
  for (let cut = name.lastIndexOf('-'); cut > 0; cut = name.lastIndexOf('-', cut - 1)) {
    const original = files.beside(name.slice(0, cut))
    if (original.holds('golden.safetensors')) return original
  }
  return undefined
}

/**
 * Find the golden folders of a tree.
 * @returns every one at or below its root, in name order
 * @throws FileError when it holds none
 */
export function findGoldens(tree: GoldenTree): GoldenFolder[] {
  const folders = new Set([''])
  for (const file of tree.files) {
    const parts = file.split('/').slice(0, -1)
    parts.forEach((_, i) => folders.add(parts.slice(0, i + 1).join('/')))
  }
  const found = [...folders].sort(byParts).flatMap((path) => {
    const kind = kindOf(filesIn(tree, path))
    return kind ? [{ ...kind, path }] : []
  })
  if (found.length > 0) return found
  throw new FileError(
    tree.name,
    'no golden folder here or below; expected model folders with golden.safetensors, casa variants, train, images or text',
  )
}

/** A folder before those in it, and these before its siblings. */
function byParts(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return left[i]! < right[i]! ? -1 : 1
  }
  return left.length - right.length
}
