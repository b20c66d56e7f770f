import { z } from 'zod'
import { defaultPolicy, policyDocumentSchema, writtenPolicy } from './policy-document.js'

interface Node {
  properties?: Record<string, Node>
  default?: unknown
}

/** What a policy may say, for editors and other languages: JSON Schema, with the default of each part. What a text may hold is checked when it is set. */
export function policyJsonSchema(): object {
  const schema = z.toJSONSchema(policyDocumentSchema) as Node
  addDefaults(schema, writtenPolicy(defaultPolicy))
  return { title: 'Pilothouse policy', ...schema }
}

function addDefaults(node: Node, values: object): void {
  for (const [key, value] of Object.entries(values) as Array<[string, unknown]>) {
    const child = node.properties?.[key]
    if (child === undefined) continue
    if (child.properties !== undefined) addDefaults(child, value as object)
    else child.default = value
  }
}
