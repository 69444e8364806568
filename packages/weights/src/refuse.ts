import { WeightError } from '@casa-js/base'

/** The one way in which a file is refused: the message starts with the file, then the tensor when there is one. */
export function refuse(file: string, rule: string, message: string, tensor?: string): never {
  const where =
    tensor === undefined ? '' : ` tensor ${JSON.stringify(tensor.length > 200 ? `${tensor.slice(0, 200)}..` : tensor)}:`
  throw new WeightError(`${file}:${where} ${message}`, { file, tensor, rule })
}
