import { createRequire } from 'node:module'
import util from 'node:util'
import { type GraphQLSchema } from 'graphql'

/** An opaque rule of graphql-shield. */
export interface ShieldRule {
  name: string
}

interface Shield {
  allow: ShieldRule
  deny: ShieldRule
  rule: (name: string, options: { cache: 'no_cache' }) => (
    check: (parent: unknown, args: unknown, context: never, info: never) => Promise<true | Error>
  ) => ShieldRule
  shield: (table: unknown, options: { fallbackRule: ShieldRule; allowExternalErrors: boolean; fallbackError: Error }) => {
    generate: (schema: GraphQLSchema) => Record<string, Record<string, unknown>>
  }
}

// graphql-shield's ESM build imports `isUndefined` from node:util, which Node 23 removed. Its CommonJS build looks it up
// when it runs, so it can be given back first.
const legacy = util as { isUndefined?: (value: unknown) => boolean }
legacy.isUndefined ??= (value) => value === undefined

export const { allow, deny, rule, shield } = createRequire(import.meta.url)('graphql-shield') as Shield
