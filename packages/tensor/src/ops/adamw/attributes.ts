/** Inputs of the adamw kernels, by name ('?' marks an optional one), and their attributes: values on the host. */
import type { AdamWSettings } from './settings.ts'

export type AdamWInputs = 'parameter' | 'firstMoment' | 'secondMoment' | 'gradient'

export interface AdamWAttributes extends AdamWSettings {
  size: number
}
