/** Whether vectors of 256 bits are to be expected: set by the build. */
declare const WIDE: bool
/** Whether the memory is shared with other threads: set by the build. */
declare const THREADS: bool
