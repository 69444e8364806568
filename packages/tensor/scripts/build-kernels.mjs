/**
 * Compiles kernels/*.ts into build/kernels.wasm and build/kernels-relaxed.wasm (the same with fused multiply-add), and puts tfjs's own
 * module beside them, so that all three are found and shipped in the same way. Each also exists as NAME-shared.wasm, on a memory that threads
 * share: only there are atomic instructions, which not every engine takes.
 * Run by the package's build, and before tests when a source is newer than the last build.
 */
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { caller } from './caller.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { resolve } = createRequire(import.meta.url)
const compiler = join(dirname(resolve('assemblyscript/package.json')), 'bin/asc.js')
const variants = {
  'kernels.wasm': ['--use', 'WIDE=0'],
  'kernels-relaxed.wasm': ['--use', 'WIDE=0', '--enable', 'relaxed-simd'],
  'kernels-wide.wasm': ['--use', 'WIDE=1', '--enable', 'relaxed-simd'],
}
const ofTfjs = 'tfjs-backend-wasm-simd.wasm'
const shared = (file) => file.replace('.wasm', '-shared.wasm')

export async function buildKernels() {
  await mkdir(`${root}/build`, { recursive: true })
  await install(`${root}/kernels/call.ts`, await caller(`${root}/kernels`))
  const tfjs = await readFile(join(dirname(resolve('@tensorflow/tfjs-backend-wasm')), ofTfjs))
  await install(`${root}/build/${ofTfjs}`, tfjs)
  await install(`${root}/build/${shared(ofTfjs)}`, withSharedMemory(tfjs, ofTfjs))
  for (const [file, flags] of Object.entries(variants)) {
    const [alone, threaded] = await Promise.all([
      compile(file, [...flags, '--use', 'THREADS=0']),
      compile(shared(file), [...flags, '--use', 'THREADS=1', '--enable', 'threads']),
    ])
    await install(`${root}/build/${file}`, alone)
    await install(`${root}/build/${shared(file)}`, withSharedMemory(threaded, file))
  }
}

async function compile(file, flags) {
  const output = `build/.${process.pid}.${file}`
  const options = ['--runtime', 'stub', '--importMemory', '--maximumMemory', '65536', '--enable', 'simd', '--noAssert', '-O3']
  const given = [compiler, 'kernels/index.ts', '--baseDir', root, '--outFile', output, ...options, ...flags]
  await promisify(execFile)(process.execPath, given, { cwd: root, maxBuffer: 1 << 24 }).catch(({ stderr }) => {
    throw new Error(`kernels: ${file} does not compile\n${stderr}`)
  })
  const bytes = await readFile(`${root}/${output}`)
  await rm(`${root}/${output}`)
  checkOwnsNothing(bytes, file)
  return bytes
}

/** Write a temporary file, then rename it, so that a concurrent reader always sees a complete one. */
async function install(path, content) {
  const unfinished = join(dirname(path), `.${process.pid}.tmp`)
  await writeFile(unfinished, content)
  await rename(unfinished, path)
}

/**
 * The same module on a shared memory. A memory's limits begin with a byte of flags: 1 means that there is a maximum, 3 that the memory
 * is also shared.
 */
function withSharedMemory(bytes, file) {
  const copy = Buffer.from(bytes)
  const at = flagsOfMemory(copy)
  if (copy[at] !== 1) throw new Error(`${file}: its memory has no maximum, so it cannot be shared`)
  copy[at] = 3
  return copy
}

/** Index of the flags of the only memory, imported or the module's own. */
function flagsOfMemory(bytes) {
  const [importSection, memorySection] = [2, 5]
  for (const { id, begin } of sections(bytes)) {
    if (id === memorySection) return begin + 1
    if (id !== importSection) continue
    let { value: count, next: at } = leb(bytes, begin)
    for (; count > 0; count--) {
      for (let names = 0; names < 2; names++) {
        const { value, next } = leb(bytes, at)
        at = next + value
      }
      const kind = bytes[at++]
      if (kind === 2) return at
      if (kind !== 0) throw new Error(`an import of kind ${kind} is not expected`)
      at = leb(bytes, at).next
    }
  }
  throw new Error('no memory')
}

function* sections(bytes) {
  for (let at = 8; at < bytes.length;) {
    const id = bytes[at]
    const { value: size, next: begin } = leb(bytes, at + 1)
    yield { id, begin }
    at = begin + size
  }
}

/** An unsigned number in LEB128. */
function leb(bytes, at) {
  let value = 0
  for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) value |= ((byte = bytes[at++]) & 0x7f) << shift
  return { value, next: at }
}

/** The memory belongs to tfjs: a data segment would overwrite part of it. */
function checkOwnsNothing(bytes, file) {
  const dataSection = 11
  for (const { id } of sections(bytes)) {
    if (id === dataSection) throw new Error(`${file} has a data section: some kernel uses a string, an array literal or a table`)
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
  const complete = built.length === 2 * (Object.keys(variants).length + 1)
  if (complete && Math.min(...built) >= Math.max(...sources)) return
  await buildKernels().catch((error) => {
    if (!complete) throw error
    console.warn(`The kernels do not compile; tests go on with those built before.\n${error.message}`)
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildKernels()
