/** <casa-device> and <casa-gradient>: what this machine offers, and a gradient taken on it. */
import { init, type DeviceName } from '@casa-js/tensor'
import { checkGradient } from './gradient.ts'

const start = (device: 'auto' | DeviceName) => init({ device, software: device === 'webgpu' })

class DeviceElement extends HTMLElement {
  async connectedCallback(): Promise<void> {
    this.textContent = 'Looking for a device …'
    try {
      const { device, adapter, reason, features } = await start('auto')
      this.textContent = `${device}: ${adapter}. ${reason}.${features.length > 0 ? ` Features: ${features.join(', ')}.` : ''}`
    } catch (error) {
      this.textContent = (error as Error).message
    }
  }
}

class GradientElement extends HTMLElement {
  connectedCallback(): void {
    const options = ['auto', 'webgpu', 'wasm', 'cpu'].map((name) => `<option>${name}</option>`).join('')
    this.innerHTML = `<label>Device <select>${options}</select></label> <button>Take the gradient</button><div aria-live="polite"></div>`
    const select = this.querySelector('select')!
    const output = this.querySelector('div')!
    this.querySelector('button')!.addEventListener('click', async () => {
      output.textContent = '…'
      try {
        const { device } = await start(select.value as 'auto' | DeviceName)
        const { loss, tape, differences } = await checkGradient()
        const rows = tape.map(
          (value, i) => `<tr><td>${i}</td><td>${value.toFixed(5)}</td><td>${differences[i]!.toFixed(5)}</td></tr>`,
        )
        output.innerHTML = `<p>On ${device}, loss <b>${loss.toFixed(5)}</b></p><table><thead><tr><th>weight</th><th>tape</th><th>differences</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
      } catch (error) {
        output.textContent = (error as Error).message
      }
    })
  }
}

customElements.define('casa-device', DeviceElement)
customElements.define('casa-gradient', GradientElement)
