/**
 * Compiles kernels/*.ts into build/kernels.wasm and build/kernels-relaxed.wasm (the same with fused multiply-add), and puts tfjs's own
 * module beside them, so that all three are found and shipped alike.
 * Run by the package's build, and before tests when a source is newer than what was built.
 */
import { copyFile, mkdir, readdir, readFile, rename, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const root = fileURLToPath(new URL('..', import.meta.url))
const variants = {
  'kernels.wasm': [],
  'kernels-relaxed.wasm': ['--enable', 'relaxed-simd'],
}

const ofTfjs = 'tfjs-backend-wasm-simd.wasm'

export async function buildKernels() {
  await mkdir(`${root}/build`, { recursive: true })
  await rename(await copyOfTfjs(`${root}/build/.${process.pid}.${ofTfjs}`), `${root}/build/${ofTfjs}`)
  for (const [file, flags] of Object.entries(variants)) {
    // Written aside and renamed, so that whoever reads meanwhile gets a whole file.
    const unfinished = `build/.${process.pid}.${file}`
    const options = ['--runtime', 'stub', '--importMemory', '--enable', 'simd', '--noAssert', '-O3', ...flags]
    const { error, stderr } = await asc.main(['kernels/index.ts', '--baseDir', root, '--outFile', unfinished, ...options])
    if (error) throw new Error(`kernels: ${error.message}\n${stderr.toString()}`)
    checkOwnsNothing(await readFile(`${root}/${unfinished}`), file)
    await rename(`${root}/${unfinished}`, `${root}/build/${file}`)
  }
}

async function copyOfTfjs(target) {
  const folder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))
  await copyFile(join(folder, ofTfjs), target)
  return target
}

/** The memory is tfjs's: data segments would be written over it. */
function checkOwnsNothing(bytes, file) {
  const dataSection = 11
  let at = 8
  while (at < bytes.length) {
    const id = bytes[at++]
    let size = 0
    for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) size |= ((byte = bytes[at++]) & 0x7f) << shift
    if (id === dataSection) throw new Error(`${file} has a data section: some kernel uses a string, an array literal or a table`)
    at += size
  }
}

async function newest(folder, extension) {
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(extension) && !name.startsWith('.'))
  return Promise.all(files.map(async (name) => (await stat(`${folder}/${name}`)).mtimeMs))
}

/** Build unless every module is younger than every source. vitest calls this once, before any test. */
export default async function buildKernelsIfStale() {
  const built = await newest(`${root}/build`, '.wasm')
  const sources = await newest(`${root}/kernels`, '.ts')
  const complete = built.length === Object.keys(variants).length + 1
  if (complete && Math.min(...built) >= Math.max(...sources)) return
  await buildKernels().catch((error) => {
    if (!complete) throw error
    console.warn(`The kernels do not compile; tests go on with those built before.\n${error.message}`)
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildKernels()
