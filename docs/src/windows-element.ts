/** <casa-windows layout="a b [2] c"></casa-windows>: a conversation to edit, and its CASA mask. */
import { maskRows, parseLayout } from './layout.ts'

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function table(text: string): string {
  const rows = maskRows(parseLayout(text))
  if (rows.length === 0) return '<p>No text token asks anything yet.</p>'
  const cells = (row: (typeof rows)[number], of: (cell: (typeof row.windows)[number][number]) => string) =>
    row.windows.map((window) => window.map(of).join('')).join('<td class="gap"></td>')
  const head = cells(rows[0]!, ({ key, kind }) => `<th class="${kind}">${escape(key)}</th>`)
  const body = rows.map((row) => {
    const digits = cells(
      row,
      ({ seen, sameWindow, kind }) =>
        `<td class="${seen ? `seen ${kind}` : sameWindow ? 'hidden' : ''}">${seen ? 1 : sameWindow ? 0 : '·'}</td>`,
    )
    return `<tr><th>${escape(row.query)}</th>${digits}</tr>`
  })
  return `<table class="mask"><thead><tr><th></th>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`
}

class WindowsElement extends HTMLElement {
  connectedCallback(): void {
    this.innerHTML = '<label>Conversation <input spellcheck="false"></label><div aria-live="polite"></div>'
    const input = this.querySelector('input')!
    const output = this.querySelector('div')!
    input.value = this.getAttribute('layout') ?? ''
    const draw = () => {
      try {
        output.innerHTML = table(input.value)
      } catch (error) {
        output.innerHTML = `<p class="wrong">${escape((error as Error).message)}</p>`
      }
    }
    input.addEventListener('input', draw)
    draw()
  }
}

customElements.define('casa-windows', WindowsElement)
