import { describeBackbone } from '@casa-js/testing'
import { fileURLToPath } from 'node:url'
import { __identifier__ } from './__model_type__.ts'

await describeBackbone(__identifier__, { golden: fileURLToPath(new URL('../fixtures/__model_type__', import.meta.url)) })
