/** A model of one's own: an address, or a folder of this machine; for an adapter its base too. */
import { signal } from '@preact/signals'
import type { ModelSource } from '@casa-js/web'
import { loadModel, modelState } from '../model.ts'

const address = signal('')
const baseAddress = signal('')
const baseFolder = signal<{ title: string; files: File[] } | undefined>(undefined)
/** What was given last: it can be loaded again with a base. */
const given = signal<{ title: string; source: ModelSource } | undefined>(undefined)

const baseOf = (): ModelSource | undefined => baseFolder.value?.files ?? (baseAddress.value.trim() || undefined)

function load(title: string, source: ModelSource): void {
  given.value = { title, source }
  void loadModel(title, source)
}

/** Whether loading failed for want of a base, or with another one. */
function needsBase(): boolean {
  const state = modelState.value
  return state.kind === 'failed' && 'rule' in state.error && state.error.rule === 'base'
}

export function OwnModel() {
  return (
    <>
      <form
        class="line own"
        onSubmit={(event) => {
          event.preventDefault()
          const typed = address.value.trim()
          if (typed) load(typed, typed)
        }}
      >
        <label for="address" class="visually-hidden">
          Address of a model folder
        </label>
        <input
          id="address"
          placeholder="https://… or hub:organisation/name@revision"
          value={address.value}
          onInput={(event) => (address.value = event.currentTarget.value)}
        />
        <button type="submit" disabled={address.value.trim() === ''}>
          Load
        </button>
        <FolderButton title="Folder on this machine" onChoose={(title, files) => load(title, files)} />
      </form>
      <Base />
    </>
  )
}

function Base() {
  const folder = baseFolder.value
  const adapter = given.value
  return (
    <details class="base" open={needsBase()}>
      <summary>An adapter, and its base is elsewhere?</summary>
      <p class="hint">
        An adapter holds what was trained alone, and says which model it was made for. If that is a name only, or the model lies
        elsewhere: load the adapter first, then give its base here.
      </p>
      <form
        class="line"
        onSubmit={(event) => {
          event.preventDefault()
          if (adapter && baseOf() !== undefined) void loadModel(adapter.title, adapter.source, baseOf())
        }}
      >
        {folder ? (
          <p class="chosen">
            Base: {folder.title}
            <button type="button" class="link" onClick={() => (baseFolder.value = undefined)}>
              Another
            </button>
          </p>
        ) : (
          <>
            <label for="base" class="visually-hidden">
              Address of the base
            </label>
            <input
              id="base"
              placeholder="https://… or hub:organisation/name"
              value={baseAddress.value}
              onInput={(event) => (baseAddress.value = event.currentTarget.value)}
            />
            <FolderButton title="Folder of the base" onChoose={(title, files) => (baseFolder.value = { title, files })} />
          </>
        )}
        <button type="submit" disabled={!adapter || baseOf() === undefined}>
          {adapter ? `Load ${adapter.title} with it` : 'Load with it'}
        </button>
      </form>
    </details>
  )
}

function FolderButton({ title, onChoose }: { title: string; onChoose: (title: string, files: File[]) => void }) {
  return (
    <label class="button quiet">
      {title}
      <input
        type="file"
        class="visually-hidden"
        {...{ webkitdirectory: true }}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])]
          event.currentTarget.value = ''
          if (files.length > 0) onChoose(files[0]!.webkitRelativePath.split('/')[0] || 'folder', files)
        }}
      />
    </label>
  )
}
