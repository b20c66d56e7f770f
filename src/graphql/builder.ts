import SchemaBuilder from '@pothos/core'
import { type GraphQLContext } from './context.js'

export interface SchemaTypes {
  Context: GraphQLContext
  DefaultFieldNullability: false
  DefaultInputFieldRequiredness: false
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: string; Output: string }
    Cursor: { Input: string; Output: string }
    JSON: { Input: unknown; Output: unknown }
  }
}

export const builder = new SchemaBuilder<SchemaTypes>({ defaultFieldNullability: false })

/** The builder's own completed form of `SchemaTypes`, for helpers that take refs or field builders. */
export type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer Types> ? Types : never

builder.queryType({})
builder.mutationType({})
builder.subscriptionType({})

builder.scalarType('DateTime', { description: 'ISO 8601 in UTC with milliseconds.', serialize: (value) => value })
builder.scalarType('Cursor', {
  description: 'A position in the change log. Opaque, but cursors of one database compare as text.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value !== 'string') throw new TypeError('A cursor is a string.')
    return value
  },
})
builder.scalarType('JSON', { description: 'Any JSON value.', serialize: (value) => value })
