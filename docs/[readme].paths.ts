/** READMEs of packages and cards of models, as pages of the site. */
import { readmePages } from './.vitepress/readmes.ts'

export default {
  watch: ['../packages/*/README.md', '../apps/cli/README.md', '../apps/cli/model/README.md', '../recipes/live/model/README.md'],
  paths: () => readmePages.map(({ name, content }) => ({ params: { readme: name }, content: content() })),
}
