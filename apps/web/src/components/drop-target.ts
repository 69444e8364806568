/** A tab that files can be dropped on: its class while something is dragged over it, and its listeners. */
import { signal } from '@preact/signals'
import type { HTMLAttributes } from 'preact'

/**
 * Create it once per tab.
 * @returns a function that gives the attributes of the tab's element
 */
export function createDropTarget(className: string, onFiles: (dropped: DataTransfer | null) => void) {
  const dragging = signal(false)
  return (): HTMLAttributes<HTMLDivElement> => ({
    class: `${className}${dragging.value ? ' dragging' : ''}`,
    onDragOver(event) {
      event.preventDefault()
      dragging.value = true
    },
    onDragLeave: () => (dragging.value = false),
    onDrop(event) {
      event.preventDefault()
      dragging.value = false
      onFiles(event.dataTransfer)
    },
  })
}
