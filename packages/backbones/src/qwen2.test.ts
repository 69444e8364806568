import { describeBackbone } from '@casa-js/testing'
import { fileURLToPath } from 'node:url'
import { qwen2 } from './qwen2.ts'

await describeBackbone(qwen2, { golden: fileURLToPath(new URL('../fixtures/qwen2', import.meta.url)) })
