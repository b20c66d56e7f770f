import { setImmediate as nextTurn } from 'node:timers/promises'
import { wayTo } from '../core/effective.js'
import { type JudgedEntry } from '../core/entry.js'
import { ownerKey } from '../core/owner.js'
import { evaluate, type Verdict } from '../core/policy.js'
import { parsePolicyDocument } from '../core/policy-document.js'
import { policiesOf, withPolicy } from '../index/judge.js'
import { actorOf, type CatalogContext } from './context.js'
import { canSee } from './authorize.js'
import { governedBy, policyOwner, requireRevision, type SetPolicyInput } from './policy.js'

/** An entry whose verdict a policy would change. */
export interface PolicyEffect {
  entry: JudgedEntry
  before: Verdict
  after: Verdict
}

/** Judged in one go; then others have their turn. */
const batchSize = 500

/**
 * Which entries that the caller may see `setPolicy` with the same input would judge differently, by name. Nothing is stored.
 * @throws CatalogError as `setPolicy`
 */
export async function simulatePolicy(context: CatalogContext, input: SetPolicyInput): Promise<PolicyEffect[]> {
  const document = parsePolicyDocument(input.document)
  const owner = await policyOwner(context, 'WRITE_POLICY', input.owner)
  const { state } = context.index
  requireRevision(state.policies.get(owner.id) ?? null, input)
  const next = withPolicy(state, { owner, revision: input.expectedRevision + 1, document })
  const effects: PolicyEffect[] = []
  for (const [at, entry] of governedBy(state, owner).entries()) {
    const after = evaluate(entry, policiesOf(next, entry.owner))
    if (after.kind !== entry.verdict.kind && canSee(context, entry)) effects.push({ entry, before: entry.verdict, after })
    if (at % batchSize === batchSize - 1) await nextTurn()
  }
  return effects.sort((a, b) => (effectKey(a) < effectKey(b) ? -1 : 1))
}

export function effectKey({ entry: { name, id } }: PolicyEffect): string {
  return `${name} ${id}`
}

/** Whoever is shown the entries of people who did not share them is recorded, once for each of them. */
export async function recordLooks(context: CatalogContext, effects: readonly PolicyEffect[]): Promise<void> {
  const own = context.index.scopeOf({ kind: 'USER', id: context.principal.id })
  const strangers = effects.map(({ entry }) => entry).filter((entry) => entry.owner.kind === 'USER' && wayTo(own, entry) === null)
  await Promise.all([...new Set(strangers.map(({ owner }) => ownerKey(owner)))].map((target) => (
    context.accessLog.record({ actor: actorOf(context.principal), action: 'SEE_ENTRIES', outcome: 'BREAK_GLASS', target }))))
}
