/**
 * Tensors as templates: names with their numbers taken out, so that one template stands for a tensor of every layer.
 *
 *   model.layers.0.mlp.up.weight, model.layers.1.mlp.up.weight   ->   model.layers.*.mlp.up.weight, numbers 0 and 1
 *
 * A template's place is described by what stands beside it, module by module upwards, in shapes alone: two checkpoints of one model
 * describe it alike, however their modules are called.
 */
export interface Tensors {
  keys(): Iterable<string>
  get(name: string): { shape: readonly number[] } | undefined
}

export interface Template {
  /** "model.layers.*.mlp.up.weight" */
  name: string
  /** Path of numbers -> the tensor, in the order of the numbers. Without a number, one tensor under "". */
  members: Map<string, { name: string; shape: readonly number[] }>
  /** Numbers and shapes, as a text that can be compared. */
  signature: string
  /** From the leaf up: what the module around holds. Index 0 is the template itself. */
  places: string[]
}

const numbered = (part: string): boolean => /^\d+$/.test(part)

/** Every tensor under its template, in the order of names. */
export function templatesOf(tensors: Tensors): Template[] {
  const byName = new Map<string, { key: string; name: string; shape: readonly number[] }[]>()
  for (const name of tensors.keys()) {
    const parts = name.split('.')
    const template = parts.map((part) => (numbered(part) ? '*' : part)).join('.')
    const member = { key: parts.filter(numbered).join('.'), name, shape: tensors.get(name)!.shape }
    byName.set(template, [...(byName.get(template) ?? []), member])
  }
  const templates = [...byName].map(([name, members]): Template => {
    const ordered = members.toSorted((a, b) => a.key.localeCompare(b.key, 'en', { numeric: true }))
    return {
      name,
      members: new Map(ordered.map(({ key, ...tensor }) => [key, tensor])),
      signature: ordered.map(({ key, shape }) => `${key}:${shape.join('x')}`).join(' '),
      places: [],
    }
  })
  return templates.map((template) => ({ ...template, places: placesOf(template, templates) }))
}

/** What each module around a template holds: the sorted signatures of all templates below it. */
function placesOf({ name, signature }: Template, all: readonly Template[]): string[] {
  const parts = name.split('.')
  const places = [signature]
  for (let depth = parts.length - 1; depth >= 0; depth--) {
    const prefix = parts.slice(0, depth).join('.') + (depth > 0 ? '.' : '')
    const below = all.filter((other) => other.name.startsWith(prefix)).map((other) => other.signature)
    const place = below.toSorted().join(' | ')
    // A module that holds nothing else says nothing new.
    if (place !== places.at(-1)) places.push(place)
  }
  return places
}

/** The module that a template stands in: "model.layers.*.mlp" for "model.layers.*.mlp.up.weight". */
export function moduleOf(template: string): string {
  return template.split('.').slice(0, -2).join('.')
}
