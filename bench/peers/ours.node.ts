import { readFileSync } from 'node:fs'

const { version } = JSON.parse(readFileSync(new URL('../../packages/tensor/package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** How casa-js is named in the tables. */
export const ours = { name: 'casa-js', version }
