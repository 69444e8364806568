import { describeBackbone } from '@casa-js/testing'
import { fileURLToPath } from 'node:url'
import { smollm3 } from './smollm3.ts'

await describeBackbone(smollm3, { golden: fileURLToPath(new URL('../fixtures/smollm3', import.meta.url)) })
