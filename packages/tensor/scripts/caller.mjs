/**
 * The source of kernels/call.ts: a function that calls a kernel by its number. A kernel's number is the rank of its name among all that
 * kernels/index.ts exports of the other files; its arguments are read from memory, 8-byte floats.
 */
import { readdir, readFile } from 'node:fs/promises'

/** Not kernels: what walks lists of calls, and what is made here. */
const others = ['index.ts', 'regions.ts', 'call.ts']

export async function caller(folder) {
  const names = (await readdir(folder)).filter((name) => /^[\w-]+\.ts$/.test(name) && !others.includes(name))
  const index = await readFile(`${folder}/index.ts`, 'utf8')
  const files = await Promise.all(
    names.map(async (name) => functionsOf(`./${name.slice(0, -3)}`, await readFile(`${folder}/${name}`, 'utf8'), index)),
  )
  const functions = files.flat().sort((a, b) => (a.name < b.name ? -1 : 1))
  const kernels = functions.map((f, number) => ({ ...f, number })).filter(({ result }) => result === 'void')
  return [
    '/** Made by scripts/build-kernels.mjs. */',
    ...kernels.map(({ name, from }) => `import { ${name} } from '${from}'`),
    '',
    'export function callKernel(kernel: i32, at: usize): void {',
    '  switch (kernel) {',
    ...kernels.map(({ name, number, types }) => `    case ${number}: ${name}(${types.map(read).join(', ')}); return`),
    '    default: unreachable()',
    '  }',
    '}',
    '',
  ].join('\n')
}

/** The functions that index.ts exports of a file. */
function functionsOf(from, source, index) {
  const named = index.match(new RegExp(`export \\{([^}]*)\\} from '${from}'`))?.[1].split(',') ?? []
  const exported = new Set(named.map((name) => name.trim()))
  const all = index.includes(`export * from '${from}'`)
  return [...source.matchAll(/export function (\w+)\(([^)]*)\): (\w+)/g)]
    .map(([, name, parameters, result]) => ({
      from,
      name,
      result,
      types: [...parameters.matchAll(/: (\w+)/g)].map(([, type]) => type),
    }))
    .filter(({ name }) => all || exported.has(name))
}

function read(type, i) {
  const value = `load<f64>(at, ${8 * i})`
  if (type.startsWith('bool')) return `${value} != 0`
  // Addresses are up to 2^32.
  return type === 'f32' ? `<f32>${value}` : `<${type}><i64>${value}`
}
