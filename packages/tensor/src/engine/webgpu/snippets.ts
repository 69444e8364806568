/** WGSL that several kernels share. */

/** Lower than any logit, but finite: WGSL may assume that there are no infinities. */
export const lowest = '-3.4028234e38'

/** sigmoid(x), with exp held within range. */
export const sigmoid = `
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(clamp(-x, -80.0, 80.0))); }`

/** A statement for each number below `count`: loops that are written out, so that what they index are variables in registers. */
export const unrolled = (count: number, statement: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => statement(i)).join('\n    ')
