import { type JudgedEntry } from '../core/entry.js'
import { parseMcpServerDefinition } from '../core/mcp-server.js'
import { askedAgain } from './approval.js'
import { type Committed } from './commit.js'
import { type CatalogContext } from './context.js'
import { registerEntry, type RegisterInput, type UpdateInput, updateOfKind } from './entry.js'
import { changeWithReceipt } from './narrow.js'
import { type Withdrawn } from './receipt.js'
import { withSecretFindings } from './secret-findings.js'

/** `definition` is `McpServerDefinitionInput` of schema.graphql. */
export interface RegisterMcpServerInput extends RegisterInput {
  definition: unknown
}

export interface UpdateMcpServerInput extends UpdateInput {
  definition?: unknown
}

/** @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT, POLICY_DENIED (with findings), NAME_TAKEN, QUOTA_EXCEEDED */
export async function registerMcpServer(context: CatalogContext, input: RegisterMcpServerInput): Promise<Committed<JudgedEntry>> {
  const saved = await registerEntry(context, 'MCP_SERVER', input, parseMcpServerDefinition(input.definition))
  return { ...saved, result: withSecretFindings(context, saved.result) }
}

/** @throws CatalogError as `registerMcpServer`, and REVISION_CONFLICT (with currentRevision) */
export async function updateMcpServer(context: CatalogContext, input: UpdateMcpServerInput): Promise<Committed<Withdrawn<JudgedEntry>>> {
  const definition = input.definition ?? null
  const change = updateOfKind(context, 'MCP_SERVER', input, definition === null ? null : parseMcpServerDefinition(definition))
  const saved = await askedAgain(context, await changeWithReceipt(context, change))
  return { ...saved, result: { ...saved.result, entry: withSecretFindings(context, saved.result.entry) } }
}
