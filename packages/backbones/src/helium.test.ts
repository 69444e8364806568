import { describeBackbone } from '@casa-js/testing'
import { fileURLToPath } from 'node:url'
import { helium } from './helium.ts'

await describeBackbone(helium, { golden: fileURLToPath(new URL('../fixtures/helium', import.meta.url)) })
