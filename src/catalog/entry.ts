import { type Committed, commitEntry } from './commit.js'
import { type AuditedChange } from './writer.js'
import { actorOf, type CatalogContext, digestOf, newId } from './context.js'
import { auditView } from './audit.js'
import { ownerFor, writableEntry } from './authorize.js'
import { resolveReach, type ReachInput } from './reach.js'
import { isEqualJson } from '../core/canonical.js'
import { type ApplyMoment, type Definition, type Entry, type EntryKind, type JudgedEntry, toCandidate } from '../core/entry.js'
import { CatalogError, invalid, notFound } from '../core/errors.js'
import { type OwnerRef } from '../core/owner.js'
import { line, parseInput } from '../core/parse.js'
import { findRevision } from '../db/entry.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { judge, verdictOf } from '../index/state.js'

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

/** @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT, POLICY_DENIED (with findings), NAME_TAKEN */
export function registerEntry(
  context: CatalogContext, kind: EntryKind, input: RegisterInput, definition: Definition,
): Promise<Committed<JudgedEntry>> {
  const name = parseInput(line(200, 1), input.name, 'name')
  return commitEntry(context, actorOf(context.principal), async () => {
    const owner = await ownerFor(context, 'WRITE_ENTRIES', input.owner, 'owner')
    const entry = newEntry(context, kind, owner, name, definition, input)
    return { id: null, owner, plan: () => ({ after: entry, change: registered(context, entry), result: judged(context, entry) }) }
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
    enabled: input.enabled ?? true, digest: digestOf(kind, definition), revision: 1, apply: input.apply ?? 'NEXT_TURN',
    createdAt: now, updatedAt: now, updatedBy: actorOf(context.principal),
  }
  requireAllowed(context, entry)
  return entry
}

/**
 * Changes an entry to what `change` makes of it, as the next revision; nothing happens when that is what it is.
 * @throws CatalogError as `registerEntry`, and REVISION_CONFLICT with `currentRevision`
 */
export function changeEntry(
  context: CatalogContext, target: { id: string; expectedRevision: number; kind?: EntryKind }, action: string,
  decide: () => ((entry: Entry) => Partial<Entry>) | Promise<(entry: Entry) => Partial<Entry>>,
): Promise<Committed<JudgedEntry>> {
  return commitEntry(context, actorOf(context.principal), async () => {
    const { id, kind } = await writableEntry(context, target.id)
    if (target.kind !== undefined && target.kind !== kind) throw notFound('id', 'entry')
    const change = await decide()
    return {
      id, owner: null,
      plan: (locked) => {
        const before = atRevision(locked, target)
        const after = nextRevision(context, before, change(before))
        return after === null
          ? { after, change: null, result: judged(context, before) }
          : { after, change: updated(context, before, after, action), result: judged(context, after) }
      },
    }
  })
}

export function updateEntryOfKind(
  context: CatalogContext, kind: EntryKind, input: UpdateInput, definition: Definition | null,
): Promise<Committed<JudgedEntry>> {
  const name = input.name === null || input.name === undefined ? null : parseInput(line(200, 1), input.name, 'name')
  return changeEntry(context, { ...input, kind }, `${actionNoun[kind]}.update`, () => (entry) => ({
    ...resolveReach(context, entry.owner, input, entry),
    name: name ?? entry.name, definition: definition ?? entry.definition, apply: input.apply ?? entry.apply,
  }))
}

export function setEntryEnabled(
  context: CatalogContext, input: { id: string; expectedRevision: number; enabled: boolean },
): Promise<Committed<JudgedEntry>> {
  return changeEntry(context, input, input.enabled ? 'entry.enable' : 'entry.disable', () => () => ({ enabled: input.enabled }))
}

/** An old definition becomes the new revision, and goes through today's policy again. */
export function rollbackEntry(
  context: CatalogContext, input: { id: string; expectedRevision: number; toRevision: number },
): Promise<Committed<JudgedEntry>> {
  return changeEntry(context, input, 'entry.rollback', async () => {
    // Revisions are never rewritten, so this one may be read before the entry is locked.
    const old = input.toRevision >= 1 ? await findRevision(context.db, input.id, input.toRevision) : null
    return (entry) => {
      if (old !== null && input.toRevision <= entry.revision) return { definition: old.definition }
      throw invalid('toRevision', `There is no revision ${input.toRevision}.`, `Choose one from 1 to ${entry.revision}; entryHistory lists them.`)
    }
  })
}

/** A tombstone: revisions and audit stay stored, the name is free at once. */
export function deleteEntry(context: CatalogContext, input: { id: string; expectedRevision: number }): Promise<Committed<null>> {
  return commitEntry(context, actorOf(context.principal), async () => {
    const { id } = await writableEntry(context, input.id)
    return {
      id, owner: null,
      plan: (locked) => ({ after: null, change: tombstoned(context, atRevision(locked, input)), result: null }),
    }
  })
}

export function tombstoned(context: CatalogContext, before: Entry): AuditedChange {
  return {
    change: { subject: 'ENTRY', id: before.id, before: toCandidate(judged(context, before)), after: null },
    action: `${actionNoun[before.kind]}.delete`, before: auditView(context, before), after: null,
  }
}

export const actionNoun: Record<EntryKind, string> = { MCP_SERVER: 'mcpServer', AGENT: 'agent' }

function atRevision(entry: Entry | null, { expectedRevision }: { expectedRevision: number }): Entry {
  if (entry === null) throw notFound('id', 'entry')
  if (entry.revision !== expectedRevision) {
    throw new CatalogError('REVISION_CONFLICT', `The entry is at revision ${entry.revision}, not ${expectedRevision}.`, {
      field: 'expectedRevision', currentRevision: entry.revision, mend: 'Read the entry again, and repeat the change on what it is now.',
    })
  }
  return entry
}

/** null when nothing would change. Content is judged again only when it changes: tightening a policy never blocks a disable. */
export function nextRevision(context: CatalogContext, before: Entry, change: Partial<Entry>): Entry | null {
  const isSame = Object.entries(change).every(([key, value]) => {
    return value === undefined || isEqualJson(value, before[key as keyof Entry])
  })
  if (isSame) return null
  const changed = { ...before, ...change }
  const after: Entry = {
    ...changed, digest: digestOf(changed.kind, changed.definition), revision: before.revision + 1,
    updatedAt: context.now().toISOString(), updatedBy: actorOf(context.principal),
  }
  if (after.name !== before.name || after.digest !== before.digest) requireAllowed(context, after)
  return after
}

export function registered(context: CatalogContext, entry: Entry): AuditedChange {
  return {
    change: { subject: 'ENTRY', id: entry.id, before: null, after: entry },
    action: `${actionNoun[entry.kind]}.register`, before: null, after: auditView(context, entry),
  }
}

export function updated(context: CatalogContext, before: Entry, after: Entry, action: string): AuditedChange {
  return {
    change: { subject: 'ENTRY', id: after.id, before: toCandidate(judged(context, before)), after },
    action, before: auditView(context, before), after: auditView(context, after),
  }
}

function judged(context: CatalogContext, entry: Entry): JudgedEntry {
  return judge(context.index.state, entry)
}

function requireAllowed(context: CatalogContext, entry: Entry): void {
  const { kind, findings } = verdictOf(context.index.state.policy, entry)
  if (kind !== 'DENY') return
  const [first] = findings
  throw new CatalogError('POLICY_DENIED', findings.map(({ message }) => message).join(' '), {
    findings, ...(first && { field: first.field, mend: first.mend }),
  })
}

