import { type JudgedEntry } from '../core/entry.js'
import { invalid } from '../core/errors.js'
import { findRevision } from '../db/entry.js'
import { type Committed } from './commit.js'
import { type CatalogContext } from './context.js'
import { changeWithReceipt } from './narrow.js'
import { type Withdrawn } from './receipt.js'

/**
 * An old definition becomes the new revision, and goes through today's policy again.
 * @throws CatalogError as `updateMcpServer`
 */
export async function rollbackEntry(
  context: CatalogContext, input: { id: string; expectedRevision: number; toRevision: number },
): Promise<Committed<Withdrawn<JudgedEntry>>> {
  return changeWithReceipt(context, {
    target: input, action: 'entry.rollback',
    decide: async () => {
      // Revisions are never rewritten, so this one may be read before the entry is locked.
      const old = input.toRevision >= 1 ? await findRevision(context.db, input.id, input.toRevision) : null
      return (entry) => {
        if (old !== null && input.toRevision <= entry.revision) return { definition: old.definition }
        throw invalid('toRevision', `There is no revision ${input.toRevision}.`, `Choose one from 1 to ${entry.revision}; entryHistory lists them.`)
      }
    },
  })
}
