/** Errors of the connection between a page and its worker. */
import { CasaError } from '@casa-js/base'

/** The worker ended, or could not start. Everything in it is lost: `restart()` loads the model again. */
export class WorkerCrashedError extends CasaError {
  static override readonly code: string = 'worker-crashed'
  override name = 'WorkerCrashedError'
}
