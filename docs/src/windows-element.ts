/** <casa-windows layout="a b [2] c"></casa-windows>: a conversation to edit, and what its words attend to with each kind of fusion. */
import { escapeHtml } from '@casa-js/eval/internal'
import { keysKept, maskRows, parseLayout, type FusionKind, type NamedLayout } from './layout.ts'

const kinds: [FusionKind, string][] = [
  ['casa', 'CASA'],
  ['cross-attention', 'Cross-attention'],
  ['insertion', 'Token insertion'],
]

function table(layout: NamedLayout, kind: FusionKind): string {
  const rows = maskRows(layout, kind)
  if (rows.length === 0) return '<p>No text token asks anything yet.</p>'
  const cells = (row: (typeof rows)[number], of: (cell: (typeof row.windows)[number][number]) => string) =>
    row.windows.map((window) => window.map(of).join('')).join('<td class="gap"></td>')
  const head = cells(rows[0]!, ({ key, kind: of }) => `<th class="${of}">${escapeHtml(key)}</th>`)
  const body = rows.map((row) => {
    const digits = cells(
      row,
      ({ seen, sameWindow, kind: of }) =>
        `<td class="${seen ? `seen ${of}` : sameWindow ? 'hidden' : ''}">${seen ? 1 : sameWindow ? 0 : '·'}</td>`,
    )
    return `<tr><th>${escapeHtml(row.query)}</th>${digits}</tr>`
  })
  const { text, image } = keysKept(layout, kind)
  return `<table class="mask"><thead><tr><th></th>${head}</tr></thead><tbody>${body.join('')}</tbody></table>
    <p class="kept">Keys kept per layer after the last word: <b>${text}</b> of text, <b>${image}</b> of images.</p>`
}

let elements = 0

class WindowsElement extends HTMLElement {
  connectedCallback(): void {
    const name = `casa-windows-${elements++}`
    const choices = kinds.map(
      ([kind, text]) => `<label><input type="radio" name="${name}" value="${kind}"> ${escapeHtml(text)}</label>`,
    )
    this.innerHTML = `<label>Conversation <input class="layout" spellcheck="false"></label>
      <fieldset><legend>Attention of the text</legend>${choices.join(' ')}</fieldset><div aria-live="polite"></div>`
    const input = this.querySelector<HTMLInputElement>('input.layout')!
    const output = this.querySelector('div')!
    input.value = this.getAttribute('layout') ?? ''
    this.querySelector<HTMLInputElement>(`input[value=${this.getAttribute('fusion') ?? 'casa'}]`)!.checked = true
    const draw = () => {
      const kind = this.querySelector<HTMLInputElement>('input[type=radio]:checked')!.value as FusionKind
      try {
        output.innerHTML = table(parseLayout(input.value), kind)
      } catch (error) {
        output.innerHTML = `<p class="wrong">${escapeHtml((error as Error).message)}</p>`
      }
    }
    this.addEventListener('input', draw)
    draw()
  }
}

customElements.define('casa-windows', WindowsElement)
