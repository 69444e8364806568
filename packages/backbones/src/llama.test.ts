import { describeBackbone } from '@casa-js/testing'
import { fileURLToPath } from 'node:url'
import { llama } from './llama.ts'

await describeBackbone(llama, { golden: fileURLToPath(new URL('../fixtures/llama-helium1', import.meta.url)) })
