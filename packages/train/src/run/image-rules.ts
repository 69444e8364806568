/** What packing must know of a model's images. */
import { CasaError } from '@casa-js/base'
import { type Patches } from '@casa-js/core'
import type { ImageRules } from '@casa-js/data'
import type { Vlm } from '@casa-js/vlm'

export function imageRules({ model }: Vlm): ImageRules {
  const encoder = () => {
    if (!model.vision) throw new CasaError('the data has images, but this model has no vision encoder')
    return model.vision
  }
  return {
    process: model.process,
    tokensOf: (grid: Patches['grid']) => encoder().tokens(grid),
    outputGrid: (grid: Patches['grid']) => encoder().outputGrid(grid),
  }
}
