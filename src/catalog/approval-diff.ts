import { can } from '../core/access.js'
import { commandLineOf, definitionText } from '../core/definition-text.js'
import { type Definition, type EntryKind } from '../core/entry.js'
import { findApproval, lastApproved } from '../db/approval.js'
import { findRevision } from '../db/entry.js'
import { type ApprovalView } from './approval.js'
import { type CatalogContext } from './context.js'
import { patchOf } from './text-patch.js'

/** Kinds are told by ids; a request has only the entry's. */
const kindOf = (entryId: string): EntryKind => (entryId.startsWith('agt') ? 'AGENT' : 'MCP_SERVER')

/**
 * What an approver has to see, as text: the exact command line, never truncated, and the unified difference from the last definition
 * of the entry that was approved before. Hidden characters are shown as escapes.
 * @returns empty for whom the entry is only shared with: what was approved before may have said more
 */
export async function approvalDiff(context: CatalogContext, { id, entryId, owner }: ApprovalView): Promise<string> {
  if (!can(context.principal, 'SEE_APPROVALS', owner)) return ''
  const { db } = context
  const request = await findApproval(db, id, context.now())
  const asked = request === null ? null : await findRevision(db, entryId, request.revision)
  if (request === null || asked === null) return ''
  const approved = await lastApproved(db, request, context.now())
  const before = approved === null ? null : await findRevision(db, entryId, approved.revision)
  const named = (revision: { revision: number } | null) => (revision === null ? 'nothing was approved before' : `revision ${revision.revision}`)
  const patch = differenceOf(
    { name: named(before), definition: before?.definition ?? null }, { name: named(asked), definition: asked.definition })
  const lines = [['Command line: ', asked.definition], ['Approved before: ', before?.definition ?? null]] as const
  const told = lines.flatMap(([label, definition]) => {
    const line = definition === null ? null : commandLineOf(kindOf(entryId), definition)
    return line === null ? [] : [`${label}${line}`]
  })
  return [...told, ...(told.length > 0 ? [''] : []), patch].join('\n')
}

interface Side {
  name: string
  definition: Definition | null
}

export function differenceOf(before: Side, after: Side): string {
  const [old, now] = [before, after].map(({ name, definition }) => ({ name, text: definition === null ? '' : definitionText(definition) }))
  return patchOf(old!, now!)
}
