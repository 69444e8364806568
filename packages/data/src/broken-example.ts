import { CasaError } from '@casa-js/base'

/** One example of a dataset cannot be used, e.g. because its picture is corrupt; the others can. The message gives its location. */
export class BrokenExampleError extends CasaError {
  static override readonly code: string = 'broken-example'
  override name = 'BrokenExampleError'
}
