import { describeBackbone } from '@casa-js/testing'
import { fileURLToPath } from 'node:url'
import { mistral } from './mistral.ts'

await describeBackbone(mistral, { golden: fileURLToPath(new URL('../fixtures/mistral', import.meta.url)), sameConfigs: [] })
