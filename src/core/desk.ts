import { can, decide, type Principal } from './access.js'
import { type FormerEntry, type LoggedChange } from './change.js'
import { type Scope, wayTo } from './effective.js'
import { type JudgedEntry } from './entry.js'
import { deploymentOwner, type OwnerRef } from './owner.js'

/**
 * What somebody at the console may have to read again. EVERYTHING: their own rights or a policy over them, so all that they show.
 * WORKER: what workers reported of themselves, their sessions and receipts; PROBE: that one was asked for, taken, answered or is over. Nobody is told whose.
 */
export const deskKinds = ['EVERYTHING', 'ENTRY', 'APPROVAL', 'REVOCATION', 'TOOLS', 'SECRET', 'POLICY', 'PEOPLE', 'TOKEN', 'CONSOLE_SESSION', 'AUDIT', 'WORKER', 'PROBE'] as const
export type DeskKind = (typeof deskKinds)[number]

/** Who looks, with the rights of this moment. */
export interface Viewpoint {
  principal: Principal
  scope: Scope
}

/** That something changed; what it is now is for whoever may read it to ask. */
export interface DeskFact {
  kind: DeskKind
  /** null: several, or none of its own. */
  id: string | null
  isFor: (viewpoint: Viewpoint) => boolean
}

/** So many of one kind at once are told as one, to everybody: it says nothing of any of them. */
const mostOfKind = 20

/**
 * What a run of changes means for people at the console.
 * @param entryNow an entry as it is after the run; undefined: it is gone
 */
export function deskFacts(changes: readonly LoggedChange[], entryNow: (id: string) => JudgedEntry | undefined): DeskFact[] {
  const facts = changes.flatMap((change) => factsOf(change, entryNow))
  if (changes.length > 0) facts.push({ kind: 'AUDIT', id: null, isFor: ({ principal }) => can(principal, 'READ_AUDIT', deploymentOwner) })
  return deskKinds.flatMap((kind) => folded(kind, facts.filter((fact) => fact.kind === kind)))
}

function folded(kind: DeskKind, facts: readonly DeskFact[]): DeskFact[] {
  const byId = new Map<string | null, DeskFact[]>()
  for (const fact of facts) byId.set(fact.id, [...byId.get(fact.id) ?? [], fact])
  if (byId.size > mostOfKind) return [{ kind, id: null, isFor: () => true }]
  return [...byId].map(([id, same]) => ({ kind, id, isFor: (viewpoint) => same.some((fact) => fact.isFor(viewpoint)) }))
}

function factsOf(change: LoggedChange, entryNow: (id: string) => JudgedEntry | undefined): DeskFact[] {
  switch (change.subject) {
    case 'ENTRY': return factsOfEntry(change.id, change.before, entryNow(change.id))
    case 'TOOLS': {
      const entry = entryNow(change.id)
      return entry === undefined ? [] : [{ kind: 'TOOLS', id: change.id, isFor: (viewpoint) => isListed(viewpoint, entry) || can(viewpoint.principal, 'SEE_APPROVALS', entry.owner) }]
    }
    case 'SECRET': return [{ kind: 'SECRET', id: change.id, isFor: ({ principal }) => decide(principal, 'READ_SECRETS', change.after.owner) === 'YES' }]
    case 'BINDING': return [{ kind: 'SECRET', id: null, isFor: isPerson(change.after.userId) }]
    case 'POLICY': {
      const isFor: DeskFact['isFor'] = ({ principal }) => can(principal, 'READ_POLICY', change.after.owner)
      return [{ kind: 'POLICY', id: change.after.owner.id, isFor }, { kind: 'EVERYTHING', id: null, isFor }]
    }
    case 'USER': {
      // Whoever leaves takes along what they shared, whoever had it.
      const isGone = (change.before?.deactivatedAt ?? null) !== change.after.deactivatedAt
      const seesPeople: DeskFact['isFor'] = (viewpoint) => isAdmin(viewpoint) || isPerson(change.id)(viewpoint) || [...viewpoint.principal.teams.values()].includes('MAINTAINER')
      return [{ kind: 'PEOPLE', id: change.id, isFor: seesPeople }, { kind: 'EVERYTHING', id: null, isFor: isGone ? () => true : isPerson(change.id) }]
    }
    case 'TEAM': return [{ kind: 'PEOPLE', id: change.id, isFor: isOfTeam(change.id) }]
    case 'MEMBERSHIP': {
      const { teamId, userId } = change
      return [
        { kind: 'PEOPLE', id: teamId, isFor: (viewpoint) => isOfTeam(teamId)(viewpoint) || isPerson(userId)(viewpoint) },
        { kind: 'EVERYTHING', id: null, isFor: isPerson(userId) },
      ]
    }
    case 'TOKEN': return [{ kind: 'TOKEN', id: change.id, isFor: (viewpoint) => isAdmin(viewpoint) || isPerson(change.after.userId)(viewpoint) }]
    case 'CONSOLE_SESSION': return [{ kind: 'CONSOLE_SESSION', id: change.id, isFor: (viewpoint) => isAdmin(viewpoint) || isPerson(change.after.userId)(viewpoint) }]
  }
}

function factsOfEntry(id: string, before: FormerEntry | null, now: JudgedEntry | undefined): DeskFact[] {
  const owner = (now ?? before)?.owner
  if (owner === undefined) return []
  const versions = [before, now].filter((each) => each !== null && each !== undefined)
  const isSeen: DeskFact['isFor'] = (viewpoint) => versions.some((entry) => isListed(viewpoint, entry))
  const facts: DeskFact[] = [{ kind: 'ENTRY', id, isFor: isSeen }]
  const approvalId = now?.approval?.id ?? null
  if (approvalId !== null || before?.status === 'PENDING_APPROVAL') facts.push({ kind: 'APPROVAL', id: approvalId, isFor: may('SEE_APPROVALS', owner) })
  if (before?.withdrawal !== undefined) facts.push({ kind: 'REVOCATION', id: null, isFor: (viewpoint) => isSeen(viewpoint) || may('READ_STATUS', owner)(viewpoint) })
  return facts
}

/** As lists of entries have it: what reaches somebody, and for admins what is no person's own, for which no glass is broken. */
function isListed({ principal, scope }: Viewpoint, entry: FormerEntry | JudgedEntry): boolean {
  return wayTo(scope, entry) !== null || (principal.role === 'ADMIN' && entry.owner.kind !== 'USER')
    || (entry.owner.kind === 'USER' && entry.owner.id === principal.id)
}

const may = (action: 'SEE_APPROVALS' | 'READ_STATUS', owner: OwnerRef): DeskFact['isFor'] => ({ principal }) => can(principal, action, owner)
const isAdmin: DeskFact['isFor'] = ({ principal }) => principal.role === 'ADMIN'
const isPerson = (userId: string | null): DeskFact['isFor'] => ({ principal }) => principal.id === userId
const isOfTeam = (teamId: string): DeskFact['isFor'] => (viewpoint) => isAdmin(viewpoint) || viewpoint.principal.teams.has(teamId)
