import { type Committed, commitEntry } from './commit.js'
import { type AuditedChange } from './writer.js'
import { actorOf, type CatalogContext, digestOf, newId } from './context.js'
import { withApproval } from './approval-request.js'
import { withBindings } from './binding.js'
import { auditView } from './audit.js'
import { ownerFor, writableEntry } from './authorize.js'
import { frozenRefusal, policyDenied, revokedRefusal, unblocked } from './block.js'
import { quotaOf } from './quota.js'
import { lookAlike } from './look-alike.js'
import { resolveReach, type ReachInput } from './reach.js'
import { type ChangeAction } from '../core/audit-words.js'
import { isEqualJson } from '../core/canonical.js'
import { type ApplyMoment, type Definition, type Entry, type EntryKind, isRevoked, type JudgedEntry, toCandidate } from '../core/entry.js'
import { CatalogError, invalid, notFound } from '../core/errors.js'
import { type OwnerRef } from '../core/owner.js'
import { line, parseInput } from '../core/parse.js'
import { parseWithdrawal, type Withdrawal } from '../core/withdrawal.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { judge, policiesOf, verdictOf } from '../index/judge.js'

export interface RegisterInput extends ReachInput {
  owner: OwnerQuery
  name: string
  enabled?: boolean | null
  apply?: ApplyMoment | null
}

/** A field that is null or left out stays as it is. */
export interface UpdateInput extends ReachInput {
  id: string
  expectedRevision: number
  name?: string | null
  apply?: ApplyMoment | null
}

/** @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT, POLICY_DENIED (with findings), NAME_TAKEN, QUOTA_EXCEEDED */
export function registerEntry(
  context: CatalogContext, kind: EntryKind, input: RegisterInput, definition: Definition,
): Promise<Committed<JudgedEntry>> {
  const name = parseInput(line(200, 1), input.name, 'name')
  return commitEntry(context, actorOf(context.principal), async () => {
    const owner = await ownerFor(context, 'WRITE_ENTRIES', input.owner, 'owner')
    const entry = newEntry(context, kind, owner, name, definition, input)
    return { id: null, owner, quota: quotaOf(context.index.state, owner), plan: () => ({ after: entry, change: registered(context, entry), result: judged(context, entry) }) }
  })
}

/** An entry of revision 1 that policy allows. */
export function newEntry(
  context: CatalogContext, kind: EntryKind, owner: OwnerRef, name: string, definition: Definition, input: Omit<RegisterInput, 'owner' | 'name'>,
): Entry {
  if (owner.kind === 'USER' && !context.index.state.users.has(owner.id)) {
    throw invalid('owner', 'The catalog does not know that person yet.', 'Create the user first.')
  }
  const now = context.now().toISOString()
  const entry: Entry = {
    id: newId(kind === 'MCP_SERVER' ? 'srv' : 'agt'), kind, name, owner, definition,
    ...resolveReach(context, owner, input, null),
    enabled: input.enabled ?? true, revoked: null, approval: null, bindings: null, digest: digestOf(kind, definition), revision: 1, apply: input.apply ?? 'NEXT_TURN',
    createdAt: now, updatedAt: now, updatedBy: actorOf(context.principal),
  }
  requireAllowed(context, entry)
  requireDistinct(context, entry)
  return withApproval(context, null, unblocked(context, withBindings(context, null, entry)))
}

/** An entry before and after a change; the same twice when nothing changed. */
export interface ChangedEntry {
  before: JudgedEntry
  after: JudgedEntry
}

/** What is asked of an entry. */
export interface EntryChange {
  target: { id: string; expectedRevision: number; kind?: EntryKind }
  /** As the audit calls it. */
  action: ChangeAction
  decide: () => ((entry: Entry) => Partial<Entry>) | Promise<(entry: Entry) => Partial<Entry>>
}

/**
 * Changes an entry to what `change` makes of it, as the next revision; nothing happens when that is what it is.
 * @param isLeft whether it is left to the caller: then nothing is written, and `isWritten` is false
 * @throws CatalogError as `registerEntry`, and REVISION_CONFLICT with `currentRevision`
 */
export function changeEntry(
  context: CatalogContext, { target, action, decide }: EntryChange, isLeft: (change: ChangedEntry) => boolean = () => false,
): Promise<Committed<ChangedEntry & { isWritten: boolean }>> {
  return commitEntry(context, actorOf(context.principal), async () => {
    const id = await changeableEntry(context, target)
    const change = await decide()
    return {
      id, owner: null, quota: null,
      plan: (locked) => {
        const before = atRevision(locked, target)
        const after = nextRevision(context, before, change(before))
        const result = { before: judged(context, before), after: judged(context, after ?? before) }
        if (after === null || isLeft(result)) return { after: null, change: null, result: { ...result, isWritten: after === null } }
        return { after, change: updated(context, before, after, action), result: { ...result, isWritten: true } }
      },
    }
  })
}

/** @returns the entry's id. @throws CatalogError NOT_FOUND, FORBIDDEN */
export async function changeableEntry(context: CatalogContext, target: EntryChange['target']): Promise<string> {
  const { id, kind } = await writableEntry(context, target.id)
  if (target.kind !== undefined && target.kind !== kind) throw notFound('id', 'entry')
  return id
}

export function updateOfKind(context: CatalogContext, kind: EntryKind, input: UpdateInput, definition: Definition | null): EntryChange {
  const name = input.name === null || input.name === undefined ? null : parseInput(line(200, 1), input.name, 'name')
  return {
    target: { ...input, kind }, action: `${actionNoun[kind]}.update`,
    decide: () => (entry) => ({
      ...resolveReach(context, entry.owner, input, entry),
      name: name ?? entry.name, definition: definition ?? entry.definition, apply: input.apply ?? entry.apply,
    }),
  }
}

export function tombstoned(context: CatalogContext, before: Entry, withdrawal = parseWithdrawal('DELETE', {})): AuditedChange {
  return {
    change: { subject: 'ENTRY', id: before.id, before: { ...toCandidate(judged(context, before)), withdrawal }, after: null },
    action: `${actionNoun[before.kind]}.delete`, before: auditView(context, before), after: null,
  }
}

export const actionNoun: Record<EntryKind, 'mcpServer' | 'agent'> = { MCP_SERVER: 'mcpServer', AGENT: 'agent' }

/** @param target without a revision, whichever it is at is meant */
export function atRevision(entry: Entry | null, { expectedRevision }: { expectedRevision?: number }): Entry {
  if (entry === null) throw notFound('id', 'entry')
  if (expectedRevision !== undefined && entry.revision !== expectedRevision) {
    throw new CatalogError('REVISION_CONFLICT', `The entry is at revision ${entry.revision}, not ${expectedRevision}.`, {
      field: 'expectedRevision', currentRevision: entry.revision, mend: 'Read the entry again, and repeat the change on what it is now.',
    })
  }
  return entry
}

/**
 * null when nothing would change. Content is judged again only when it changes: tightening a policy never blocks a disable.
 * What was revoked is not even enabled again; what was restored since keeps its content, or its block would come off what it was put on.
 */
export function nextRevision(context: CatalogContext, before: Entry, change: Partial<Entry>): Entry | null {
  if (isRevoked(before)) throw revokedRefusal()
  const isSame = Object.entries(change).every(([key, value]) => {
    return value === undefined || isEqualJson(value, before[key as keyof Entry])
  })
  if (isSame) return null
  const changed = { ...before, ...change }
  const after = withBindings(context, before, {
    ...changed, digest: digestOf(changed.kind, changed.definition), revision: before.revision + 1,
    updatedAt: context.now().toISOString(), updatedBy: actorOf(context.principal),
  })
  if (before.revoked && after.digest !== before.digest) throw frozenRefusal()
  const isOther = after.name !== before.name || after.digest !== before.digest
  if (isOther) requireAllowed(context, after)
  if (after.name !== before.name) requireDistinct(context, after)
  return withApproval(context, before, isOther || (after.enabled && !before.enabled) ? unblocked(context, after) : after)
}

export function registered(context: CatalogContext, entry: Entry): AuditedChange {
  return {
    change: { subject: 'ENTRY', id: entry.id, before: null, after: entry },
    action: `${actionNoun[entry.kind]}.register`, before: null, after: auditView(context, entry),
  }
}

export function updated(context: CatalogContext, before: Entry, after: Entry, action: ChangeAction, withdrawal?: Withdrawal): AuditedChange {
  return {
    change: { subject: 'ENTRY', id: after.id, before: { ...toCandidate(judged(context, before)), ...(withdrawal && { withdrawal }) }, after },
    action, before: auditView(context, before), after: auditView(context, after),
  }
}

export function judged(context: CatalogContext, entry: Entry): JudgedEntry {
  return judge(context.index.state, entry)
}

function requireAllowed(context: CatalogContext, entry: Entry): void {
  const { kind, findings } = verdictOf(policiesOf(context.index.state, entry.owner), entry)
  if (kind === 'DENY') throw policyDenied(findings)
}

function requireDistinct(context: CatalogContext, entry: Entry): void {
  const finding = lookAlike(context, entry)
  if (finding !== null) throw policyDenied([finding])
}
