/**
 * CASA, the fusion: CASA(x_T) = MHA(x_T | y_1..N, x_K+1..T), one softmax over the window's image and text (eq. 4), and plain
 * cross-attention CA(x_T) = MHA(x_T | y_1..N) (eq. 2), with the same code. Queries are text; images are only keys.
 *
 * While decoding, the state holds the keys and values of the current window only: its image, projected once, and its text so far
 * (section 6). A new image replaces them, so memory does not grow with the number of images seen.
 */
import { defineFusion, textPositions, type Fusion } from '@casa-js/core'
import { parseCasaConfig, type CasaConfig } from './config.ts'
import { createHook, noWindow, type CasaState } from './hook.ts'
import { casaInitialisers, casaTensors } from './layer.ts'

export const casa = defineFusion<CasaConfig>({
  kind: 'casa',
  parseConfig: parseCasaConfig,
  newModelFields: { windows: 'with-marks' },
  tensors: casaTensors,
  initialisers: casaInitialisers,
  bind(config, params, backbone): Fusion<CasaState> {
    return {
      imagesInCache: false,
      replayable: true,
      reusesTensors: true,
      pass(layout, images) {
        const { fuse } = createHook({ config, params, backbone }, layout, images)
        const positions = textPositions(layout)
        // The feed-forward layers rewrite the image tokens from block to block.
        return { count: layout.tokens, cu: layout.cu, positions, fuse, ...(config.ffnUpdates && { carriesState: true }) }
      },
      start: () => noWindow,
      next(state, { layout, images, cached, spare, onAttention }) {
        const { fuse, next } = createHook({ config, params, backbone }, layout, images, { state, spare, onAttention })
        const positions = Int32Array.from({ length: layout.tokens }, (_, t) => cached + t)
        return { count: layout.tokens, cu: layout.cu, positions, fuse, next }
      },
    }
  },
})
