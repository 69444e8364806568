/** Whether vectors of 256 bits are to be expected: set by the build. */
declare const WIDE: bool
