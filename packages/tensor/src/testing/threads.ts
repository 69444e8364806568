/** Setup of the test project 'threads': wasm on three threads, which share even the smallest work. */
import { sharing } from '../engine/wasm/kernel.ts'

process.env.CASA_THREADS = '3'
sharing.workPerThread = 1
