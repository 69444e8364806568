import { describeBackbone } from '@casa-js/testing'
import { qwen2_5_vl } from './qwen2_5_vl.ts'

// Its golden is that of the whole vision-language model, and is checked in @casa-js/vlm, where encoder and backbone meet.
await describeBackbone(qwen2_5_vl)
