import { type ReactNode } from 'react'
import { type ApprovalState } from '../../../src/core/approval.js'
import { type RevocationState } from '../../../src/core/revocation.js'
import { type AppliedState } from '../../../src/core/worker-status.js'
import { type EntryStatus, type OwnerKind, type Visibility } from '../generated/graphql.js'
import { OutsideText } from './outside-text.js'
import { shownText } from './shown-text.js'
import classes from './badge.module.css'

export type Tone = 'quiet' | 'good' | 'warn' | 'bad' | 'info'

export interface BadgeProps {
  tone?: Tone
  children: ReactNode
  title?: string
  /** Gives way where there is no room for all, with an ellipsis: for names, of which `title` has the rest. Default false: words stay whole. */
  mayShrink?: boolean
}

/** A short word about something. The tone only underlines what the word says: colour is never the one to say it. */
export function Badge({ tone = 'quiet', children, title, mayShrink = false }: BadgeProps) {
  return <span className={classes.badge} data-tone={tone} data-shrinks={mayShrink} title={title}>{children}</span>
}

const statusTones: Record<EntryStatus, [tone: Tone, word: string]> = {
  ACTIVE: ['good', 'active'], DISABLED: ['quiet', 'disabled'], PENDING_APPROVAL: ['warn', 'waits for approval'], REJECTED: ['bad', 'rejected'],
  POLICY_DENIED: ['bad', 'denied by policy'], REVOKED: ['bad', 'revoked'],
}

export function StatusBadge({ status }: { status: EntryStatus }) {
  const [tone, word] = statusTones[status]
  return <Badge tone={tone}>{word}</Badge>
}

const scopeWords: Record<Exclude<OwnerKind, 'DEPLOYMENT'>, string> = { TEAM: 'Team', USER: 'User' }

/** Whose it is: Deployment, Team (with its name) or Mine; somebody else's with the name. */
export function ScopeBadge({ owner, viewerId }: { owner: { kind: OwnerKind; id: string; displayName: string }; viewerId: string }) {
  if (owner.kind === 'USER' && owner.id === viewerId) return <Badge tone="info">Mine</Badge>
  if (owner.kind === 'DEPLOYMENT') return <Badge tone="info">Deployment</Badge>
  const word = scopeWords[owner.kind]
  return <Badge tone="info" title={`${word} ${shownText(owner.displayName)}`} mayShrink>{word} <OutsideText>{owner.displayName}</OutsideText></Badge>
}

const visibilityWords: Record<Visibility, [word: string, title: string]> = {
  PRIVATE: ['private', 'Only its owner uses it'], SHARED: ['shared', 'Its owner and those it is shared with use it'], PUBLIC: ['public', 'Everybody uses it'],
}

export function VisibilityBadge({ visibility }: { visibility: Visibility }) {
  const [word, title] = visibilityWords[visibility]
  return <Badge title={title}>{word}</Badge>
}

/** Where something that runs came from: the catalog, or the file or option of a static entry. */
export function ProvenanceBadge({ origin }: { origin: string }) {
  return <Badge tone={origin === 'catalog' ? 'info' : 'quiet'} title={origin === 'catalog' ? 'Managed here' : 'From the worker itself; not managed here'}>{origin}</Badge>
}

const appliedTones: Record<AppliedState, Tone> = {
  STARTING: 'info', APPLIED: 'good', DEFERRED: 'warn', FAILED: 'bad', REFUSED: 'bad', STOPPING: 'info', STOPPED: 'quiet', SURVIVED: 'bad', UNREACHABLE: 'warn',
}

/** What a session says of an entry. */
export function AppliedBadge({ state }: { state: AppliedState }) {
  return <Badge tone={appliedTones[state]}>{state.toLowerCase()}</Badge>
}

const approvalTones: Record<ApprovalState, Tone> = { PENDING: 'warn', APPROVED: 'good', REJECTED: 'bad', VOID: 'quiet', EXPIRED: 'quiet' }

export function ApprovalBadge({ state }: { state: ApprovalState }) {
  return <Badge tone={approvalTones[state]}>{state.toLowerCase()}</Badge>
}

const revocationTones: Record<RevocationState, Tone> = { PENDING: 'warn', COMPLETE: 'good', OVERDUE: 'bad' }

export function RevocationBadge({ state }: { state: RevocationState }) {
  return <Badge tone={revocationTones[state]}>{state.toLowerCase()}</Badge>
}
