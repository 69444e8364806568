/** Setup of the test project 'threads': wasm on three threads, with even the smallest work split over them. */
import { sharing } from '../engine/wasm/kernel.ts'

process.env.CASA_THREADS = '3'
sharing.workPerThread = 1
