/** The list of fusions. To add one, add a line here, or pass your own list to `loadVlm`. */
import { ConfigError } from '@casa-js/base'
import { Fields, type FusionFamily } from '@casa-js/core'
import { casa } from './casa.ts'
import { insertion } from './insertion.ts'
import { none } from './none.ts'

export const fusionFamilies: readonly FusionFamily[] = [casa, insertion, none]

/**
 * The family of a `fusion_config`, by its `kind`; CASA if `kind` is missing.
 * @throws ConfigError naming `kind` and the families that exist.
 */
export function findFusionFamily(
  json: unknown,
  families: readonly FusionFamily[] = fusionFamilies,
  path = 'config.json: fusion_config',
): FusionFamily {
  const f = new Fields(json, path)
  const kind = f.string('kind', casa.kind)
  const family = families.find((known) => known.kind === kind)
  if (!family)
    throw new ConfigError(f.at('kind'), `expected one of ${families.map((known) => known.kind).join(', ')}, found "${kind}"`)
  return family
}
