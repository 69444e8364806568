/** What the kernels of adamw are given: tensors by name (a '?' marks one that may be left out), and host values. */
import type { AdamWSettings } from './settings.ts'

export type AdamWInputs = 'parameter' | 'firstMoment' | 'secondMoment' | 'gradient'

export interface AdamWAttributes extends AdamWSettings {
  size: number
}
