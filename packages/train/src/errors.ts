/** Errors of a training run. */
import { CasaError } from '@casa-js/base'

/** The loss or the gradient stopped being a finite number. The weights are unchanged by the failed step. */
export class DivergedError extends CasaError {
  static override readonly code: string = 'diverged'
  override name = 'DivergedError'
  readonly step: number
  /** Ids of the examples of the batch in which it was seen. */
  readonly examples: string[]
  constructor(what: string, step: number, examples: string[]) {
    const shown = examples.slice(0, 8).join(', ') + (examples.length > 8 ? `, and ${examples.length - 8} more` : '')
    super(
      `step ${step}: ${what}. Examples of the batch: ${shown || 'none'}. The step was not applied and the last checkpoint is intact: ` +
        'look at these examples, lower the learning rate or lengthen the warm-up, then continue with --resume',
    )
    this.step = step
    this.examples = examples
  }
}

/** A checkpoint cannot be written, read, or continued. */
export class CheckpointError extends CasaError {
  static override readonly code: string = 'checkpoint'
  override name = 'CheckpointError'
}

/** Another rank of a data-parallel run failed; that rank's error is the one to read. */
export class AbortedError extends CasaError {
  static override readonly code: string = 'rank-aborted'
  override name = 'AbortedError'
}

/** MPI cannot be used: nothing is installed, launcher and library do not belong together, or a call failed. */
export class MpiError extends CasaError {
  static override readonly code: string = 'mpi'
  override name = 'MpiError'
}

/** A process of a run over MPI ended before its work was done. The message names it and the last checkpoint, and is on stderr already. */
export class RankLostError extends CasaError {
  static override readonly code: string = 'rank-lost'
  override name = 'RankLostError'
}
