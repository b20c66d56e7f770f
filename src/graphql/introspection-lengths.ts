import { type GraphQLSchema, isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql'

const known = new WeakMap<GraphQLSchema, ReadonlyMap<string, number>>()

/**
 * How long the lists of introspection are, by `Type.field`. The one of all types is as long as it is. The others differ from type to type; here stands what whoever
 * goes from one to the next meets on average, where long ones weigh more because more ways lead through them.
 */
export function introspectionLengths(schema: GraphQLSchema): ReadonlyMap<string, number> {
  const before = known.get(schema)
  if (before !== undefined) return before
  const types = Object.values(schema.getTypeMap())
  const composite = types.filter((type) => isObjectType(type) || isInterfaceType(type))
  const fields = composite.map((type) => Object.values(type.getFields()))
  const lengths = new Map([
    ['__Schema.types', types.length],
    ['__Schema.directives', schema.getDirectives().length],
    ['__Type.fields', met(fields.map(({ length }) => length))],
    ['__Type.interfaces', met(composite.map((type) => type.getInterfaces().length))],
    ['__Type.possibleTypes', met(types.filter(isInterfaceType).map((type) => schema.getPossibleTypes(type).length))],
    ['__Type.inputFields', met(types.filter(isInputObjectType).map((type) => Object.keys(type.getFields()).length))],
    ['__Type.enumValues', met(types.filter(isEnumType).map((type) => type.getValues().length))],
    ['__Field.args', met(fields.flat().map(({ args }) => args.length))],
    ['__Directive.args', met(schema.getDirectives().map(({ args }) => args.length))],
  ])
  known.set(schema, lengths)
  return lengths
}

function met(lengths: readonly number[]): number {
  const sum = (of: (length: number) => number) => lengths.reduce((total, length) => total + of(length), 0)
  return Math.max(1, Math.ceil(sum((length) => length * length) / Math.max(1, sum((length) => length))))
}
