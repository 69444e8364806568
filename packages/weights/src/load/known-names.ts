/** Name maps of published checkpoints: checkpoint name -> the name in our tensor tables. Users extend them by concatenation. */
import type { NameMap } from './name-map.ts'

/** Buffers that older transformers versions saved although they follow from the config. Loading leaves them out. */
export const derivedBuffers: NameMap = [
  ['(^|\\.)rotary_emb\\.inv_freq$', null],
  ['(^|\\.)embeddings\\.position_ids$', null],
]

/** Qwen2.5-VL as transformers >= 4.52 names its modules in memory; files on the hub keep the shorter names of our tables. */
export const qwen25VlNames: NameMap = [
  ['^model\\.visual\\.', 'visual.'],
  ['^model\\.language_model\\.', 'model.'],
]

/**
 * The released CASA checkpoints (kyutai/CASA-*). Only two module paths of theirs are public, the vision tower's:
 * image_prefix.visual beside Qwen2.5-VL and image_prefix.enc.visual beside Helium-1. What else they hold keeps its name, so a strict
 * load lists it beside the nearest of ours; rules for it are added here, or passed by the user, in the same form.
 */
export const casaReleasedNames: NameMap = [['^image_prefix\\.(?:enc\\.)?visual\\.', 'visual.'], ...qwen25VlNames]
