import { blockFinding, blockOn } from '../core/block.js'
import { type Entry, isRevoked } from '../core/entry.js'
import { CatalogError } from '../core/errors.js'
import { type Finding } from '../core/policy.js'
import { type CatalogContext } from './context.js'

/**
 * An entry as it may be saved: what its owner had revoked is refused under any name. What was restored since, and is not approved
 * yet, is taken and waits for an approval, like the entry that was restored.
 * @throws CatalogError POLICY_DENIED (with findings)
 */
export function unblocked({ index }: CatalogContext, entry: Entry): Entry {
  const block = blockOn(entry, index.state.blocks.values())
  if (block === null) return entry
  if (isRevoked(block)) throw policyDenied([blockFinding(entry, block)])
  return { ...entry, revoked: entry.revoked ?? block.revoked }
}

/** Whatever would change a revoked entry, but its restoration and its end. */
export function revokedRefusal(): CatalogError {
  return policyDenied([{ rule: 'revoked', effect: 'DENY', field: 'id', message: 'The entry is revoked, and cannot be changed.', mend: 'Restore it first; somebody else then has to approve it.' }])
}

/** Whatever would change the content of an entry that waits for the approval of its restoration, or of what was revoked under another name. */
export const frozenFinding: Finding = {
  rule: 'revoked', effect: 'DENY', field: 'id', message: 'What the entry holds was revoked and restored, and waits for approval as it is: its content cannot be changed.',
  mend: 'Wait for the approval of its restoration, or register the new content under another name.',
}

export const frozenRefusal = (): CatalogError => policyDenied([frozenFinding])

export function policyDenied(findings: Finding[]): CatalogError {
  const [first] = findings
  return new CatalogError('POLICY_DENIED', findings.map(({ message }) => message).join(' '), {
    findings, ...(first && { field: first.field, mend: first.mend }),
  })
}
