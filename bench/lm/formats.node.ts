/**
 * The model in each format that is measured: folders beside one another, made from its GGUF file.
 *
 *   formats.node.ts model.gguf FOLDER       makes FOLDER/bf16, FOLDER/int8, FOLDER/int4; what is there already stays
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { convertModelFolder, folderAt } from '@casa-js/weights'
import { writeFolderWhole } from '@casa-js/weights/node'

const [file, folder] = process.argv.slice(2) as [string, string]
for (const [name, dtype] of [
  ['bf16', 'BF16'],
  ['int8', 'Q8'],
  ['int4', 'Q4'],
] as const) {
  const to = join(folder, name)
  if (existsSync(join(to, 'config.json'))) continue
  await writeFolderWhole(to, { kind: 'model' }, async (target) => convertModelFolder(await folderAt(file), target, { dtype }))
}
console.log(JSON.stringify(folder))
