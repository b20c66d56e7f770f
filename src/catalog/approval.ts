import { can } from '../core/access.js'
import { approversOf, type ApprovalTerms, approvalTerms, type ApprovalState, isApprover, isExpired, makersOf } from '../core/approval.js'
import { type ChangeAction } from '../core/audit-words.js'
import { type Entry, type EntryApproval, type JudgedEntry } from '../core/entry.js'
import { CatalogError, forbidden, invalid } from '../core/errors.js'
import { type OwnerRef } from '../core/owner.js'
import { freeText, parseInput } from '../core/parse.js'
import { authorsOf, findApproval, listApprovals, type StoredApproval } from '../db/approval.js'
import { type Queryable, type Tx } from '../db/client.js'
import { lockEntry } from '../db/entry.js'
import { putApprovals } from '../db/entry-commit.js'
import { policiesOf, verdictOf } from '../index/judge.js'
import { principalName } from '../index/names.js'
import { requestOf } from './approval-request.js'
import { denied } from './authorize.js'
import { policyDenied } from './block.js'
import { commit, type Committed } from './commit.js'
import { actorOf, type CatalogContext } from './context.js'
import { judged, updated } from './entry.js'
import { type Withdrawn } from './receipt.js'
import { type Written } from './writer.js'

export interface DecideApprovalInput {
  id: string
  /** Of the definition that the caller saw, so that nothing else gets approved. */
  digest: string
  decision: 'APPROVE' | 'REJECT'
  note?: string | null
}

/** A request as people see it. */
export type ApprovalView = Omit<StoredApproval, 'number' | 'revision'>

/**
 * Decides a request by today's policy (S19). Approving what was revoked and restored lifts its block.
 * @throws CatalogError NOT_FOUND; APPROVAL_NOT_ALLOWED for who made what is to be decided; FORBIDDEN for who is no approver; REVISION_CONFLICT when it
 * is void or decided by now; INVALID_INPUT for another digest, and when it expired; POLICY_DENIED (with findings) when policy denies it today
 */
export async function decideApproval(context: CatalogContext, input: DecideApprovalInput): Promise<Committed<ApprovalView>> {
  const note = input.note ? parseInput(freeText(1_000), input.note, 'note') : null
  const isApproved = input.decision === 'APPROVE'
  return commit(context, actorOf(context.principal), async () => {
    const request = await approvalById(context, input.id)
    if (request === null) throw await denied(context, 'SEE_APPROVALS', input.id, 'id', 'approval')
    return async (tx): Promise<Written<ApprovalView>> => {
      const before = await lockEntry(tx, request.entryId)
      const isOwn = await requireDecider(context, tx, request, before)
      const entry = requireOpen(context, request, before, input)
      const verdict = verdictOf(policiesOf(context.index.state, entry.owner), entry)
      if (isApproved && verdict.kind === 'DENY') throw policyDenied(verdict.findings)
      const [decidedBy, decidedAt] = [actorOf(context.principal), context.now().toISOString()]
      const approval: EntryApproval = { ...entry.approval!, state: isApproved ? 'APPROVED' : 'REJECTED', decidedBy, decidedAt, note }
      const after: Entry = { ...entry, approval, revoked: isApproved ? null : entry.revoked }
      await putApprovals(tx, [after])
      const action: ChangeAction = `${isApproved ? 'entry.approve' : 'entry.reject'}${isOwn ? 'Own' : ''}`
      return { changes: [updated(context, entry, after, action)], result: { ...request, ...approval } }
    }
  })
}

interface DeciderStanding {
  terms: ApprovalTerms
  /** The caller made what is to be decided. */
  isOwn: boolean
  mayDecide: boolean
}

async function standingOf({ principal, index }: CatalogContext, db: Queryable, { owner, entryId, digest }: ApprovalView, entry: Entry | null): Promise<DeciderStanding> {
  const terms = approvalTerms(policiesOf(index.state, owner))
  const makers = makersOf({ revoked: entry?.revoked ?? null }, await authorsOf(db, entryId, digest))
  const isOwn = makers.some(({ kind, id }) => kind === principal.kind && id === principal.id)
  return { terms, isOwn, mayDecide: isApprover(principal, owner, terms) && (!isOwn || terms.allowSelf) }
}

/** @returns whether the caller decides on what they made themself, which the policy has to allow */
async function requireDecider(context: CatalogContext, tx: Tx, request: ApprovalView, entry: Entry | null): Promise<boolean> {
  const { principal } = context
  const { owner } = request
  const { terms, isOwn, mayDecide } = await standingOf(context, tx, request, entry)
  if (mayDecide) return isOwn
  await context.accessLog.record({ actor: actorOf(principal), action: 'DECIDE_APPROVALS', outcome: 'DENIED', target: request.id })
  const who = approversOf(owner, terms)
  if (!isOwn || terms.allowSelf) throw forbidden('id', 'You do not decide on approvals for that owner.', `Ask ${who}.`)
  const what = entry?.revoked ? 'Who made, revoked or restored it last' : 'Who was the last to change the definition'
  throw new CatalogError('APPROVAL_NOT_ALLOWED', `${what} cannot decide on it.`, { field: 'id', mend: `Ask ${who} other than yourself.` })
}

/** Whether the caller may decide a request as it now is: it is open, and they are an approver who did not make what it is for. */
export async function mayDecide(context: CatalogContext, request: ApprovalView): Promise<boolean> {
  const entry = context.index.state.entries.get(request.entryId) ?? null
  if (entry?.approval?.id !== request.id || entry.approval.state !== 'PENDING' || isExpired(entry.approval, context.now())) return false
  // Most who look are none, and cost no question to the database.
  if (!isApprover(context.principal, request.owner, approvalTerms(policiesOf(context.index.state, request.owner)))) return false
  return (await standingOf(context, context.db, request, entry)).mayDecide
}

/** The entry, whose open request this is. */
function requireOpen(context: CatalogContext, { id, digest }: ApprovalView, entry: Entry | null, input: DecideApprovalInput): Entry {
  const approval = entry?.approval ?? null
  if (entry === null || approval === null || approval.id !== id) {
    throw new CatalogError('REVISION_CONFLICT', 'The request is void: the entry was changed since, or is gone.', {
      field: 'id', currentRevision: entry?.revision ?? null, mend: approval === null ? 'List the pending approvals again.' : `Look at what it is now, and decide on ${approval.id}.`,
    })
  }
  if (approval.state !== 'PENDING') {
    const by = approval.decidedBy === null ? '' : ` by ${principalName(context.index.state, approval.decidedBy)}`
    throw new CatalogError('REVISION_CONFLICT', `It is ${approval.state.toLowerCase()} already${by}.`, {
      field: 'id', currentRevision: entry.revision, mend: 'Leave it as it is; to take it from sessions, disable or revoke the entry.',
    })
  }
  if (input.digest !== digest) throw invalid('digest', 'The request is for another digest.', `Look at what it asks for, and give its digest: ${digest}.`)
  if (isExpired(approval, context.now())) {
    throw invalid('id', `The request expired at ${approval.expiresAt}.`, 'Have its owner save the entry again, as it is: that asks once more.')
  }
  return entry
}

/**
 * Whoever saves an entry as it is, when the request that it needs expired or was never made, asks once more.
 * @param saved what an update came to; after one that changed anything there is nothing to ask for
 */
export async function askedAgain(context: CatalogContext, saved: Committed<Withdrawn<JudgedEntry>>): Promise<Committed<Withdrawn<JudgedEntry>>> {
  const { entry } = saved.result
  if (askAgain(context, entry) === null) return saved
  return commit(context, actorOf(context.principal), () => Promise.resolve(async (tx: Tx): Promise<Written<Withdrawn<JudgedEntry>>> => {
    const before = await lockEntry(tx, entry.id)
    const after = before?.revision === entry.revision ? askAgain(context, before) : null
    if (before === null || after === null) return { changes: [], result: saved.result }
    await putApprovals(tx, [after])
    return { changes: [updated(context, before, after, 'entry.requestApproval')], result: { ...saved.result, entry: judged(context, after) } }
  }))
}

/** null: it does not need it, or has an open request or a decision. */
function askAgain(context: CatalogContext, entry: Entry): Entry | null {
  const policies = policiesOf(context.index.state, entry.owner)
  if (entry.approval && !isExpired(entry.approval, context.now())) return null
  const approval = requestOf(context, entry, verdictOf(policies, entry), policies, actorOf(context.principal))
  return approval === null ? null : { ...entry, approval }
}

/** What an entry's own approval looks like; whoever sees the entry sees this much. */
export function approvalOf({ id, name, owner, approval }: JudgedEntry): ApprovalView | null {
  return approval ? { ...approval, entryId: id, entryName: name, owner } : null
}

/** null for unknown, malformed and hidden ids alike: requests are for the entry's own people, and for admins. */
export async function approvalById(context: CatalogContext, id: string): Promise<StoredApproval | null> {
  const found = /^apr_[0-9a-f]{24}$/.test(id) ? await findApproval(context.db, id, context.now()) : null
  return found !== null && can(context.principal, 'SEE_APPROVALS', found.owner) ? found : null
}

/** Newest first: of the caller's own entries and of those of their teams; for admins all. */
export function approvals(context: CatalogContext, state: ApprovalState | null, before: number | null, limit: number): Promise<StoredApproval[]> {
  const { principal } = context
  const candidates: OwnerRef[] = [{ kind: 'USER', id: principal.id }, ...[...principal.teams.keys()].map((id): OwnerRef => ({ kind: 'TEAM', id }))]
  const owners = principal.role === 'ADMIN' ? null : candidates.filter((owner) => can(principal, 'SEE_APPROVALS', owner))
  return listApprovals(context.db, { owners, state }, context.now(), before, limit)
}

