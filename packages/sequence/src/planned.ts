/**
 * When a sequence's next token is run from a plan.
 *
 * Tokens are run op by op and traced until a plan can be made of two of them. It fits every later token whose state has the same tensors
 * and whose counters (tokens in the cache, numbers of the state) are such that the plan knows every number: of a first plan the next
 * tokens of the same image; after a token of another image was traced too, those of all images. A fusion writes the keys of a new image
 * into tensors of an earlier state, so there are two sets of tensors in turn, and a plan for each.
 */
import type { FusionState } from '@casa-js/core'
import { createPlan, NoPlan, type Counters, type Plan, type StepTrace } from '@casa-js/tensor/internal'

/** How the tokens of a sequence were run. */
export interface PlanUse {
  /** Tokens that were run from a plan. */
  tokens: number
  /** Plans that were made. */
  plans: number
  /** Why there is no plan, if the last attempt to make one failed. */
  refused?: string
}

/** After this many attempts in a row that fail, no more are made. */
const mostAttempts = 4
/** Sets of tensors that plans are held for: two that images take turns in, and one of text before the first. */
const mostSets = 3
/** Traces of a set. A plan needs two, and one of another image; more where counters part later still. */
const mostTraces = 4

interface Traced {
  trace: StepTrace
  /** Before the step. */
  state: FusionState
}

/** What is known of steps whose state has these tensors. */
interface TensorSet {
  tensors: FusionState['tensors']
  traces: StepTrace[]
  /** By how much each number of the state grows per token. */
  growth: Record<string, number>
  plan?: Plan
}

export interface StepPlanner {
  readonly use: PlanUse
  /** Whether it is worth tracing steps. */
  readonly traces: boolean
  /** The plan and its moves for the next token, if one fits; and the state after it. */
  find(tokens: number, state: FusionState): { plan: Plan; moves: readonly number[]; next: FusionState } | undefined
  /** A traced step is over: its state before, and the state after it. */
  note(traced: Traced, after: FusionState): void
  dispose(): void
}

/** The counters of a sequence: a fusion's numbers may have any name, so they get a prefix. */
export const countersOf = (tokens: number, { values }: FusionState): Counters =>
  Object.fromEntries([['tokens', tokens], ...Object.entries(values).map(([name, value]) => [`state.${name}`, value] as const)])

const sameTensors = (a: FusionState['tensors'], b: FusionState['tensors']): boolean => {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

const growthOf = ({ values: a }: FusionState, { values: b }: FusionState): Record<string, number> =>
  Object.fromEntries(Object.keys(b).map((name) => [name, b[name]! - (a[name] ?? NaN)]))

export function createStepPlanner(): StepPlanner {
  /** The one used last comes last. */
  let sets: TensorSet[] = []
  let attempts = 0
  const use: PlanUse = { tokens: 0, plans: 0 }

  /** The set of a state's tensors, now the one used last. */
  function touch({ tensors }: FusionState): TensorSet | undefined {
    const found = sets.find((set) => sameTensors(set.tensors, tensors))
    if (found) sets = [...sets.filter((set) => set !== found), found]
    return found
  }

  function forget(set: TensorSet) {
    set.plan?.dispose()
    sets = sets.filter((other) => other !== set)
  }

  function refuse(why: string) {
    attempts++
    use.refused = why
  }

  function addTrace(set: TensorSet, trace: StepTrace) {
    const before = set.plan
    const traces = [...set.traces.slice(0, mostTraces - 1), trace]
    const [first, second, ...others] = traces
    const plan = createPlan(first!, second!, ...others)
    before?.dispose()
    delete set.plan
    if (plan instanceof NoPlan) {
      // Steps of another image may have run on these tensors: only of two tokens in a row does it say that there will be no plan.
      const inARow = set.traces.at(-1)!.counters.tokens! + 1 === trace.counters.tokens
      set.traces = [trace]
      use.refused = plan.why
      if (inARow) attempts++
      return
    }
    set.traces = traces
    set.plan = plan
    use.plans++
    attempts = 0
    delete use.refused
  }

  return {
    use,
    get traces() {
      return attempts < mostAttempts
    },
    find(tokens, state) {
      const set = touch(state)
      const moves = set?.plan?.movesAt(countersOf(tokens, state))
      if (!set?.plan || !moves) return undefined
      const values = Object.fromEntries(Object.entries(state.values).map(([name, value]) => [name, value + set.growth[name]!]))
      use.tokens++
      return { plan: set.plan, moves, next: { values, tensors: state.tensors } }
    },
    note({ trace, state }, after) {
      const known = touch(state)
      if (!sameTensors(state.tensors, after.tensors)) return refuse("the fusion's state moved to other tensors")
      const growth = growthOf(state, after)
      if (!known) {
        for (const old of sets) if (Object.values(old.tensors).some(({ isDisposed }) => isDisposed)) forget(old)
        if (sets.length === mostSets) forget(sets[0]!)
        sets.push({ tensors: state.tensors, traces: [trace], growth })
      } else if (Object.keys(growth).some((name) => growth[name] !== known.growth[name])) {
        refuse("the numbers of the fusion's state do not grow evenly")
        Object.assign(known, { growth, traces: [trace] })
        known.plan?.dispose()
        delete known.plan
      } else addTrace(known, trace)
    },
    dispose() {
      for (const set of sets) forget(set)
    },
  }
}
