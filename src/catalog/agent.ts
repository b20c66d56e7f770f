import { parseAgentDefinition } from '../core/agent.js'
import { type JudgedEntry } from '../core/entry.js'
import { askedAgain } from './approval.js'
import { type Committed } from './commit.js'
import { type CatalogContext } from './context.js'
import { registerEntry, type RegisterInput, type UpdateInput, updateOfKind } from './entry.js'
import { changeWithReceipt } from './narrow.js'
import { type Withdrawn } from './receipt.js'

/** `definition` is `AgentDefinitionInput` of schema.graphql. */
export interface RegisterAgentInput extends RegisterInput {
  definition: unknown
}

export interface UpdateAgentInput extends UpdateInput {
  definition?: unknown
}

/** @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT, POLICY_DENIED (with findings), NAME_TAKEN, QUOTA_EXCEEDED */
export async function registerAgent(context: CatalogContext, input: RegisterAgentInput): Promise<Committed<JudgedEntry>> {
  return registerEntry(context, 'AGENT', input, parseAgentDefinition(input.definition))
}

/** @throws CatalogError as `registerAgent`, and REVISION_CONFLICT (with currentRevision) */
export async function updateAgent(context: CatalogContext, input: UpdateAgentInput): Promise<Committed<Withdrawn<JudgedEntry>>> {
  const definition = input.definition ?? null
  return askedAgain(context, await changeWithReceipt(context, updateOfKind(context, 'AGENT', input, definition === null ? null : parseAgentDefinition(definition))))
}
