/**
 * Chat templates: jinja text (as checkpoints carry it) and what it does not say itself: how an image is written.
 */
import { Template } from '@huggingface/jinja'
import { TokenizerError } from '@casa-js/base'
import type { TokenizerConfig } from '../tokenizer.ts'
import { qwen2_5VlImage } from './built-in.ts'

/** How a template writes one image. All three are texts of special tokens. */
export interface ImageMarks {
  /** Written before and after each image, e.g. <|vision_start|> and <|vision_end|>; kept in the ids. */
  before?: string
  after?: string
  /** Stands for the image itself, e.g. <|image_pad|>. CASA leaves it out; token insertion repeats it. */
  token?: string
}

export interface ChatTemplate {
  readonly name: string
  /** Jinja source. */
  readonly source: string
  /**
   * 'parts': the template takes a list of { type: 'text' | 'image' } and writes the image tokens itself.
   * 'text': it takes one string a message; images are written into that string.
   */
  readonly content: 'parts' | 'text'
  readonly image: ImageMarks
  /** Tokens that end a turn: generation stops at any of them that the tokenizer knows. */
  readonly stop: readonly string[]
}

/** `part['type'] == 'image'`, `item.type == "text"`: the template goes through a list of parts. */
const asksForParts = /\btype['"]?\s*\]?\s*==\s*['"](?:image|text)['"]/

/**
 * The template that a checkpoint carries.
 *
 * @param files chatTemplate: text of chat_template.jinja, which wins; config: parsed tokenizer_config.json
 * @param options name: for a config that lists several templates, which one ("default"); image: how images are written, when
 *   the template does not write Qwen's vision tokens
 * @returns undefined when the files hold no template
 */
export function parseChatTemplate(
  files: { chatTemplate?: string | undefined; config?: TokenizerConfig | undefined },
  options: { name?: string; image?: ImageMarks | undefined; stop?: string[] | undefined } = {},
): ChatTemplate | undefined {
  const { name = 'default' } = options
  const listed = files.config?.chat_template
  const source = files.chatTemplate ?? (Array.isArray(listed) ? listed.find((entry) => entry.name === name)?.template : listed)
  if (!source) return undefined
  const eos = files.config?.eos_token
  const eosText = typeof eos === 'string' ? eos : eos?.content
  const writesQwenImages = source.includes(qwen2_5VlImage.token)
  return {
    name,
    source,
    content: writesQwenImages || asksForParts.test(source) ? 'parts' : 'text',
    image: options.image ?? (writesQwenImages || source.includes('<|im_start|>') ? qwen2_5VlImage : {}),
    stop: options.stop ?? (eosText === undefined ? [] : [eosText]),
  }
}

export interface RenderOptions {
  /** Also write what opens the assistant's next turn. */
  generationPrompt?: boolean
  bosToken?: string | undefined
  eosToken?: string | undefined
}

const compiled = new Map<string, Template>()

/**
 * Render messages (already in the shape that the template takes) to text.
 *
 * @throws TokenizerError with jinja's message and the template's name
 */
export function renderTemplate(template: ChatTemplate, messages: readonly unknown[], options: RenderOptions = {}): string {
  try {
    let program = compiled.get(template.source)
    if (program === undefined) compiled.set(template.source, (program = new Template(template.source)))
    return program.render({
      messages,
      add_generation_prompt: options.generationPrompt === true,
      bos_token: options.bosToken ?? '',
      eos_token: options.eosToken ?? '',
    })
  } catch (error) {
    throw new TokenizerError(`chat template "${template.name}": ${(error as Error).message}`, { cause: error })
  }
}
