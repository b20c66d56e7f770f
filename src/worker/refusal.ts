import { createHash } from 'node:crypto'
import { digestedText } from '../core/entry.js'
import { evaluate, type Finding } from '../core/policy.js'
import { type Policy } from '../core/policy-document.js'
import { type ViewEntry } from './view.js'

/**
 * Why an entry must not run under these policies, the deployment's first; null: it may. The server has judged already; the worker judges again, because it is
 * the worker that connects and spawns. What needs an approval runs only with one that was given for exactly this definition.
 */
export function refusalOf(entry: ViewEntry, policies: readonly [Policy, ...Policy[]]): string | null {
  const { kind, findings, policyRevision } = evaluate(entry, policies)
  if (kind === 'ALLOW') return null
  const lack = kind === 'NEEDS_APPROVAL' ? approvalLack(entry) : ''
  return lack === null ? null : `Policy revision ${policyRevision}: ${findings.map(findingText).join(' ')}${lack}`
}

/** Of a state that is none of ours nothing is said: it came from outside. */
const lacks: ReadonlyMap<string, string> = new Map([
  ['PENDING', ' It waits for approval.'], ['REJECTED', ' It was rejected.'], ['EXPIRED', ' Nobody approved it in time.'], ['VOID', ' Its approval is no longer valid.'],
])

/** Worked out from the definition that came, never taken from the digest beside it (S5). */
function approvalLack({ kind, definition, approval }: ViewEntry): string | null {
  if (approval === null) return ' It came without an approval.'
  if (approval.state !== 'APPROVED') return lacks.get(approval.state) ?? ' It is not approved.'
  const digest = createHash('sha256').update(digestedText(kind, definition)).digest('hex')
  return approval.digest === digest ? null : ' What was approved is another definition.'
}

function findingText({ rule, message, mend }: Finding): string {
  return `[${rule}] ${message} ${mend}`
}
