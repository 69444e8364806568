/**
 * When a sequence's next step is run from a plan.
 *
 * A step is a token of text, a piece of a prompt, or the text around new images. Steps of one kind take as many tokens, with images of the same
 * sizes in the same places. They are run op by op and traced until a plan can be made of two of them. It fits every later step of the kind
 * whose state has the same tensors and whose counters (tokens in the cache, numbers of the state) are such that the plan knows every number:
 * of a first plan the next tokens of the same image; after a token of another image was traced too, those of all images. A fusion writes
 * the keys of a new image into tensors of an earlier state, so there are two sets of tensors in turn, and a plan for each.
 */
import type { FusionState } from '@casa-js/core'
import { createPlan, NoPlan, type Counters, type Plan, type StepTrace } from '@casa-js/tensor/internal'

/** How the tokens of a sequence were run. */
export interface PlanUse {
  /** Tokens that were run from a plan. */
  tokens: number
  /** Of them, those of steps with several tokens, or with images. */
  inLongerSteps: number
  /** Plans that were made. */
  plans: number
  /** Why there is no plan, if the last attempt to make one failed. */
  refused?: string
}

/** After this many attempts in a row that fail, no more are made for steps of the kind. */
const mostAttempts = 4
/**
 * Sets of tensors that plans are held for. Of tokens: two that images take turns in, and one of text before the first. Of longer steps: those
 * two again, for frames of two kinds.
 */
const mostSets = { tokens: 3, longer: 4 }
/** Longer steps that come again only after more steps than this are too rare for a plan. */
const mostStepsBetween = 64
/** Traces of a set. A plan needs two, and one of another image; more where counters part later still. */
const mostTraces = 4

type Tensors = FusionState['tensors']

/** What makes steps alike. */
export interface StepKind {
  /** Tokens, and where images stand among them. */
  name: string
  tokens: number
  /** A token of text goes on with the tensors of its state. */
  isToken: boolean
}

/** Where a step begins. */
export interface StepStart {
  kind: StepKind
  /** Tokens in the cache. */
  cached: number
  state: FusionState
  /** Tensors of an earlier state that it may write into. */
  spare: Tensors
}

/** What is known of steps of one kind whose state has these tensors. */
interface StepSet {
  kind: StepKind
  tensors: Tensors
  spare: Tensors
  traces: StepTrace[]
  /** The state after each traced step. */
  after: { values: FusionState['values']; tensors: Tensors }[]
  /** When it was used last, in steps. */
  usedAt: number
  /** What its steps do to the state's numbers, and the plan. */
  planned?: { plan: Plan; changes: Record<string, Change> }
}

export interface StepPlanner {
  readonly use: PlanUse
  /** Whether it is worth tracing steps of this kind. */
  traces(kind: StepKind): boolean
  /** The plan and its moves for this step, if one fits; and the state after it. */
  find(start: StepStart): { plan: Plan; moves: readonly number[]; next: FusionState } | undefined
  /** A traced step is over. @param after its state */
  note(start: StepStart, trace: StepTrace, after: FusionState): void
  dispose(): void
}

/** The counters of a sequence: a fusion's numbers may have any name, so they get a prefix. */
export const countersOf = ({ cached, state: { values } }: Pick<StepStart, 'cached' | 'state'>): Counters =>
  Object.fromEntries([['tokens', cached], ...Object.entries(values).map(([name, value]) => [`state.${name}`, value] as const)])

const sameTensors = (a: Tensors, b: Tensors): boolean => {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

/** What a step does to a number of the state. */
type Change = { by: number } | { to: number }

/**
 * Each number grows by as much in every step, as counts of tokens do, or is the same after every step, as when an image begins a window anew.
 * Undefined where the traces say neither.
 */
function changesOf({ traces, after }: Pick<StepSet, 'traces' | 'after'>): Record<string, Change> | undefined {
  const found: Record<string, Change> = {}
  for (const name of Object.keys(after[0]!.values)) {
    const ends = after.map(({ values }) => values[name]!)
    const growths = ends.map((end, i) => end - (traces[i]!.counters[`state.${name}`] ?? NaN))
    const [by, to] = [growths[0]!, ends[0]!]
    if (growths.every((each) => each === by)) found[name] = { by }
    else if (ends.every((each) => each === to)) found[name] = { to }
    else return undefined
  }
  return found
}

const changed = (changes: Record<string, Change>, { values }: FusionState): FusionState['values'] =>
  Object.fromEntries(
    Object.entries(changes).map(([name, change]) => [name, 'by' in change ? values[name]! + change.by : change.to]),
  )

export function createStepPlanner(): StepPlanner {
  /** The one used last comes last. */
  let sets: StepSet[] = []
  /** Attempts that failed, by kind. */
  const failures = new Map<string, number>()
  const use: PlanUse = { tokens: 0, inLongerSteps: 0, plans: 0 }
  let steps = 0

  const setOf = ({ kind, state, spare }: StepStart): StepSet | undefined =>
    sets.find(
      (set) =>
        set.kind.name === kind.name && sameTensors(set.tensors, state.tensors) && (kind.isToken || sameTensors(set.spare, spare)),
    )

  /** It is now the one used last. */
  function touch(set: StepSet) {
    sets = [...sets.filter((other) => other !== set), set]
    set.usedAt = steps
  }

  function forget(set: StepSet) {
    set.planned?.plan.dispose()
    sets = sets.filter((other) => other !== set)
  }

  function refuse({ name }: StepKind, why: string) {
    failures.set(name, (failures.get(name) ?? 0) + 1)
    use.refused = why
  }

  /** Tensors that are not those of a step before: there will be other ones in their place. */
  const areNew = ({ state, spare }: StepStart, after: FusionState) => {
    const known = new Set([state.tensors, spare].flatMap((tensors) => Object.values(tensors)))
    return Object.values(after.tensors).some((tensor) => !known.has(tensor))
  }

  function addTrace(set: StepSet, { kind }: StepStart, trace: StepTrace, after: FusionState) {
    set.planned?.plan.dispose()
    delete set.planned
    // Tokens of another image may have run on these tensors: only of two in a row does it say that there will be no plan.
    const saysMuch = !kind.isToken || set.traces.at(-1)!.counters.tokens! + 1 === trace.counters.tokens
    const traces = [...set.traces.slice(0, mostTraces - 1), trace]
    const states = [...set.after.slice(0, mostTraces - 1), after]
    const changes = changesOf({ traces, after: states })
    const [first, second, ...others] = traces
    const plan = !sameTensors(set.after[0]!.tensors, after.tensors)
      ? new NoPlan("the fusion's state moves to other tensors")
      : !changes
        ? new NoPlan("the numbers of the fusion's state do not grow evenly")
        : createPlan(first!, second!, ...others)
    if (plan instanceof NoPlan) {
      set.traces = [trace]
      set.after = [after]
      if (saysMuch) refuse(kind, plan.why)
      else use.refused = plan.why
      return
    }
    Object.assign(set, { traces, after: states, planned: { plan, changes } })
    use.plans++
    failures.delete(kind.name)
    delete use.refused
  }

  return {
    use,
    traces: ({ name }) => (failures.get(name) ?? 0) < mostAttempts,
    find(start) {
      steps++
      const set = setOf(start)
      const moves = set?.planned?.plan.movesAt(countersOf(start))
      if (!set?.planned || !moves) return undefined
      const { plan, changes } = set.planned
      touch(set)
      use.tokens += start.kind.tokens
      if (!start.kind.isToken) use.inLongerSteps += start.kind.tokens
      const { tensors } = start.kind.isToken ? start.state : set.after[0]!
      return { plan, moves, next: { values: changed(changes, start.state), tensors } }
    },
    note(start, trace, after) {
      const { kind, state, spare } = start
      if (areNew(start, after)) {
        // As the first images of a sequence do; a token has no reason to.
        if (kind.isToken) refuse(kind, "the fusion's state moved to other tensors")
        return
      }
      const known = setOf(start)
      const isRare = known && !kind.isToken && steps - known.usedAt > mostStepsBetween
      if (known && !isRare) {
        touch(known)
        return addTrace(known, start, trace, after)
      }
      if (known) forget(known)
      for (const old of sets)
        if ([old.tensors, old.spare].some((tensors) => Object.values(tensors).some(({ isDisposed }) => isDisposed))) forget(old)
      const alike = sets.filter((set) => set.kind.isToken === kind.isToken)
      if (alike.length === mostSets[kind.isToken ? 'tokens' : 'longer']) forget(alike[0]!)
      const own = { kind, tensors: state.tensors, spare: kind.isToken ? {} : spare }
      sets.push({ ...own, traces: [trace], after: [after], usedAt: steps })
    },
    dispose() {
      for (const set of sets) forget(set)
    },
  }
}
