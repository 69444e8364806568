/** Train: teach the loaded model new things from a few pictures of one's own, and take it away as a folder. */
import { signal } from '@preact/signals'
import { createDropTarget } from '../components/drop-target.ts'
import { ErrorNote } from '../components/error-note.tsx'
import { Lines } from '../components/lines.tsx'
import { filesOf, filesOfDrop, type LabelledFile } from '../folders.ts'
import { formatMs } from '../format.ts'
import { modelState } from '../model.ts'
import { save } from '../save.ts'
import { drawShapes } from '../shapes.ts'
import {
  addExamples,
  answersBefore,
  answersNow,
  changeExample,
  examples,
  parts,
  question,
  removeExamples,
  steps,
  stopTraining,
  train,
  trainState,
  updates,
  warnings,
  zipModel,
  type OwnExample,
} from '../train.ts'

const dropTarget = createDropTarget('train', (dropped) => put(() => filesOfDrop(dropped)))
const problem = signal<Error | undefined>(undefined)

const attempt = (run: () => Promise<void>) => {
  problem.value = undefined
  void run().catch((error: unknown) => (problem.value = error as Error))
}
const put = (give: () => Promise<LabelledFile[]>) => attempt(async () => addExamples(await give()))

export function TrainTab() {
  const isRunning = trainState.value.kind === 'running'
  return (
    <div {...dropTarget()}>
      <h1>Train</h1>
      <p class="lead">
        Show the model some twenty pictures and what it should say about them. It learns in this page, and you can download the
        result. Drop folders to use their names as answers, or add pictures and write the answers yourself.
      </p>
      <Sources disabled={isRunning} />
      {problem.value && <ErrorNote error={problem.value} />}
      {examples.value.length > 0 && (
        <>
          <Examples disabled={isRunning} />
          <Controls />
        </>
      )}
      <Progress />
    </div>
  )
}

function Sources({ disabled }: { disabled: boolean }) {
  const input = (label: string, attributes: Record<string, unknown>) => (
    <label class="button quiet">
      {label}
      <input
        type="file"
        multiple
        class="visually-hidden"
        disabled={disabled}
        {...attributes}
        onChange={(event) => {
          const files = filesOf(event.currentTarget)
          event.currentTarget.value = ''
          put(async () => files)
        }}
      />
    </label>
  )
  return (
    <div class="line">
      {input('Folders', { webkitdirectory: true })}
      {input('Pictures', { accept: 'image/*' })}
      <button class="quiet" disabled={disabled} onClick={() => put(drawShapes)}>
        Drawn shapes
      </button>
      {examples.value.length > 0 && (
        <button class="quiet" disabled={disabled} onClick={() => removeExamples(examples.value)}>
          Remove all
        </button>
      )}
    </div>
  )
}

/** Keyboards stay in the list when the button that they were on is gone. */
function focusRemove(at: number): void {
  requestAnimationFrame(() => {
    const buttons = document.querySelectorAll<HTMLElement>('.examples .remove')
    buttons[Math.min(at, buttons.length - 1)]?.focus()
  })
}

function Examples({ disabled }: { disabled: boolean }) {
  return (
    <ul class="examples">
      {examples.value.map((example, at) => (
        <li key={example.id} class={example.heldOut ? 'held-out' : ''}>
          <img src={example.url} alt="" />
          <button
            class="remove"
            disabled={disabled}
            aria-label={`Remove ${example.name}`}
            onClick={() => {
              removeExamples([example])
              focusRemove(at)
            }}
          >
            ×
          </button>
          <input
            aria-label={`Answer for ${example.name}`}
            placeholder="answer"
            value={example.answer}
            disabled={disabled}
            onInput={(event) => changeExample(example.id, { answer: event.currentTarget.value })}
          />
          <label>
            <input
              type="checkbox"
              checked={example.heldOut}
              disabled={disabled}
              aria-label={`Hold out ${example.name}`}
              onChange={(event) => changeExample(example.id, { heldOut: event.currentTarget.checked })}
            />{' '}
            hold out
          </label>
        </li>
      ))}
    </ul>
  )
}

function Controls() {
  const model = modelState.value
  const isRunning = trainState.value.kind === 'running'
  const { learnt, heldOut } = parts()
  const unnamed = examples.value.length - learnt.length - heldOut.length
  return (
    <>
      <div class="line controls">
        <label class="wide">
          Question{' '}
          <input value={question.value} disabled={isRunning} onInput={(event) => (question.value = event.currentTarget.value)} />
        </label>
        <label>
          Updates{' '}
          <input
            type="number"
            min={1}
            max={1000}
            value={steps.value}
            disabled={isRunning}
            onChange={(event) => (steps.value = Math.max(1, Math.round(event.currentTarget.valueAsNumber || 20)))}
          />
        </label>
        {isRunning ? (
          <button onClick={stopTraining}>Stop</button>
        ) : (
          <button
            disabled={model.kind !== 'ready' || learnt.length === 0 || question.value.trim() === ''}
            onClick={() => model.kind === 'ready' && void train(model.client)}
          >
            Train
          </button>
        )}
      </div>
      <p class="hint">
        {learnt.length} to learn from, {heldOut.length || 'none'} held out
        {heldOut.length > 0 && ': the model never learns from those, and is asked about them before and after'}.
        {unnamed > 0 && ` ${unnamed} without an answer are left out.`}
      </p>
    </>
  )
}

function Progress() {
  const state = trainState.value
  const all = updates.value
  const model = modelState.value
  const last = all.at(-1)
  if (state.kind === 'idle' && all.length === 0) return null
  return (
    <div class="progress">
      {state.kind === 'failed' && <ErrorNote error={state.error} />}
      {warnings.value.map((message) => (
        <p key={message} class="hint">
          {message}
        </p>
      ))}
      <p role="status" class="status">
        {state.kind === 'running' &&
          (last
            ? `Update ${all.length} of ${state.steps}, about ${formatMs(state.etaMs ?? 0)} left`
            : 'Asking about the pictures that are held out …')}
        {state.kind === 'done' && `${state.stopped ? 'Stopped' : 'Done'} after ${state.steps} updates`}
      </p>
      {last && (
        <Lines
          title="Loss"
          times={all.map(({ step }) => step)}
          series={[{ name: 'of each update', values: all.map(({ loss }) => loss), shown: last.loss.toFixed(3), kind: 'main' }]}
        />
      )}
      <HeldOut all={examples.value.filter(({ id }) => answersBefore.value.has(String(id)))} />
      {state.kind === 'done' && model.kind === 'ready' && (
        <div class="line">
          <a class="button" href="#ask">
            Ask it
          </a>
          <button class="quiet" onClick={() => attempt(async () => save(await zipModel(model.client), 'casa-model.zip'))}>
            Download
          </button>
          <p class="hint">
            A zip file with a model folder: <code>casa ask casa-model picture.png &quot;{question.value}&quot;</code>
          </p>
        </div>
      )}
    </div>
  )
}

function HeldOut({ all }: { all: OwnExample[] }) {
  if (all.length === 0) return null
  const now = answersNow.value
  const correct = (answers: Map<string, string>) =>
    all.filter(({ id, answer }) => answers.get(String(id))?.trim() === answer.trim()).length
  return (
    <table class="held-out">
      <caption>
        Held out: {correct(answersBefore.value)} of {all.length} correct before
        {now.size > 0 && `, ${correct(now)} now`}
      </caption>
      <thead>
        <tr>
          <th scope="col">Picture</th>
          <th scope="col">Answer</th>
          <th scope="col">Before</th>
          <th scope="col">Now</th>
        </tr>
      </thead>
      <tbody>
        {all.map(({ id, url, name, answer }) => (
          <tr key={id}>
            <td>
              <img src={url} alt={name} />
            </td>
            <td>{answer}</td>
            <td>{answersBefore.value.get(String(id))}</td>
            <td class={now.has(String(id)) ? (now.get(String(id))!.trim() === answer.trim() ? 'right' : 'wrong') : ''}>
              {now.get(String(id)) ?? '…'}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
