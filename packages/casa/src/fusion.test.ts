/** Every variant of the CASA layer in the paper's ablations, and the baselines, tested against the laws of fusions. */
import { describeFusion } from '@casa-js/testing'
import { casa } from './casa.ts'
import { insertion } from './insertion.ts'
import { none } from './none.ts'

const full = {
  shared: false,
  keys: 'image+text',
  rotary: true,
  place: 'parallel',
  every: 1,
  norm_images: false,
  ffn_updates: false,
  text_windows: true,
  windows: 'at-image',
}

await describeFusion(casa, {
  cases: {
    'CASA in parallel': { config: full, withoutImages: 'its own' },
    'cross-attention': { config: { ...full, keys: 'image', rotary: false }, withoutImages: 'the backbone' },
    'cross-attention with positions': { config: { ...full, keys: 'image', rotary: true }, withoutImages: 'the backbone' },
    'CASA with images only': { config: { ...full, text_windows: false }, withoutImages: 'the backbone' },
    'CASA first, images updated': { config: { ...full, place: 'before', ffn_updates: true }, withoutImages: 'its own' },
    'CASA in place of every second block': { config: { ...full, place: 'replace', every: 2 }, withoutImages: 'its own' },
    'windows that include the marker tokens': { config: { ...full, windows: 'with-marks' }, withoutImages: 'its own' },
    'shared weights': { config: { ...full, shared: true, norm_images: true }, withoutImages: 'its own', addsNothing: true },
  },
})

await describeFusion(insertion, {
  cases: { 'token insertion': { config: { kind: 'insertion' }, withoutImages: 'the backbone', addsNothing: true } },
})

await describeFusion(none, {
  cases: { 'text alone': { config: { kind: 'none' }, withoutImages: 'the backbone', addsNothing: true } },
  skip: [{ reason: 'images are ignored', tests: ['images', 'gradients'] }],
})
