import {
  type DocumentNode, type FieldNode, type FragmentDefinitionNode, getNamedType, getNullableType, GraphQLError,
  type GraphQLField, type GraphQLNamedType, type GraphQLSchema, isInterfaceType, isListType, isObjectType, Kind, type OperationDefinitionNode,
  SchemaMetaFieldDef, type SelectionNode, type SelectionSetNode, TypeMetaFieldDef, visit,
} from 'graphql'
import { CatalogError } from '../core/errors.js'
import { defaultPageSize, maxPageSize } from './connection.js'
import { introspectionLengths } from './introspection-lengths.js'
import { repeatsOf } from './repeats.js'

/** The most that a document may ask for. Counts of fields and levels are those after its fragments were put in. */
export interface DocumentLimits {
  /** Characters of its text, comments and all. */
  characters: number
  /** Tokens of the language: names, values, punctuation. */
  tokens: number
  /** Fields inside one another. */
  depth: number
  /** Aliases of one operation: what lets one field be asked for many times. */
  aliases: number
  directives: number
  /** Fields of all its operations and fragments. */
  fields: number
  /** Fields of one response name in one place of the answer. */
  repeats: number
  /** `__schema` in one operation: each asks for everything. */
  introspections: number
  /** Fields that one operation may have to answer: see `Measured.cost`. */
  cost: number
}

/** Several times what the generated client, GraphiQL and its introspection ask for. */
export const documentLimits: DocumentLimits = {
  characters: 262_144, tokens: 2_000, depth: 20, aliases: 50, directives: 50, fields: 10_000, repeats: 50, introspections: 2, cost: 1_000_000,
}

/** What a list without a page size is taken to hold; those of introspection have lengths of their own. */
const listSize = 10

/** What one operation asks for. */
export interface Measured {
  /** Fields of the root. */
  fields: number
  /** Their names, and how often each stands there. */
  names: ReadonlyMap<string, number>
  depth: number
  aliases: number
  /**
   * The fields of one answer, if connections are as full as their `first` lets them be (a variable counts as the most it could be, unless its value is
   * known) and other lists have ten members.
   */
  cost: number
}

/** @param variables as they were sent; without, each `first` that is one counts as the largest page */
export function measure(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Record<string, unknown> | null = null): Measured {
  const fragments = new Map(document.definitions.filter(isFragment).map((fragment) => [fragment.name.value, fragment]))
  const known = new Map<string, Measured>()
  const values = variables === null ? null : { ...defaultsOf(operation), ...variables }

  /** Each fragment is measured once: spreads of spreads would multiply the work. One in a circle counts nothing, and validation refuses it. */
  function fragment(name: string): Measured {
    const before = known.get(name)
    if (before !== undefined) return before
    known.set(name, nothing)
    const found = fragments.get(name)
    const measured = found === undefined ? nothing : selections(found.selectionSet, schema.getType(found.typeCondition.name.value))
    known.set(name, measured)
    return measured
  }

  function selection(node: SelectionNode, type: GraphQLNamedType | undefined): Measured {
    switch (node.kind) {
      case Kind.FIELD: return field(node, type)
      case Kind.FRAGMENT_SPREAD: return fragment(node.name.value)
      case Kind.INLINE_FRAGMENT: return selections(node.selectionSet, node.typeCondition === undefined ? type : schema.getType(node.typeCondition.name.value))
    }
  }

  function field(node: FieldNode, type: GraphQLNamedType | undefined): Measured {
    // What the schema does not have is refused by validation; here it is one field.
    const defined = introspection.get(node.name.value) ?? (isObjectType(type) || isInterfaceType(type) ? type.getFields()[node.name.value] : undefined)
    const below = node.selectionSet === undefined ? nothing : selections(node.selectionSet, defined && getNamedType(defined.type))
    const members = defined?.args.some(({ name }) => name === 'first') ? pageSizeOf(node, values)
      // The page size was counted where it was asked for, one level above.
      : isListType(defined && getNullableType(defined.type)) && !type!.name.endsWith('Connection') ? lengthOf(type!, node) : 1
    return {
      fields: 1, names: new Map([[node.name.value, 1]]), depth: 1 + below.depth, aliases: below.aliases + (node.alias === undefined ? 0 : 1), cost: 1 + members * below.cost,
    }
  }

  function selections({ selections: nodes }: SelectionSetNode, type: GraphQLNamedType | undefined): Measured {
    const each = nodes.map((node) => selection(node, type))
    const sum = (of: (one: Measured) => number) => each.reduce((total, one) => total + of(one), 0)
    return {
      fields: sum(({ fields }) => fields), names: added(each), depth: each.reduce((most, { depth }) => Math.max(most, depth), 0),
      aliases: sum(({ aliases }) => aliases), cost: sum(({ cost }) => cost),
    }
  }

  function lengthOf({ name }: GraphQLNamedType, node: FieldNode): number {
    return introspectionLengths(schema).get(`${name}.${node.name.value}`) ?? listSize
  }

  return selections(operation.selectionSet, schema.getRootType(operation.operation) ?? undefined)
}

const introspection = new Map<string, GraphQLField<unknown, unknown>>([['__schema', SchemaMetaFieldDef], ['__type', TypeMetaFieldDef]])

const nothing: Measured = { fields: 0, names: new Map(), depth: 0, aliases: 0, cost: 0 }

function added(each: readonly Measured[]): Map<string, number> {
  const names = new Map<string, number>()
  for (const one of each) for (const [name, count] of one.names) names.set(name, (names.get(name) ?? 0) + count)
  return names
}

const isFragment = (node: { kind: Kind }): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION

function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): Record<string, unknown> {
  return Object.fromEntries(variableDefinitions.flatMap(({ variable, defaultValue }) => (
    defaultValue?.kind === Kind.INT ? [[variable.name.value, Number(defaultValue.value)]] : [])))
}

function pageSizeOf(node: FieldNode, variables: Record<string, unknown> | null): number {
  const value = node.arguments?.find(({ name }) => name.value === 'first')?.value
  const size = value === undefined || value.kind === Kind.NULL ? defaultPageSize
    : value.kind === Kind.INT ? Number(value.value)
      : value.kind === Kind.VARIABLE && variables !== null ? variables[value.name.value] ?? defaultPageSize : maxPageSize
  return typeof size === 'number' && size >= 1 && size <= maxPageSize ? size : maxPageSize
}

const mends: Record<keyof DocumentLimits, string> = {
  characters: 'Send long values as variables, and the rest in several operations.', tokens: 'Send values as variables, and the rest in several operations.',
  depth: 'Ask for what lies deeper by its id, in an operation of its own.', aliases: 'Ask in several operations, or once with variables.',
  directives: 'Leave out what is never wanted.',
  fields: 'Ask in several operations.', repeats: 'Ask for each field once.', introspections: 'Ask for the schema once.',
  cost: 'Ask for smaller pages (`first`), or for fewer fields of them.',
}
const nouns: Record<keyof DocumentLimits, string> = {
  characters: 'characters', tokens: 'tokens', depth: 'levels', aliases: 'aliases', directives: 'directives',
  fields: 'fields with its fragments put in', repeats: 'fields of one name in one place', introspections: '__schema fields', cost: 'fields to answer',
}

/** As one more problem of the document. */
export function overLimit(limit: keyof DocumentLimits, most: number, found: number | null): GraphQLError {
  const counted = found === null ? '' : `; this one has ${found}`
  const message = `A document has at most ${most} ${nouns[limit]}${counted}.`
  const details = { field: 'query', mend: mends[limit], limit, most, ...(found !== null && { found }) }
  return new GraphQLError(message, { originalError: new CatalogError('LIMIT_EXCEEDED', message, details) })
}

/** What is over a limit whatever the variables are, cost aside. Linear in the document, so it comes before validation, which is not. */
export function shapeProblems(document: DocumentNode, operations: Iterable<Measured>, limits: DocumentLimits): GraphQLError[] {
  let directives = 0
  visit(document, { Directive: () => { directives++ } })
  const found = { directives, depth: 0, aliases: 0, introspections: 0, ...repeatsOf(document, limits) }
  for (const { depth, aliases, names } of operations) {
    found.depth = Math.max(found.depth, depth)
    found.aliases = Math.max(found.aliases, aliases)
    found.introspections = Math.max(found.introspections, names.get('__schema') ?? 0)
  }
  return (['depth', 'aliases', 'directives', 'fields', 'repeats', 'introspections'] as const)
    .filter((limit) => found[limit] > limits[limit]).map((limit) => overLimit(limit, limits[limit], found[limit]))
}
