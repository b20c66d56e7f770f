import { type GraphQLError, type OperationDefinitionNode, OperationTypeNode } from 'graphql'
import { type Principal } from '../core/access.js'
import { type Observer } from '../catalog/observer.js'
import { machineMutations } from '../graphql/permissions.js'
import { type DocumentLimits, documentLimits, type Measured } from '../graphql/limits.js'
import { createDocuments, type Documents, type ReadDocument } from './documents.js'
import { type Budget, createRates, type Rates, type RateSettings } from './rates.js'
import { variablesProblem } from './variables.js'
import { charactersIn, type Sent, weightOf } from './weights.js'

/** What every operation has to pass before it is executed, on every way in. */
export interface Admission {
  documents: Documents
  rates: Rates
}

export function createAdmission(rates: RateSettings, limits: Partial<DocumentLimits> | undefined, observer: Pick<Observer, 'refused'>): Admission {
  return { documents: createDocuments({ ...documentLimits, ...limits }, observer), rates: createRates(rates, observer) }
}

/** So many fields of an answer are paid for like one operation. */
const fieldsOfOnePoint = 10_000

/** So many bytes are read without a charge of their own. */
const freeBytes = 65_536

export interface Charge {
  budget: Budget
  points: number
}

/** Which budget pays for an operation, and how much: as much as if each of its fields came alone, or as its size asks for. */
export function chargeOf({ kind }: Principal, { operation }: OperationDefinitionNode, { names }: Measured, cost: number, sent: Sent): Charge {
  if (operation === OperationTypeNode.SUBSCRIPTION) return { budget: 'subscriptions', points: 1 }
  const points = Math.max(1, weightOf(names, sent), Math.ceil(cost / fieldsOfOnePoint))
  if (operation === OperationTypeNode.QUERY) return { budget: 'reads', points }
  return { budget: kind === 'WORKER' && [...names.keys()].every((name) => machineMutations.has(name)) ? 'reports' : 'writes', points }
}

/** A document, and the reads that were paid to find out what it is. */
export interface Paid {
  read: ReadDocument
  points: number
}

/**
 * Reads a document, which whoever sent it pays for before, unless it is remembered.
 * @throws CatalogError RATE_LIMITED; GraphQLError for what is no document
 */
export async function readPaid({ documents, rates }: Admission, principal: Principal, text: string): Promise<Paid> {
  const points = documents.priceOf(text)
  if (points > 0) await rates.charge(principal.id, 'reads', points)
  return { read: documents.read(text), points }
}

/**
 * Lets a valid operation in, or not. What was paid for reading a query is part of its price.
 * @returns what is wrong with it, for its own answer; null when it may run
 * @throws CatalogError RATE_LIMITED
 */
export async function admit(
  { documents, rates }: Admission, principal: Principal, paid: Paid, operation: OperationDefinitionNode, variables: Record<string, unknown>,
): Promise<GraphQLError | null> {
  const { read } = paid
  const { cost, problem } = documents.costOf(read, operation, variables)
  const characters = () => (read.document.loc?.source.body.length ?? 0) + charactersIn(variables)
  const { budget, points } = chargeOf(principal, operation, read.operations.get(operation)!, problem === null ? cost : 0, { characters })
  const rest = budget === 'reads' ? points - paid.points : points
  if (rest > 0) await rates.charge(principal.id, budget, rest)
  return problem ?? variablesProblem(variables)
}

/** For so many bytes that are about to be parsed: a usual request has few, and a report of many sessions is a worker's own. @throws CatalogError RATE_LIMITED */
export async function chargeBytes({ rates }: Admission, { id, kind }: Principal, bytes: number): Promise<void> {
  const points = Math.floor(bytes / freeBytes)
  if (points > 0) await rates.charge(id, kind === 'WORKER' ? 'reports' : 'reads', points)
}

/** For finding out what a request is that is not in the usual form. @throws CatalogError RATE_LIMITED */
export function chargeUnusual({ rates }: Admission, { id }: Principal): Promise<void> {
  return rates.charge(id, 'reads', 1)
}
