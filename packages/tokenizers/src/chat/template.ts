/**
 * Chat templates: the Jinja source (as checkpoints carry it), and how an image is written, which the source alone does not say.
 */
import { TokenizerError } from '@casa-js/base'
import { tokenText, type TokenizerConfig } from '../tokenizer-json.ts'
import { qwen2_5VlImage } from './built-in.ts'
import { compile, renderBudget, run, type RenderBudget } from './render.ts'

/** How a template writes one image. All three are texts of special tokens. */
export interface ImageMarks {
  /** Written before and after each image, e.g. <|vision_start|> and <|vision_end|>; kept in the ids. */
  before?: string
  after?: string
  /** Stands for the image itself, e.g. <|image_pad|>. CASA leaves it out; token insertion repeats it. */
  token?: string
}

/** How a conversation is written as one text. */
export interface ChatTemplate {
  readonly name: string
  /** Jinja source. */
  readonly source: string
  /**
   * 'parts': the template takes a list of { type: 'text' | 'image' } and writes the image tokens itself.
   * 'text': it takes one string per message; images are written into that string.
   */
  readonly content: 'parts' | 'text'
  readonly image: ImageMarks
  /** Tokens that end a turn: generation stops at any of them that the tokenizer knows. */
  readonly stop: readonly string[]
}

/** `part['type'] == 'image'`, `item.type == "text"`: the template iterates over a list of parts. */
const asksForParts = /\btype['"]?\s*\]?\s*==\s*['"](?:image|text)['"]/

/**
 * The template that a checkpoint carries.
 *
 * @param files chatTemplate: text of chat_template.jinja, which wins; config: parsed tokenizer_config.json
 * @param options name: for a config that lists several templates, which one ("default"); image: how images are written, when
 *   the template does not write Qwen's vision tokens
 * @returns undefined when the files hold no template
 * @throws TokenizerError naming the field of tokenizer_config.json that is wrong
 */
export function parseChatTemplate(
  files: { chatTemplate?: string | undefined; config?: TokenizerConfig | undefined },
  options: { name?: string; image?: ImageMarks | undefined; stop?: string[] | undefined } = {},
): ChatTemplate | undefined {
  const { name = 'default' } = options
  const source = files.chatTemplate ?? templateOf(files.config?.chat_template, name)
  if (!source) return undefined
  const eosText = tokenText(files.config, 'eos_token')
  const writesQwenImages = source.includes(qwen2_5VlImage.token)
  return {
    name,
    source,
    content: writesQwenImages || asksForParts.test(source) ? 'parts' : 'text',
    image: options.image ?? (writesQwenImages || source.includes('<|im_start|>') ? qwen2_5VlImage : {}),
    stop: options.stop ?? (eosText === undefined ? [] : [eosText]),
  }
}

/** The template of tokenizer_config.json: a text, or one of a list by its name. */
function templateOf(listed: unknown, name: string): string | undefined {
  if (listed === undefined || listed === null || typeof listed === 'string') return listed ?? undefined
  const wrong = (at: string, expected: string, found: unknown) =>
    new TokenizerError(`tokenizer_config.json: chat_template${at}: expected ${expected}, found ${JSON.stringify(found)}`)
  if (!Array.isArray(listed)) throw wrong('', 'a text, or a list of { name, template }', listed)
  for (const [index, entry] of (listed as unknown[]).entries()) {
    const { name: own, template } = (entry ?? {}) as { name?: unknown; template?: unknown }
    if (typeof own !== 'string' || typeof template !== 'string')
      throw wrong(`[${index}]`, '{ name, template }, both texts', entry)
    if (own === name) return template
  }
  return undefined
}

/** Options of rendering. */
export interface RenderOptions {
  /** Also write the start of the assistant's next turn (add_generation_prompt). */
  generationPrompt?: boolean
  bosToken?: string | undefined
  eosToken?: string | undefined
  /** The work budget. Default: many times what one rendering of these messages needs. */
  budget?: RenderBudget
}

const compiled = new Map<string, ReturnType<typeof compile>>()

/**
 * Render messages (already in the shape that the template takes) to text. It is synchronous and ends: a template that does too much
 * work, or writes too much text, fails within about a second.
 *
 * @throws TokenizerError with jinja's message and the template's name
 */
export function renderTemplate(template: ChatTemplate, messages: readonly unknown[], options: RenderOptions = {}): string {
  try {
    let program = compiled.get(template.source)
    if (program === undefined) compiled.set(template.source, (program = compile(template.source)))
    const variables = {
      messages,
      add_generation_prompt: options.generationPrompt === true,
      bos_token: options.bosToken ?? '',
      eos_token: options.eosToken ?? '',
      // As transformers passes them when there are none: templates test whether they are defined.
      tools: null,
      documents: null,
    }
    return run(program, variables, options.budget ?? renderBudget(messages))
  } catch (error) {
    throw new TokenizerError(`chat template "${template.name}": ${(error as Error).message}`, { cause: error })
  }
}
