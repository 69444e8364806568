/**
 * When a sequence's next token is run from a plan.
 *
 * Two consecutive tokens are run op by op and traced; a plan is made of them, and fits every later token of the same sequence as long as
 * the fusion's state is where the plan's numbers say it should be: the same tensors, numbers that grew by the same amount per token.
 * A new image brings new tensors, and so a new plan; so does a buffer that is full.
 */
import type { FusionState } from '@casa-js/core'
import { createPlan, NoPlan, type Plan, type StepTrace } from '@casa-js/tensor/internal'

/** How the tokens of a sequence were run. */
export interface PlanUse {
  /** Tokens that were run from a plan. */
  tokens: number
  /** Why there is no plan, if the last attempt to make one failed. */
  refused?: string
}

/** After this many attempts in a row that fail, no more are made. */
const mostAttempts = 4

interface Traced {
  trace: StepTrace
  /** Tokens in the cache, and the state, before the step. */
  tokens: number
  state: FusionState
}

interface Ready {
  plan: Plan
  first: Traced
  /** By how much each number of the state grows. */
  growth: Record<string, number>
}

export interface StepPlanner {
  readonly use: PlanUse
  /** Whether it is worth tracing steps. */
  readonly traces: boolean
  /** The plan and its step for the next token, if one fits; and the state after it. */
  find(tokens: number, state: FusionState): { plan: Plan; step: number; next: FusionState } | undefined
  /** A traced step is over: its tokens and state before, and the state after it. */
  note(traced: Traced, after: FusionState): void
  dispose(): void
}

const sameTensors = ({ tensors: a }: FusionState, { tensors: b }: FusionState): boolean => {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

const growthOf = ({ values: a }: FusionState, { values: b }: FusionState): Record<string, number> =>
  Object.fromEntries(Object.keys(b).map((name) => [name, b[name]! - (a[name] ?? NaN)]))

export function createStepPlanner(): StepPlanner {
  let ready: Ready | undefined
  let last: Traced | undefined
  let attempts = 0
  const use: PlanUse = { tokens: 0 }

  function drop() {
    ready?.plan.dispose()
    ready = undefined
  }

  function attempt(first: Traced, second: Traced, after: FusionState): Ready | NoPlan {
    const growth = growthOf(first.state, second.state)
    const then = growthOf(second.state, after)
    if (!sameTensors(first.state, second.state) || !sameTensors(second.state, after))
      return new NoPlan("the fusion's state moved to other tensors")
    if (Object.keys(growth).some((name) => growth[name] !== then[name]))
      return new NoPlan("the numbers of the fusion's state do not grow evenly")
    const plan = createPlan(first.trace, second.trace)
    return plan instanceof NoPlan ? plan : { plan, first, growth }
  }

  return {
    use,
    get traces() {
      return attempts < mostAttempts
    },
    find(tokens, state) {
      if (!ready) return undefined
      const { plan, first, growth } = ready
      const step = tokens - first.tokens
      const fits =
        sameTensors(state, first.state) &&
        Object.keys(growth).every((name) => state.values[name] === first.state.values[name]! + step * growth[name]!)
      if (!fits || step < 0 || step > plan.lastStep) {
        drop()
        return undefined
      }
      const values = Object.fromEntries(Object.entries(state.values).map(([name, value]) => [name, value + growth[name]!]))
      use.tokens++
      return { plan, step, next: { values, tensors: state.tensors } }
    },
    note(traced, after) {
      const before = last
      last = traced
      if (!before || before.tokens + 1 !== traced.tokens) return
      drop()
      const found = attempt(before, traced, after)
      if (found instanceof NoPlan) {
        attempts++
        use.refused = found.why
        return
      }
      ready = found
      last = undefined
      attempts = 0
      delete use.refused
    },
    dispose() {
      drop()
      last = undefined
    },
  }
}
