/** Options shared by the commands that run a model. */
import { Argument, Option } from 'commander'
import { shippedModel } from './shipped.ts'
import { wholeNumber } from './terminal/numbers.ts'

export type WeightsChoice = 'compressed' | 'float32'

export const weightsOption = () =>
  new Option('--weights <form>', 'compressed: in memory as in the folder; float32: widened, for comparison')
    .choices(['compressed', 'float32'])
    .default('compressed')

const shippedName = 'the model that comes with casa'

export const modelOption = () => new Option('--model <folder>', 'model folder').default(shippedModel, shippedName)

export const modelArgument = (name: string, description: string) =>
  new Argument(`[${name}]`, description).default(shippedModel, shippedName)

export const seedOption = (text: string) => new Option('--seed <n>', text).argParser(wholeNumber(0, 2 ** 32 - 1))

export const maxPixelsOption = () =>
  new Option('--max-pixels <n>', 'refuse larger pictures (default: 89 million, as Pillow)').argParser(wholeNumber(1, 2 ** 31))

export interface BaseFlag {
  base?: string
}

export const baseOption = () =>
  new Option('--base <folder>', 'for an adapter: the model it was made for, where it does not say where that is')
