import { type DocumentNode, GraphQLError, Kind, type OperationDefinitionNode, parse, validate } from 'graphql'
import { type Observer } from '../catalog/observer.js'
import { type DocumentLimits, type Measured, measure, overLimit, shapeProblems } from '../graphql/limits.js'
import { schema } from '../graphql/schema.js'

export interface ReadDocument {
  document: DocumentNode
  /** Empty for a document that fits the schema and the limits. */
  problems: readonly GraphQLError[]
  /** What each of its operations asks for. */
  operations: ReadonlyMap<OperationDefinitionNode, Measured>
}

/** Reads documents, and remembers the usual ones: what was found once, its limits included, costs nothing again. */
export interface Documents {
  /** What it costs to read a text, in reads; 0 for one that is remembered. */
  priceOf: (text: string) => number
  /** Parses, measures and validates. @throws GraphQLError for what is no document, or is too long to be read */
  read: (text: string) => ReadDocument
  /** What was found of a document that was read here; null for others. */
  known: (document: DocumentNode) => ReadDocument | null
  /** What an operation costs with these variables, and what is wrong with that. */
  costOf: (read: ReadDocument, operation: OperationDefinitionNode, variables: Record<string, unknown>) => { cost: number; problem: GraphQLError | null }
}

/** Clients send the same few documents again and again. Longer ones are read each time: a thousand large ones would fill the memory. */
const keptDocuments = 200
const keptLength = 8_000
/** Reading such a document takes about a millisecond in the worst case, and the limit of tokens ends it. */
const charactersOfOnePoint = 200
const highestPrice = 50

export function createDocuments(limits: DocumentLimits, observer: Pick<Observer, 'refused'>): Documents {
  const kept = new Map<string, ReadDocument>()
  const ofDocument = new WeakMap<DocumentNode, ReadDocument>()
  /** What is not kept is often read twice in a row: to see whether it is in order, and by Yoga, which answers it. */
  let last: { text: string; outcome: ReadDocument | Error } | null = null

  function over(...limit: Parameters<typeof overLimit>): GraphQLError {
    observer.refused('document')
    return overLimit(...limit)
  }

  function parseWithin(text: string): DocumentNode {
    if (text.length > limits.characters) throw over('characters', limits.characters, text.length)
    try {
      return parse(text, { maxTokens: limits.tokens })
    } catch (error) {
      // graphql-js stops reading there, and says so in its message alone.
      if (error instanceof GraphQLError && /^Syntax Error: Document contains more tha[nt] \d+ tokens/.test(error.message)) throw over('tokens', limits.tokens, null)
      // Levels that the parser itself cannot climb down, whatever they are made of.
      if (error instanceof RangeError) throw over('depth', limits.depth, null)
      throw error
    }
  }

  function find(document: DocumentNode): ReadDocument {
    const operations = new Map(document.definitions.filter(isOperation).map((operation) => [operation, measure(schema, document, operation)]))
    const shape = shapeProblems(document, operations.values(), limits)
    if (shape.length > 0) observer.refused('document')
    return { document, operations, problems: shape.length > 0 ? shape : validate(schema, document) }
  }

  function readAnew(text: string): ReadDocument | Error {
    try {
      const read = find(parseWithin(text))
      ofDocument.set(read.document, read)
      return read
    } catch (error) {
      return error as Error
    }
  }

  function outcomeOf(text: string): ReadDocument | Error {
    const known = kept.get(text)
    if (known !== undefined) {
      // The one that was not used for longest goes first.
      kept.delete(text)
      kept.set(text, known)
      return known
    }
    const outcome = last?.text === text ? last.outcome : readAnew(text)
    if (outcome instanceof Error || outcome.problems.length > 0 || text.length > keptLength) {
      // Once: whoever answers it adds to the errors.
      last = last?.outcome === outcome ? null : { text, outcome }
      return outcome
    }
    kept.set(text, outcome)
    if (kept.size > keptDocuments) kept.delete(kept.keys().next().value!)
    return outcome
  }

  return {
    priceOf: (text) => {
      if (kept.has(text) || last?.text === text) return 0
      // What is too long is not looked at.
      return text.length > limits.characters ? 1 : Math.min(highestPrice, Math.max(1, Math.ceil(text.length / charactersOfOnePoint)))
    },
    read: (text) => {
      const outcome = outcomeOf(text)
      if (outcome instanceof Error) throw outcome
      return outcome
    },
    known: (document) => ofDocument.get(document) ?? null,
    costOf: ({ document, operations }, operation, variables) => {
      const { cost: most } = operations.get(operation)!
      // Nearly always it is cheap enough with the largest pages that there could be, and then nothing is to be done.
      const cost = most <= limits.cost ? most : measure(schema, document, operation, variables).cost
      return { cost, problem: cost <= limits.cost ? null : over('cost', limits.cost, cost) }
    },
  }
}

const isOperation = (node: { kind: Kind }): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION
