import { type GraphQLError, type OperationDefinitionNode, OperationTypeNode } from 'graphql'
import { type Principal } from '../core/access.js'
import { type Observer } from '../catalog/observer.js'
import { type DocumentLimits, documentLimits, type Measured } from '../graphql/limits.js'
import { createDocuments, type Documents, type ReadDocument } from './documents.js'
import { type Budget, createRates, type Rates, type RateSettings } from './rates.js'

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

/** Which budget pays for an operation, and how much: as much as if each of its fields came alone, or as its size asks for. */
export function chargeOf(operation: OperationDefinitionNode, { fields, names }: Measured, cost: number): { budget: Budget; points: number } {
  const points = Math.max(1, fields, Math.ceil(cost / fieldsOfOnePoint))
  switch (operation.operation) {
    case OperationTypeNode.QUERY: return { budget: 'reads', points }
    case OperationTypeNode.SUBSCRIPTION: return { budget: 'subscriptions', points: 1 }
    case OperationTypeNode.MUTATION: return { budget: [...names].every((name) => name === 'reportWorkerStatus') ? 'reports' : 'writes', points }
  }
}

/**
 * Lets a valid operation in, or not.
 * @returns what is wrong with it, for its own answer; null when it may run
 * @throws CatalogError RATE_LIMITED
 */
export async function admit(
  { documents, rates }: Admission, principal: Principal, read: ReadDocument, operation: OperationDefinitionNode, variables: Record<string, unknown>,
): Promise<GraphQLError | null> {
  const { cost, problem } = documents.costOf(read, operation, variables)
  const { budget, points } = chargeOf(operation, read.operations.get(operation)!, problem === null ? cost : 0)
  await rates.charge(principal.id, budget, points)
  return problem
}

/** What could not be read or is not valid was work, too. @throws CatalogError RATE_LIMITED */
export function chargeRefused({ rates }: Admission, principal: Principal): Promise<void> {
  return rates.charge(principal.id, 'reads', 1)
}
