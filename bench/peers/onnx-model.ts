/**
 * Enough of the ONNX format (onnx.proto, IR version 8, opset 17) to write the bench's graphs: a protobuf message is a run of
 * (field number, wire type) and value; the field numbers below are those of onnx.proto.
 */

type Attribute = number | number[]

const varint = (value: number): number[] => {
  const bytes = []
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    const last = rest < 0x80n
    bytes.push(Number(rest & 0x7fn) | (last ? 0 : 0x80))
    if (last) return bytes
  }
}
const integer = (field: number, value: number): Uint8Array => Uint8Array.from([...varint(field << 3), ...varint(value)])
const bytes = (field: number, value: Uint8Array): Uint8Array =>
  join([Uint8Array.from([...varint((field << 3) | 2), ...varint(value.length)]), value])
const text = (field: number, value: string): Uint8Array => bytes(field, new TextEncoder().encode(value))
const message = (field: number, parts: Uint8Array[]): Uint8Array => bytes(field, join(parts))

function join(parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

const elementType = { float32: 1, int64: 7 }

export class OnnxGraph {
  private readonly nodes: Uint8Array[] = []
  private readonly initializers: Uint8Array[] = []
  private readonly inputs: Uint8Array[] = []
  private count = 0

  input(name: string, shape: number[]): string {
    this.inputs.push(valueInfo(11, name, shape))
    return name
  }

  constant(data: Float32Array | BigInt64Array, shape: number[]): string {
    const name = `constant${this.count++}`
    const type = data instanceof Float32Array ? elementType.float32 : elementType.int64
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    this.initializers.push(
      message(5, [...shape.map((extent) => integer(1, extent)), integer(2, type), text(8, name), bytes(9, raw)]),
    )
    return name
  }

  integers(...list: number[]): string {
    return this.constant(BigInt64Array.from(list.map(BigInt)), [list.length])
  }

  scalar(value: number): string {
    return this.constant(Float32Array.of(value), [])
  }

  node(operator: string, inputs: string[], attributes: Record<string, Attribute> = {}, outputs = 1): string[] {
    const names = Array.from({ length: outputs }, () => `value${this.count++}`)
    const encoded = Object.entries(attributes).map(([name, value]) => {
      const list = Array.isArray(value)
      const values = list ? value.map((x) => integer(8, x)) : [integer(3, value)]
      return message(5, [text(1, name), ...values, integer(20, list ? 7 : 2)])
    })
    this.nodes.push(
      message(1, [...inputs.map((i) => text(1, i)), ...names.map((o) => text(2, o)), text(4, operator), ...encoded]),
    )
    return names
  }

  /** The finished file, with one output of any shape. */
  finish(output: string, shape: number[]): Uint8Array {
    const graph = message(7, [
      ...this.nodes,
      text(2, 'bench'),
      ...this.initializers,
      ...this.inputs,
      valueInfo(12, output, shape),
    ])
    return join([integer(1, 8), message(8, [text(1, ''), integer(2, 17)]), graph])
  }
}

function valueInfo(field: number, name: string, shape: number[]): Uint8Array {
  const extents = message(
    2,
    shape.map((extent) => message(1, [integer(1, extent)])),
  )
  return message(field, [text(1, name), message(2, [message(1, [integer(1, elementType.float32), extents])])])
}
