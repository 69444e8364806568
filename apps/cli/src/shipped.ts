/** The model that comes with casa. */
import { fileURLToPath } from 'node:url'

export const shippedModel = fileURLToPath(new URL('../model', import.meta.url))
