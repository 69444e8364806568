/** Options shared by the commands that run a model. */
import { Option } from 'commander'
import { wholeNumber } from './terminal/numbers.ts'

export type WeightsChoice = 'compressed' | 'float32'

export const weightsOption = () =>
  new Option('--weights <form>', 'compressed: in memory as in the folder; float32: widened, for comparison')
    .choices(['compressed', 'float32'])
    .default('compressed')

export const seedOption = (text: string) => new Option('--seed <n>', text).argParser(wholeNumber(0, 2 ** 32 - 1))

export const maxPixelsOption = () =>
  new Option('--max-pixels <n>', 'refuse larger pictures (default: 89 million, as Pillow)').argParser(wholeNumber(1, 2 ** 31))

export interface BaseFlag {
  base?: string
}

export const baseOption = () =>
  new Option('--base <folder>', 'for an adapter: the model it was made for, where it does not say where that is')
