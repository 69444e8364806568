/**
 * What training starts from: an adapter of SmolLM2 with the reader's encoder, a new projector, and CASA layers that start from
 * self-attention.
 *
 *     scripts/fetch-smollm2.sh && pnpm --filter @casa-js/smollm2 start [variant]        writes runs/smollm2-start/<variant>
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ArgumentError } from '@casa-js/base'
import { adapt } from '@casa-js/vlm'
import { base, variants } from '../../variants.ts'

const top = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url))
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { base: { type: 'string' }, out: { type: 'string' } },
})
const name = positionals[0] ?? 'every-3'
const fusion = Object.entries(variants).find(([variant]) => variant === name)?.[1]
if (!fusion) throw new ArgumentError(`there is no variant ${name}; there are ${Object.keys(variants).join(', ')}`)
const out = values.out ?? top(`runs/smollm2-start/${name}`)
await adapt(
  {
    language: values.base ?? top(base.file),
    vision: top('apps/cli/model'),
    fusion,
    trainLanguage: false,
    trainedVisionBlocks: 0,
    newProjector: { seed: 1 },
    adapter: { name: base.name, revision: base.revision },
    // One token after each picture: what it sees of the picture, later text can read there.
    processorConfig: { chat: { image: { after: '<file_sep>' }, stop: ['<|im_end|>'] } },
    outputs: 'zeros',
    dtype: 'F32',
  },
  out,
)
console.log(out)
