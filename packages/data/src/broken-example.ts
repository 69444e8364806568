import { CasaError } from '@casa-js/base'

/** One example of a dataset cannot be used, e.g. its picture is torn; the others can. The message says where it stands. */
export class BrokenExampleError extends CasaError {
  override name = 'BrokenExampleError'
}
