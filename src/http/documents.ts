import { type DocumentNode, type GraphQLError, parse, validate } from 'graphql'
import { schema } from '../graphql/schema.js'

export interface ReadDocument {
  document: DocumentNode
  /** Empty for a document that fits the schema. */
  problems: readonly GraphQLError[]
}

/** Clients send the same few documents again and again. Longer ones are read each time: a thousand large ones would fill the memory. */
const keptDocuments = 200
const keptLength = 8_000

const kept = new Map<string, ReadDocument>()
const problemsOf = new WeakMap<DocumentNode, readonly GraphQLError[]>()

/** What validation said of a document that was read here; null for others. */
export function knownProblems(document: DocumentNode): readonly GraphQLError[] | null {
  return problemsOf.get(document) ?? null
}

/** Parses and validates, both only once for documents that come often. @throws GraphQLError for what is no document */
export function readDocument(text: string): ReadDocument {
  const known = kept.get(text)
  if (known !== undefined) return known
  const document = parse(text)
  const read = { document, problems: validate(schema, document) }
  problemsOf.set(document, read.problems)
  if (text.length > keptLength || read.problems.length > 0) return read
  kept.set(text, read)
  if (kept.size > keptDocuments) kept.delete(kept.keys().next().value!)
  return read
}
