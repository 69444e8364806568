/** The CASA layer in every shape of the paper's ablations, against the laws of fusions. */
import { describeFusion } from '@casa-js/testing'
import { casa } from './layer.ts'

const full = { shared: false, keys: 'image+text', place: 'parallel', every: 1, norm_images: false, ffn_updates: false }

await describeFusion(casa, {
  cases: {
    'CASA in parallel': { config: full, withoutImages: 'its own' },
    'cross-attention': { config: { ...full, keys: 'image' }, withoutImages: 'the backbone' },
    'CASA first, images updated': { config: { ...full, place: 'before', ffn_updates: true }, withoutImages: 'its own' },
    'CASA in place of every second block': { config: { ...full, place: 'replace', every: 2 }, withoutImages: 'its own' },
    'shared weights': { config: { ...full, shared: true, norm_images: true }, withoutImages: 'its own', addsNothing: true },
  },
})
