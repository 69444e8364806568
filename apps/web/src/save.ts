/** Saving what the page made as a file. */
export function save(content: Blob | string, name: string): void {
  const url = URL.createObjectURL(typeof content === 'string' ? new Blob([content]) : content)
  const link = Object.assign(document.createElement('a'), { href: url, download: name })
  link.click()
  // Not at once: the browser reads the blob after this task.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
