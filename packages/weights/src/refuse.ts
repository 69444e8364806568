import { WeightError } from '@casa-js/base'

/** Throws the error for an invalid file: the message starts with the file, then the tensor if there is one. */
export function refuse(file: string, rule: string, message: string, tensor?: string): never {
  const where =
    tensor === undefined ? '' : ` tensor ${JSON.stringify(tensor.length > 200 ? `${tensor.slice(0, 200)}..` : tensor)}:`
  throw new WeightError(`${file}:${where} ${message}`, { file, tensor, rule })
}
