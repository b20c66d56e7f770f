import { can, decide } from '../core/access.js'
import { approversOf, approvalTerms } from '../core/approval.js'
import { actingOwner, wayTo } from '../core/effective.js'
import { explain, type Availability, type ExplainInput, workersStep } from '../core/explain.js'
import { type EntryKind, type JudgedEntry, isAgent, isMcpServer, nameKey, type McpServerEntry, type AgentEntry } from '../core/entry.js'
import { isSameOwner, type OwnerRef } from '../core/owner.js'
import { holdsTools } from '../core/team-policy.js'
import { countStates } from '../db/worker.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { policiesOf } from '../index/judge.js'
import { ownerName, principalName } from '../index/names.js'
import { standingReferences } from '../index/secrets.js'
import { driftNames } from '../index/tool-pins.js'
import { ownerFor } from './authorize.js'
import { type CatalogContext } from './context.js'
import { mayRunSince, namesOf } from './worker.js'

export interface EffectiveCatalog {
  owner: OwnerRef
  cursor: string
  mcpServers: McpServerEntry[]
  agents: AgentEntry[]
  /** Of those whose own people the caller is one of, or as an admin. */
  drift: EntryDrift[]
}

/** Tools of one entry that are not as they were accepted. */
export interface EntryDrift {
  entryId: string
  /** Null: the server's instructions. */
  names: Array<string | null>
}

/** The owner's whole set at a cursor. @throws CatalogError NOT_FOUND, FORBIDDEN */
export async function effectiveCatalog(context: CatalogContext, query: OwnerQuery): Promise<EffectiveCatalog> {
  const owner = await ownerFor(context, 'READ_SET', query, 'owner')
  const entries = [...context.index.effective(context.index.scopeOf(owner)).values()]
  const drift = entries.map((entry) => ({ entryId: entry.id, names: driftFor(context, entry) })).filter(({ names }) => names.length > 0)
  return { owner, cursor: context.index.cursor(), drift, ...bothKinds(entries) }
}

/** Whoever may only use an entry learns from their own sessions what those go without. */
function driftFor({ principal, index }: CatalogContext, entry: JudgedEntry): Array<string | null> {
  return can(principal, 'SEE_APPROVALS', entry.owner) ? driftNames(index.state, entry) : []
}

export function bothKinds(entries: Iterable<JudgedEntry>): Pick<EffectiveCatalog, 'mcpServers' | 'agents'> {
  const all = [...entries]
  return { mcpServers: all.filter(isMcpServer), agents: all.filter(isAgent) }
}

/** Why an entry is, or is not, in the owner's set. @throws CatalogError NOT_FOUND, FORBIDDEN */
export async function explainAvailability(context: CatalogContext, query: OwnerQuery, kind: EntryKind, name: string): Promise<Availability> {
  const owner = await ownerFor(context, 'READ_SET', query, 'owner')
  const answer = explainFor(context, owner, kind, name)
  if (answer.entry === null || !can(context.principal, 'READ_STATUS', owner)) return answer
  const states = await countStates(context.db, namesOf(context, owner), answer.entry.id, mayRunSince(context))
  return { ...answer, steps: [...answer.steps, ...workersStep(states, askedOf(context, owner))] }
}

/** Whose set it is about, as the answer calls them. */
function askedOf({ principal, index }: CatalogContext, owner: OwnerRef): Pick<ExplainInput, 'asked' | 'ownerNameOf'> {
  return { asked: { owner, isAsker: isSameOwner(owner, { kind: 'USER', id: principal.id }) }, ownerNameOf: (one) => ownerName(index.state, one) }
}

/** The same without what workers report. Whether the caller may ask for that owner is for the one who calls this to see to. */
export function explainFor(context: CatalogContext, owner: OwnerRef, kind: EntryKind, name: string): Availability {
  const { index } = context
  const scope = index.scopeOf(owner)
  const own = index.scopeOf({ kind: 'USER', id: context.principal.id })
  return explain({
    scope, ...askedOf(context, owner),
    entries: index.state.entriesByName.get(nameKey({ kind, name })) ?? [],
    // An admin's right to look into strangers' entries is used by naming their owner, where it is recorded.
    // What belongs to the asked owner always reaches them, unless they are deactivated.
    isVisible: (entry) => context.principal.kind === 'USER' && (
      wayTo(own, entry) !== null || isSameOwner(entry.owner, owner) || decide(context.principal, 'SEE_ENTRIES', entry.owner) === 'YES'),
    hasMcpServer: (server) => index.chosen(scope, 'MCP_SERVER', server) !== null,
    secretsOf: (entry) => standingReferences(index.state.secrets, entry, actingOwner(scope)),
    driftOf: (entry) => ({ names: driftFor(context, entry), isHeld: holdsTools(policiesOf(index.state, entry.owner)) }),
    now: context.now(),
    approversOf: ({ owner: whose }) => approversOf(whose, approvalTerms(policiesOf(index.state, whose))),
    nameOf: (principal) => principalName(index.state, principal),
  })
}
