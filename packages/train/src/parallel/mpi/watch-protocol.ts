/**
 * What the threads that watch over the ranks of a run say to one another and to their ranks (watch-thread.node.ts).
 *
 * Between ranks: JSON lines over TCP, each rank with rank 0. An empty line is a sign of life.
 */
import type { ErrorData } from '@casa-js/base'

/** Where a rank runs. */
export interface Place {
  host: string
  pid: number
}

/** Where the thread of rank 0 listens. */
export interface Address {
  hosts: string[]
  port: number
  /** Whoever connects must know it. */
  token: string
}

/** Given to the thread as it starts. */
export interface WatchStart {
  rank: number
  ranks: number
}

/** Rank -> its thread. */
export type Order =
  /** To every rank but the first: whom to connect to. To the first: who the others are. */
  | { kind: 'meet'; address: Address; places: Place[] }
  /** Ranks that could not connect: they are not watched. */
  | { kind: 'unwatched'; ranks: number[] }
  | { kind: 'checkpoint'; folder: string }
  | { kind: 'warning'; message: string }
  | { kind: 'failed'; error: ErrorData }
  /** The work is done: the connection may close. */
  | { kind: 'finish' }

/** Thread -> its rank. */
export type Report =
  | { kind: 'listening'; address: Address }
  | { kind: 'met'; isWatched: boolean }
  | { kind: 'warning'; message: string }
  | { kind: 'failed'; rank: number; error: ErrorData }
  | { kind: 'lost'; message: string }

/** Rank -> rank, a line each. */
export type Line =
  | { kind: 'hello'; rank: number; token: string }
  | { kind: 'welcome' }
  | { kind: 'checkpoint'; folder: string }
  | { kind: 'warning'; message: string }
  | { kind: 'failed'; rank: number; error: ErrorData }
  | { kind: 'lost'; message: string }
  | { kind: 'done' }
