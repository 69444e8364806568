/** The page: a bar that says which model runs where, and a tab for each part of the demo. */
import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { ModelBar } from './components/model-bar.tsx'
import { loadModel, offered } from './model.ts'
import { AskTab } from './tabs/ask.tsx'
import { LiveTab } from './tabs/live.tsx'
import { ModelsTab } from './tabs/models.tsx'
import { TrainTab } from './tabs/train.tsx'

const tabs = [
  { id: 'ask', title: 'Ask', Content: AskTab },
  { id: 'live', title: 'Live', Content: LiveTab },
  { id: 'train', title: 'Train', Content: TrainTab },
  { id: 'models', title: 'Models', Content: ModelsTab },
] as const

type TabId = (typeof tabs)[number]['id']

const tabOfHash = (): TabId => tabs.find(({ id }) => `#${id}` === location.hash)?.id ?? 'ask'
const current = signal<TabId>(tabOfHash())
addEventListener('hashchange', () => (current.value = tabOfHash()))

/** Arrow keys move between tabs, as the ARIA pattern for tabs has it. */
function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
  if (!step) return
  // The address, not the signal: a hashchange comes a task later, and keys may be faster.
  const at = tabs.findIndex(({ id }) => id === tabOfHash())
  const next = tabs[(at + step + tabs.length) % tabs.length]!
  location.hash = next.id
  document.getElementById(`tab-${next.id}`)?.focus()
}

export function App() {
  useEffect(() => {
    const first = offered[0]
    if (first) void loadModel(first.title, first.source)
  }, [])
  return (
    <>
      <header>
        <a class="brand" href="#ask">
          casa<span>-js</span>
        </a>
        <div role="tablist" aria-label="Parts of the demo" onKeyDown={moveFocus}>
          {tabs.map(({ id, title }) => (
            <button
              key={id}
              id={`tab-${id}`}
              role="tab"
              aria-selected={current.value === id}
              aria-controls={`panel-${id}`}
              tabIndex={current.value === id ? 0 : -1}
              onClick={() => (location.hash = id)}
            >
              {title}
            </button>
          ))}
        </div>
        <ModelBar />
      </header>
      <main>
        {tabs.map(({ id, Content }) => (
          <section key={id} id={`panel-${id}`} role="tabpanel" aria-labelledby={`tab-${id}`} hidden={current.value !== id}>
            <Content />
          </section>
        ))}
      </main>
      <footer>Everything runs on this machine. Pictures and video never leave it.</footer>
    </>
  )
}
