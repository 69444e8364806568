/**
 * Built-in templates. A checkpoint's own template takes precedence.
 */
import type { ChatTemplate, ImageMarks } from './template.ts'

/** How Qwen2-VL and Qwen2.5-VL mark an image. */
export const qwen2_5VlImage = {
  before: '<|vision_start|>',
  token: '<|image_pad|>',
  after: '<|vision_end|>',
} satisfies ImageMarks

/** As Qwen2.5-VL's chat_template.json writes a conversation (its tools and videos left out). */
export const qwen2_5VlTemplate: ChatTemplate = {
  name: 'qwen2_5_vl',
  content: 'parts',
  image: qwen2_5VlImage,
  stop: ['<|im_end|>', '<|endoftext|>'],
  source: `{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system
You are a helpful assistant.<|im_end|>
{% endif %}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}<|im_end|>
{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>\
{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`,
}

/**
 * The fewest tokens that keep turns apart, for a base model that knows only bos and eos, as Helium-1 does: a question ends with
 * a line break, an answer with eos. The turn tokens of the released CASA-Helium1 are not public in text: pass the checkpoint's
 * own template for those.
 */
export const heliumTemplate: ChatTemplate = {
  name: 'helium',
  content: 'text',
  image: {},
  stop: ['</s>'],
  source: `{{ bos_token }}{% for message in messages %}{{ message['content'] }}\
{% if message['role'] == 'assistant' %}{{ eos_token }}{% else %}{{ '\\n' }}{% endif %}{% endfor %}`,
}

/** The special tokens of `readerTemplate`, in the order to train a tokenizer with. */
export const readerTokens = ['<|end|>', '<|system|>', '<|user|>', '<|assistant|>', '<|image|>', '<|image_pad|>'] as const

/**
 * For models trained from scratch with this library: one token per turn, one after each image. That one is the image's gist token: the first
 * text token of its window.
 */
export const readerTemplate: ChatTemplate = {
  name: 'casa-reader',
  content: 'text',
  image: { token: '<|image_pad|>', after: '<|image|>' },
  stop: ['<|end|>'],
  source: `{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}\
{% if message['role'] == 'assistant' %}<|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}`,
}

/** Templates that a model folder can refer to in `chat.name`. */
export const builtInTemplates: readonly ChatTemplate[] = [qwen2_5VlTemplate, heliumTemplate, readerTemplate]
