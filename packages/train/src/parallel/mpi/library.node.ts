/**
 * The MPI library of this machine, called through koffi. Both are looked for at run time, and only when a run asks for MPI.
 *
 * Two binary interfaces are in use. In Open MPI, communicators, datatypes and operations are pointers to variables of the library; in
 * MPICH and its relatives (Intel MPI, MVAPICH, Cray) they are fixed integers. Which one a library has shows in its symbols.
 *
 * Every call is made from the main thread (MPI_THREAD_FUNNELED). Collectives are non-blocking and polled, so the event loop lives.
 */
import type * as Koffi from 'koffi'
import { MpiError } from '../../errors.ts'
import type { Launched } from './launch.ts'

type Handle = unknown
type Fn = (...values: unknown[]) => number

const THREAD_FUNNELED = 1
/** Larger than MPI_Status and MPI_MAX_LIBRARY_VERSION_STRING of every library. */
const STATUS_BYTES = 64
const TEXT_BYTES = 8192

/** Values of mpi.h in the two interfaces. */
interface Interface {
  /** C type of handles. */
  handle: 'void *' | 'int'
  world: Handle
  float: Handle
  double: Handle
  byte: Handle
  sum: Handle
  errorsReturn: Handle
  /** MPI_IN_PLACE, an address. */
  inPlace: number
}

/** A collective in progress. */
export interface Request {
  readonly handle: Uint8Array
  isDone: boolean
}

/**
 * Memory that the library may still read and write, of every collective that is not complete: it must not be collected, even when nobody
 * waits any more because another rank has failed.
 */
const inUse = new Map<Request, readonly unknown[]>()

/** What a run needs of MPI, over all processes (MPI_COMM_WORLD). */
export interface Mpi {
  /** E.g. "Open MPI v4.1.4". */
  version: string
  rank: number
  ranks: number
  /** Starts the sum over ranks of `values`, in float32: on `root` they become the sums, elsewhere they stay. */
  reduce(values: Float32Array, root: number): Request
  /** Starts the exchange of every rank's values[offsets[rank] .. + counts[rank]]. */
  allGather(values: Float32Array | Float64Array | Uint8Array, counts: readonly number[], offsets: readonly number[]): Request
  /** Starts the copy of root's values to all. */
  broadcast(values: Float32Array, root: number): Request
  /** Lets transfers go on. Whether this one is complete. */
  test(request: Request): boolean
  /** Ends MPI. No call may follow. */
  finalize(): void
}

/** The library and its state belong to the process, and cannot be started twice. */
let started: Promise<Mpi> | undefined

/**
 * Loads MPI and joins the processes that were launched together.
 *
 * @param launched what the launcher says; must agree with the library
 * @throws MpiError saying what to install, or that launcher and library are not of one MPI
 */
export function startMpi(launched: Launched | undefined): Promise<Mpi> {
  return (started ??= start(launched))
}

async function start(launched: Launched | undefined): Promise<Mpi> {
  const koffi = await loadKoffi()
  const { library, path } = open(koffi, launched)
  const mpi = interfaceOf(library, path)
  const call = (name: string, parameters: string) => {
    const fn: Fn = library.func(`int ${name}(${parameters.replaceAll('handle ', mpi.handle + ' ')})`)
    return (...values: unknown[]) => check(name, fn(...values))
  }

  const provided = new Int32Array(1)
  call('MPI_Init_thread', 'void *argc, void *argv, int required, void *provided')(null, null, THREAD_FUNNELED, provided)
  if (provided[0]! < THREAD_FUNNELED) throw new MpiError(`${path} cannot be used from a process with threads`)
  call('MPI_Comm_set_errhandler', 'handle comm, handle onError')(mpi.world, mpi.errorsReturn)
  const number = (name: string) => {
    const value = new Int32Array(1)
    call(name, 'handle comm, void *value')(mpi.world, value)
    return value[0]!
  }
  const [rank, ranks] = [number('MPI_Comm_rank'), number('MPI_Comm_size')]
  if (launched && launched.ranks !== ranks)
    throw new MpiError(
      `${launched.launcher}'s launcher started ${launched.ranks} processes, but ${path} sees ${ranks}: the launcher and the library ` +
        'belong to different MPIs; set CASA_MPI to the path of the library that belongs to the launcher',
    )

  const reduceParameters = 'void *recv, int count, handle type, handle op, int root, handle comm, void *request'
  const ireduce = call('MPI_Ireduce', `void *send, ${reduceParameters}`)
  const ireduceInPlace = call('MPI_Ireduce', `intptr_t send, ${reduceParameters}`)
  const iallgatherv = call(
    'MPI_Iallgatherv',
    'intptr_t send, int count, handle type, void *recv, void *counts, void *offsets, handle recvType, handle comm, void *request',
  )
  const ibcast = call('MPI_Ibcast', 'void *values, int count, handle type, int root, handle comm, void *request')
  const test = call('MPI_Test', 'void *request, void *flag, void *status')
  const finalize = call('MPI_Finalize', '')
  const flag = new Int32Array(1)
  const status = new Uint8Array(STATUS_BYTES)

  const begin = (memory: readonly unknown[], run: (handle: Uint8Array) => void): Request => {
    // A handle is a pointer or an int. Over a buffer of its own, memory stays where it is; V8 may move a small array that has none.
    const request: Request = { handle: new Uint8Array(new ArrayBuffer(8)), isDone: false }
    inUse.set(request, memory)
    run(request.handle)
    return request
  }
  return {
    version: versionOf(library),
    rank,
    ranks,
    reduce: (values, root) =>
      begin([values], (handle) =>
        rank === root
          ? ireduceInPlace(mpi.inPlace, values, values.length, mpi.float, mpi.sum, root, mpi.world, handle)
          : ireduce(values, null, values.length, mpi.float, mpi.sum, root, mpi.world, handle),
      ),
    allGather: (values, counts, offsets) => {
      const [countsMemory, offsetsMemory] = [integers(counts), integers(offsets)]
      const type = values instanceof Float32Array ? mpi.float : values instanceof Float64Array ? mpi.double : mpi.byte
      return begin([values, countsMemory, offsetsMemory], (handle) =>
        iallgatherv(mpi.inPlace, 0, type, values, countsMemory, offsetsMemory, type, mpi.world, handle),
      )
    },
    broadcast: (values, root) => begin([values], (handle) => ibcast(values, values.length, mpi.float, root, mpi.world, handle)),
    test(request) {
      if (request.isDone) return true
      test(request.handle, flag, status)
      request.isDone = flag[0] !== 0
      if (request.isDone) inUse.delete(request)
      return request.isDone
    },
    finalize: () => void finalize(),
  }

  function check(name: string, code: number): number {
    if (code !== 0) throw new MpiError(`${name} failed: ${errorText(library, code)}`)
    return code
  }
}

/** Int32 values in memory that does not move. */
function integers(values: readonly number[]): Int32Array {
  const memory = new Int32Array(new ArrayBuffer(4 * values.length))
  memory.set(values)
  return memory
}

async function loadKoffi(): Promise<typeof Koffi> {
  try {
    return await import('koffi')
  } catch (error) {
    throw new MpiError('training over MPI needs the package koffi, through which the MPI library is called: npm install koffi', {
      cause: error,
    })
  }
}

/** File names of the libraries, the launcher's first. */
function candidates(launched: Launched | undefined): string[] {
  const given = process.env.CASA_MPI
  if (given) return [given]
  if (process.platform === 'win32') return ['msmpi.dll', 'impi.dll']
  if (process.platform === 'darwin')
    return ['', '/opt/homebrew/lib/', '/usr/local/lib/'].flatMap((folder) =>
      ['libmpi.dylib', 'libmpich.dylib'].map((name) => folder + name),
    )
  const openMpi = ['libmpi.so.40', 'libmpi.so.80']
  const mpich = ['libmpich.so.12', 'libmpi.so.12', 'libmpi_cray.so.12']
  return [...(launched?.launcher === 'MPICH' ? [...mpich, ...openMpi] : [...openMpi, ...mpich]), 'libmpi.so']
}

/**
 * UCX, the transport of MPICH and perhaps of Open MPI, replaces malloc and the handlers of signals when it is loaded. In a process with
 * V8's threads the first ends in deadlocks, and the second takes away the signal by which V8 notices errors of wasm. MPI works without.
 */
const UCX_DEFAULTS = {
  UCX_MEM_EVENTS: 'n',
  UCX_MEM_MALLOC_HOOKS: 'n',
  UCX_MEM_MALLOC_RELOC: 'n',
  UCX_MEM_MMAP_HOOK_MODE: 'none',
  UCX_ERROR_SIGNALS: '',
}

function open(koffi: typeof Koffi, launched: Launched | undefined): { library: Koffi.LibraryHandle; path: string } {
  for (const [name, value] of Object.entries(UCX_DEFAULTS)) process.env[name] ??= value
  const tried: string[] = []
  for (const path of candidates(launched)) {
    try {
      // Open MPI's plug-ins look for its symbols among those of the process.
      return { library: koffi.load(path, { global: true }), path }
    } catch (error) {
      tried.push(error instanceof Error ? error.message.split('\n')[0]! : String(error))
    }
  }
  throw new MpiError(
    'no MPI library was found: install Open MPI (apt-get install openmpi-bin libopenmpi3, brew install open-mpi) or MPICH ' +
      `(apt-get install mpich), or set CASA_MPI to the path of its libmpi. Tried: ${tried.join('; ')}`,
  )
}

function interfaceOf(library: Koffi.LibraryHandle, path: string): Interface {
  const address = (name: string): Handle => library.symbol(name, 'int')
  const has = (name: string): boolean => {
    try {
      address(name)
      return true
    } catch {
      return false
    }
  }
  if (has('ompi_mpi_comm_world')) {
    return {
      handle: 'void *',
      world: address('ompi_mpi_comm_world'),
      float: address('ompi_mpi_float'),
      double: address('ompi_mpi_double'),
      byte: address('ompi_mpi_byte'),
      sum: address('ompi_mpi_op_sum'),
      errorsReturn: address('ompi_mpi_errors_return'),
      inPlace: 1,
    }
  }
  if (has('MPI_Get_library_version') && /mpich|intel|mvapich|cray/i.test(versionOf(library))) {
    return {
      handle: 'int',
      world: 0x44000000,
      float: 0x4c00040a,
      double: 0x4c00080b,
      byte: 0x4c00010d,
      sum: 0x58000003,
      errorsReturn: 0x54000001,
      inPlace: -1,
    }
  }
  throw new MpiError(`${path} is neither Open MPI nor MPICH or a relative of it; set CASA_MPI to the path of one of these`)
}

/** The first line of what the library says about itself. */
function versionOf(library: Koffi.LibraryHandle): string {
  const text = new Uint8Array(TEXT_BYTES)
  const length = new Int32Array(1)
  library.func('int MPI_Get_library_version(void *text, void *length)')(text, length)
  const [first = ''] = Buffer.from(text.subarray(0, length[0])).toString().replaceAll('\0', '').trim().split('\n')
  return first.split(',')[0]!.replaceAll(/\s+/g, ' ')
}

function errorText(library: Koffi.LibraryHandle, code: number): string {
  const text = new Uint8Array(TEXT_BYTES)
  const length = new Int32Array(1)
  library.func('int MPI_Error_string(int code, void *text, void *length)')(code, text, length)
  return `${Buffer.from(text.subarray(0, length[0])).toString()} (${code})`
}
