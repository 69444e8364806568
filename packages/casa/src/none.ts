/** No fusion: text only. A language model, or the blind baseline of a vision-language model, which ignores its images. */
import { defineFusion, Fields, textOnly } from '@casa-js/core'

export const none = defineFusion<object>({
  kind: 'none',
  parseConfig: (json, path = 'config.json: fusion_config') => new Fields(json, path),
  tensors: () => [],
  bind: () => textOnly,
})
