/** The docs site: one page at a time, by the address's hash. Pages are Markdown files, rendered when the site is built. */
import './style.css'
import './device-elements.ts'
import './windows-element.ts'

type Page = { default: string }

const order = ['start', 'concepts', 'packages', 'training', 'streaming', 'weights', 'webgpu', 'benchmarks', 'contributing']
const pages = import.meta.glob<Page>('../pages/*.md', { eager: true })
/** What `pnpm bench` wrote, where it has run. */
const benchmarks = import.meta.glob<Page>('../benchmarks/*.md', { eager: true })

class BenchmarksElement extends HTMLElement {
  connectedCallback(): void {
    const written = Object.values(benchmarks).map((page) => page.default)
    this.innerHTML = written.length > 0 ? written.join('<hr>') : '<p>Nothing yet: run <code>pnpm bench</code>.</p>'
  }
}
customElements.define('casa-benchmarks', BenchmarksElement)

const title = (html: string) => /<h1[^>]*>(.*?)<\/h1>/.exec(html)?.[1] ?? ''
const html = (name: string) => pages[`../pages/${name}.md`]!.default

function show(): void {
  const asked = location.hash.slice(2)
  const name = order.includes(asked) ? asked : 'start'
  const links = order.map((page) => `<a href="#/${page}"${page === name ? ' aria-current="page"' : ''}>${title(html(page))}</a>`)
  document.querySelector('nav')!.innerHTML = links.join('')
  document.querySelector('main')!.innerHTML = html(name)
  document.title = name === 'start' ? 'casa-js' : `${title(html(name))} · casa-js`
  scrollTo(0, 0)
}

addEventListener('hashchange', show)
show()
