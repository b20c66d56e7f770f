import { policyJsonSchema } from '../../../../src/core/policy-json-schema.js'
import { type Path } from '../../data/json-places.js'

interface Node {
  description?: string
  default?: unknown
  type?: string
  enum?: string[]
  minimum?: number
  maximum?: number
  properties?: Record<string, Node>
}

/** One part of a policy, for people. */
export interface GuidePart {
  name: string
  description: string
  lines: Array<{ name: string; description: string; values: string; byDefault: string | null }>
}

const schema = policyJsonSchema() as Node

/** Names that an object of the document may have; [] where it is none. */
export function namesKnownAt(path: Path): string[] {
  const node = path.reduce<Node | undefined>((at, part) => at?.properties?.[String(part)], schema)
  return Object.keys(node?.properties ?? {})
}

/** Every part of a policy, in the order of the schema. */
export function guideParts(): GuidePart[] {
  return Object.entries(schema.properties ?? {}).map(([name, node]) => ({
    name, description: node.description ?? '',
    lines: Object.entries(node.properties ?? { [name]: { ...node, description: '' } }).map(([key, line]) => ({
      name: key, description: line.description ?? '', values: valuesOf(line), byDefault: line.default === undefined ? null : JSON.stringify(line.default),
    })),
  }))
}

function valuesOf({ type, enum: choices, minimum, maximum }: Node): string {
  if (choices !== undefined) return choices.map((choice) => JSON.stringify(choice)).join(', ')
  if (type === 'integer') return `${minimum} to ${maximum}`
  return type === 'boolean' ? 'true, false' : type === 'array' ? 'a list' : ''
}
