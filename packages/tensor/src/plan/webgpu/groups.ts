/**
 * Which nodes of a step run together on a GPU. A dispatch costs more than the arithmetic of most nodes, so what can be done while a product
 * reads its weights is done there:
 *
 *   products of the same row   up to three in one dispatch: q, k, v; gate, up
 *   RMS norm before them       computed again by every workgroup, from the row that it reads anyway
 *   SwiGLU after gate and up   each workgroup has both
 *   the residual addition      where a product writes its result
 *   rotation and cache         q, k and v are rotated and written by one dispatch, of several tokens too
 *
 * The other nodes run by the operators' own kernels.
 */
import { sizeOf } from '../../engine/tensor.ts'
import { NoPlan, type Operand, type PlanNode, type StepNodes, type Value } from '../nodes.ts'
import { productOf, type Product } from './product-node.ts'
import { isConsecutive } from './tables.ts'

export interface ProductGroup {
  kind: 'product'
  x: Operand
  norm: PlanNode | undefined
  products: Product[]
  swiglu: boolean
  residual: Operand | undefined
  outputs: Value[]
}

/** Rows that are rotated or copied: into the value `to`, or into rows of the tensor that `write` names. */
export interface Job {
  from: Operand
  rope: PlanNode | undefined
  to: Value | undefined
  write: PlanNode | undefined
}

export interface PlaceGroup {
  kind: 'place'
  jobs: Job[]
  outputs: Value[]
}

export interface SingleGroup {
  kind: 'attention' | 'kernel'
  node: PlanNode
  outputs: Value[]
}

export type Group = ProductGroup | PlaceGroup | SingleGroup

/** Most products, and most rows placed, in one dispatch. */
const mostTogether = 3

/** @param bindings storage buffers that a program may have */
export function groupNodes({ nodes, result }: StepNodes, bindings: number, fits: (value: Value) => boolean): Group[] | NoPlan {
  const readers = new Map<Value, PlanNode[]>()
  for (const node of nodes)
    for (const { value } of Object.values(node.inputs)) readers.set(value, [...(readers.get(value) ?? []), node])
  const maker = new Map<Value, PlanNode>()
  for (const node of nodes) for (const { value } of node.outputs) maker.set(value, node)
  const readersOf = (value: Value) => readers.get(value) ?? []
  const onlyFor = (value: Value, ...wanted: PlanNode[]) =>
    value !== result && readersOf(value).every((reader) => wanted.includes(reader))

  /** Tensors that the step writes into: what reads them must stay where it is. */
  const written = new Set(nodes.flatMap(({ kernel, inputs }) => (kernel === 'WriteRows' ? [inputs.target!.value] : [])))
  const groups: Group[] = []
  /** The group that makes a value; externals have none. */
  const place = new Map<Value, number>()
  const products = new Map(
    nodes.flatMap((node) => {
      const product = productOf(node, fits)
      return product ? [[node, product] as const] : []
    }),
  )
  const emit = (group: Group) => {
    groups.push(group)
    for (const value of group.outputs) place.set(value, groups.length - 1)
  }
  /** Whether a value is there before this group runs. */
  const before = (value: Value, index: number) =>
    value.external ? !written.has(value) : value.given !== undefined || (place.get(value) ?? Infinity) < index

  /** A norm whose every reader is a product that can compute it. */
  const isFolded = (node: PlanNode): boolean => {
    const [normed, inverse] = node.outputs
    if (node.kernel !== 'RmsNorm' || node.inputs.y || node.attributes.rows !== 1 || (node.attributes.width as number) % 4 !== 0)
      return false
    const list = readersOf(normed!.value)
    if (written.has(node.inputs.x!.value)) return false
    return normed!.value !== result && onlyFor(inverse!.value) && list.length > 0 && list.every((reader) => products.has(reader))
  }

  function addProduct(node: PlanNode, product: Product) {
    const made = maker.get(product.x.value)
    const norm = made && isFolded(made) ? made : undefined
    const x = norm ? norm.inputs.x! : product.x
    const output = node.outputs[0]!.value
    const bound = (list: Product[]) => 2 + Number(norm !== undefined) + list.reduce((sum, { buffers }) => sum + buffers.length, 0)
    const index = groups.findLastIndex(
      (group) =>
        group.kind === 'product' &&
        group.norm === norm &&
        group.x.value === x.value &&
        group.products[0]!.format === product.format &&
        group.products[0]!.group === product.group &&
        group.products.length < mostTogether &&
        !written.has(x.value) &&
        !group.swiglu &&
        !group.residual &&
        bound([...group.products, product]) <= bindings,
    )
    const group = groups[index] as ProductGroup | undefined
    if (group) {
      group.products.push(product)
      group.outputs.push(output)
      place.set(output, index)
    } else emit({ kind: 'product', x, norm, products: [product], swiglu: false, residual: undefined, outputs: [output] })
  }

  /** Gate and up in one group, which nothing else reads: the group writes the result instead. */
  function foldSwiglu(node: PlanNode): boolean {
    const [gate, up] = [node.inputs.gate!.value, node.inputs.up!.value]
    const group = groups[place.get(gate) ?? -1]
    if (group?.kind !== 'product' || group.outputs.length !== 2 || group.outputs[0] !== gate || group.outputs[1] !== up)
      return false
    if (!onlyFor(gate, node) || !onlyFor(up, node) || group.residual) return false
    group.swiglu = true
    const [output] = node.outputs
    place.set(output!.value, place.get(gate)!)
    group.outputs = [output!.value]
    return true
  }

  /** One of the two is a product of its own, which nothing else reads: it adds the other as it writes. */
  function foldAddition(node: PlanNode): boolean {
    for (const [name, other] of [
      ['b', 'a'],
      ['a', 'b'],
    ] as const) {
      const [term, residual] = [node.inputs[name]!.value, node.inputs[other]!]
      const index = place.get(term) ?? -1
      const group = groups[index]
      if (group?.kind !== 'product' || group.products.length !== 1 || group.swiglu || group.residual) continue
      if (!onlyFor(term, node) || !before(residual.value, index) || sizeOf(residual.shape) % 4 !== 0) continue
      if (3 + Number(group.norm !== undefined) + group.products[0]!.buffers.length > bindings) continue
      group.residual = residual
      const [output] = node.outputs
      place.set(output!.value, index)
      group.outputs = [output!.value]
      return true
    }
    return false
  }

  function addJob(job: Job) {
    const last = groups.at(-1)
    const outputs = job.to ? [job.to] : []
    if (last?.kind === 'place' && last.jobs.length < mostTogether && before(job.from.value, groups.length - 1)) {
      last.jobs.push(job)
      last.outputs.push(...outputs)
      for (const value of outputs) place.set(value, groups.length - 1)
    } else emit({ kind: 'place', jobs: [job], outputs })
  }

  for (const node of nodes) {
    const { kernel, inputs, outputs } = node
    const product = products.get(node)
    if (kernel === 'RopeTable' && !isConsecutive(node)) {
      if (moves(node)) return new NoPlan('RopeTable: positions that move, and are not one after the other')
      emit({ kind: 'kernel', node, outputs: outputs.map(({ value }) => value) })
    } else if (kernel === 'RopeTable') {
      const isAngle = ({ value }: Operand) =>
        value !== result && readersOf(value).every((reader) => reader.kernel === 'Rope' && reader.inputs.x!.value !== value)
      if (!outputs.every(isAngle)) return new NoPlan('RopeTable: its angles are read by something other than rope')
    } else if (kernel === 'Rope' && place.has(inputs.cos!.value)) {
      emit({ kind: 'kernel', node, outputs: outputs.map(({ value }) => value) })
    } else if (kernel === 'Rope') {
      if (!canRotate(node, maker)) return new NoPlan(`Rope: heads of ${node.attributes.headSize} values`)
      const y = outputs[0]!.value
      const [reader, ...others] = readersOf(y)
      // A rotated row that is only written into a cache is rotated on the way there.
      if (reader?.kernel === 'WriteRows' && others.length === 0 && y !== result) continue
      addJob({ from: inputs.x!, rope: node, to: y, write: undefined })
    } else if (kernel === 'WriteRows') {
      if (!canWrite(node, fits))
        return new NoPlan(`WriteRows: rows of ${node.attributes.width} values into [${inputs.target!.shape}]`)
      const made = maker.get(inputs.rows!.value)
      const rope = made?.kernel === 'Rope' && !place.has(inputs.rows!.value) ? made : undefined
      addJob({ from: rope ? rope.inputs.x! : inputs.rows!, rope, to: undefined, write: node })
    } else if (kernel === 'Attention' && moves(node)) {
      const attended = [outputs[0]!.value]
      const { cuQ } = node.attributes as { cuQ: Int32Array }
      const [begin] = node.moving!
      const isOneSegment = cuQ.length === 2 && cuQ[0] === 0 && begin!.track === undefined && begin!.first === 0
      if (!isOneSegment || !inputs.k!.value.external || !fits(inputs.k!.value) || !onlyFor(outputs[1]!.value))
        return new NoPlan('Attention: a growing number of keys, but not of one segment in a cache')
      emit({ kind: 'attention', node, outputs: attended })
    } else if (product) addProduct(node, product)
    else if (isFolded(node) || (kernel === 'Swiglu' && foldSwiglu(node)) || (kernel === 'Add' && foldAddition(node))) continue
    else if (moves(node)) return new NoPlan(`${kernel}: its numbers change from step to step`)
    else emit({ kind: 'kernel', node, outputs: outputs.map(({ value }) => value) })
  }
  return groups
}

const moves = ({ moving = [] }: PlanNode): boolean => moving.some(({ track }) => track !== undefined)

/** In vectors of four. */
function canRotate({ inputs, attributes }: PlanNode, maker: Map<Value, PlanNode>): boolean {
  const { headSize } = attributes as { headSize: number }
  return headSize % 8 === 0 && maker.get(inputs.cos!.value)?.kernel === 'RopeTable'
}

function canWrite({ inputs, attributes }: PlanNode, fits: (value: Value) => boolean): boolean {
  const { target, rows } = inputs
  const { width } = attributes as { width: number }
  return width % 4 === 0 && target!.value.external !== undefined && rows!.value.dtype === 'float32' && fits(target!.value)
}
