/** No fusion: text only. A language model, or the blind baseline of a vision-language model, which ignores its images. */
import { defineFusion, Fields, textPositions } from '@casa-js/core'

export const none = defineFusion<object>({
  kind: 'none',
  parseConfig: (json, path = 'config.json: fusion_config') => new Fields(json, path),
  tensors: () => [],
  bind: () => ({
    imagesInCache: false,
    replayable: true,
    pass: (layout) => ({ count: layout.tokens, cu: layout.cu, positions: textPositions(layout) }),
    start: () => ({ values: {}, tensors: {} }),
    next: (state, { layout, cached }) => ({
      count: layout.tokens,
      cu: layout.cu,
      positions: Int32Array.from({ length: layout.tokens }, (_, t) => cached + t),
      next: () => state,
    }),
  }),
})
