/**
 * Jinja with a work budget. A chat template comes with a model folder and is a program: `range(1000000000)`, nested loops or a text that
 * doubles itself must fail quickly, with the same error on every machine. So the budget counts work, not time.
 *
 * Also adds the filter `format`, which transformers' templates may use and @huggingface/jinja lacks.
 */
import { TokenizerError } from '@casa-js/base'
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'
import { formatText, strftime } from './python-text.ts'

/** The part of the library's classes used here; their own types do not resolve under NodeNext. */
interface Scope {
  set(name: string, value: unknown): unknown
}
interface Statement {
  type: string
}
interface Value {
  value: unknown
}
interface JinjaInterpreter {
  run(program: Statement): Value
  evaluate(statement: Statement | undefined, scope: Scope): Value
}
const BaseInterpreter: new (scope: Scope) => JinjaInterpreter = Interpreter

/** Each call of the interpreter costs 1 point, plus the size of its result: a loop over a list makes scopes and values for every item. */
const pointsPerItem = 4
const charactersPerPoint = 1024

/** Base budget of any template; about a second of work. */
const basePoints = 1_000_000
/** Additional budget per message: fifty times what the longest published templates need; each may inspect all other messages a few times. */
const pointsPerMessage = 10_000
const pointsPerPair = 32

/** Longest list that `range` may return, as in Jinja's sandbox, which transformers uses. */
const longestRange = 100_000
/** Longest template, and longest text of an expression beyond what the messages hold. */
const longestSource = 1 << 20
const longestText = 1 << 24

/** Work that may still be done, shared by all renderings of one conversation. */
export interface RenderBudget {
  points: number
  /** Longest text of an expression. */
  readonly characters: number
}

/**
 * The work budget for a conversation: larger for longer conversations and for more renderings.
 * @param messages of the conversation, in the shape that the template takes
 * @param renderings how often parts of it will be rendered
 */
export function renderBudget(messages: readonly unknown[], renderings = 1): RenderBudget {
  const { length } = messages
  return {
    points: basePoints + renderings * (pointsPerMessage * length + pointsPerPair * length * length),
    characters: longestText + 4 * JSON.stringify(messages).length,
  }
}

/** The parsed template. @throws the parser's errors; TokenizerError for a template that is too long */
export function compile(source: string): Statement {
  if (source.length > longestSource)
    throw new TokenizerError(`the template has ${source.length} characters, more than ${longestSource}`)
  return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }))
}

/** Renders a parsed template to text. @throws TokenizerError when the budget is used up; otherwise the interpreter's errors */
export function run(program: Statement, variables: Record<string, unknown>, budget: RenderBudget): string {
  const scope: Scope = new Environment()
  for (const [name, value] of Object.entries({ ...globals, ...variables })) scope.set(name, value)
  return String(new LimitedInterpreter(scope, budget).run(program).value)
}

class LimitedInterpreter extends BaseInterpreter {
  private readonly budget: RenderBudget

  constructor(scope: Scope, budget: RenderBudget) {
    super(scope)
    this.budget = budget
  }

  override evaluate(statement: Statement | undefined, scope: Scope): Value {
    this.spend(1)
    const format = statement && formatCall(statement)
    const found = format ? this.format(format, scope) : super.evaluate(statement, scope)
    const { value } = found
    if (typeof value === 'string') {
      if (value.length > this.budget.characters) throw new TokenizerError(`a text of ${value.length} characters is too long`)
      this.spend(value.length / charactersPerPoint)
    } else if (Array.isArray(value)) {
      this.spend(pointsPerItem * value.length)
    }
    return found
  }

  private spend(points: number): void {
    this.budget.points -= points
    if (this.budget.points < 0) throw new TokenizerError('it does too much work: a loop that is too long, or too many of them')
  }

  private format({ operand, args }: FormatCall, scope: Scope): Value {
    const [pattern, ...values] = [operand, ...args].map((each) => this.evaluate(each, scope).value)
    const literal: Statement & Value = { type: 'StringLiteral', value: formatText(String(pattern), values) }
    return this.evaluate(literal, scope)
  }
}

interface FormatCall {
  operand: Statement
  args: Statement[]
}

/** `pattern | format(values)`, or undefined. */
function formatCall(statement: Statement): FormatCall | undefined {
  const { type, operand, filter } = statement as Partial<{ type: string; operand: Statement; filter: unknown }>
  if (type !== 'FilterExpression' || !operand) return undefined
  const { callee, args } = filter as Partial<{ callee: { value?: unknown }; args: Statement[] }>
  return callee?.value === 'format' ? { operand, args: args ?? [] } : undefined
}

/** Globals available to every template, as in @huggingface/jinja's own `Template`, with a bound on `range`. */
const globals: Record<string, unknown> = {
  ...{ true: true, false: false, none: null, True: true, False: false, None: null },
  raise_exception: (message: string) => {
    throw new TokenizerError(message)
  },
  range: (first: number, second?: number | null, step = 1) => {
    const [start, stop] = typeof second === 'number' ? [first, second] : [0, first]
    const count = step === 0 ? Infinity : Math.max(0, Math.ceil((stop - start) / step))
    if (!(count <= longestRange)) throw new TokenizerError(`range(${start}, ${stop}, ${step}): at most ${longestRange} numbers`)
    return Array.from({ length: count }, (_, i) => start + i * step)
  },
  strftime_now: (format: string) => strftime(new Date(), format),
}
