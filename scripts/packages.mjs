/** The packages that are published, and the programs that try them in a project of their own. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './steps.mjs'

/** Every public package of a checkout: { folder, json }. */
export function publicPackages(checkout = root) {
  const folders = [...readdirSync(join(checkout, 'packages')).map((name) => `packages/${name}`), 'apps/cli']
  return folders
    .map((folder) => ({ folder, json: JSON.parse(readFileSync(join(checkout, folder, 'package.json'), 'utf8')) }))
    .filter(({ json }) => !json.private)
}

/** A program that imports every package and takes a gradient on wasm. */
export const importingProgram = (packages) => `${packages
  .filter(({ json }) => json.exports)
  .map(({ json }, i) => `import * as p${i} from '${json.name}'`)
  .join('\n')}
import { init, close, tensor, valueAndGradients, multiply, sum } from '@casa-js/tensor'
const report = await init({ device: 'wasm' })
const x = tensor([1, 2, 3], [3])
const { value, gradients } = valueAndGradients(() => sum(multiply(x, x)), [x])
const found = [...(await value.data()), ...(await gradients[0].data())]
if (String(found) !== '14,2,4,6') throw new Error('wrong gradient: ' + found)
await close()
console.log(process.version, report.device, found)
`
