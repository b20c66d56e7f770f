import { describe, expect, it } from 'vitest'
import { type Principal } from '../../src/core/access.js'
import { type ApprovalTerms, approvalTerms, approversOf, isApprover, isExpired, isWidened, lastingApproval, makersOf, needsApproval } from '../../src/core/approval.js'
import { type Entry, type EntryApproval, entryStatus, type EntryStatus, type JudgedEntry, type Reach, type Revoked, statusReason } from '../../src/core/entry.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { deploymentOwner, type OwnerRef, systemPrincipal, type TeamRole } from '../../src/core/owner.js'
import { type Verdict, type VerdictKind } from '../../src/core/policy.js'
import { completePolicy, type PolicyDocument } from '../../src/core/policy-document.js'

const user = (id: string): OwnerRef => ({ kind: 'USER', id })
const team = (id: string): OwnerRef => ({ kind: 'TEAM', id })
const at = (day: number) => `2026-01-${String(day).padStart(2, '0')}T00:00:00.000Z`
const verdict = (kind: VerdictKind): Verdict => ({ kind, policyRevision: 1, findings: kind === 'ALLOW' ? [] : [{ rule: 'r', effect: kind, field: 'f', message: 'The finding.', mend: 'm' }] })
const by = (id: string) => ({ kind: 'USER' as const, id })

const pending: EntryApproval = {
  id: 'apr_1', digest: 'd1', state: 'PENDING', requestedBy: by('ann'), requestedAt: at(1), expiresAt: at(31), decidedBy: null, decidedAt: null, note: null,
}
const approved: EntryApproval = { ...pending, state: 'APPROVED', decidedBy: by('adm'), decidedAt: at(2) }
const rejected: EntryApproval = { ...approved, state: 'REJECTED', note: 'Pin it.' }
const gone: Revoked = { at: at(1), by: by('rev'), reason: 'It leaked.', digest: 'd1', target: null, restored: null }
const restored: Revoked = { ...gone, restored: { at: at(2), by: by('res') } }

const entry: Entry = {
  id: 'srv_1', kind: 'MCP_SERVER', name: 'x', owner: user('ann'), visibility: 'PRIVATE', audience: [], locked: false, revision: 1, createdAt: at(1), enabled: true,
  revoked: null, approval: null, bindings: null, definition: parseMcpServerDefinition({ transport: { stdio: { command: 'npx' } } }), digest: 'd1', apply: 'NEXT_TURN',
  updatedAt: at(1), updatedBy: by('ann'),
}

describe('what outlasts a change', () => {
  it.each<[string, EntryApproval | null, Partial<Entry>, VerdictKind, boolean]>([
    ['an approval: a rename', approved, { name: 'y' }, 'NEEDS_APPROVAL', true],
    ['an approval: a switch', approved, { enabled: false }, 'NEEDS_APPROVAL', true],
    ['an approval: a policy that needs none', approved, { name: 'y' }, 'ALLOW', true],
    ['an approval: a policy that denies', approved, { enabled: false }, 'DENY', true],
    ['an approval: its own time is not its end', { ...approved, expiresAt: at(1) }, { name: 'y' }, 'NEEDS_APPROVAL', true],
    ['S5: an approval: other content', approved, { digest: 'd2' }, 'NEEDS_APPROVAL', false],
    ['an approval: other content that needs none', approved, { digest: 'd2' }, 'ALLOW', false],
    ['an approval: everybody gets it', approved, { visibility: 'PUBLIC' }, 'NEEDS_APPROVAL', false],
    ['an approval: everybody gets it while it needs none', approved, { visibility: 'PUBLIC' }, 'ALLOW', false],
    ['an approval: what is blocked by now', approved, { revoked: restored }, 'NEEDS_APPROVAL', false],
    ['a request: a rename', pending, { name: 'y' }, 'NEEDS_APPROVAL', true],
    ['a request: a policy that denies', pending, { enabled: false }, 'DENY', true],
    ['a request: a team gets it, too', pending, { visibility: 'SHARED', audience: [team('t')] }, 'NEEDS_APPROVAL', false],
    ['a request: it needs none', pending, { name: 'y' }, 'ALLOW', false],
    ['a request that expired', { ...pending, expiresAt: at(10) }, { name: 'y' }, 'NEEDS_APPROVAL', false],
    ['a rejection: a wider audience', rejected, { visibility: 'PUBLIC' }, 'NEEDS_APPROVAL', true],
    ['a rejection: a policy that needs none', rejected, { name: 'y' }, 'ALLOW', true],
    ['a rejection: what is blocked by now', rejected, { revoked: restored }, 'NEEDS_APPROVAL', true],
    ['a rejection: other content', rejected, { digest: 'd2' }, 'NEEDS_APPROVAL', false],
    ['nothing: anything', null, { name: 'y' }, 'NEEDS_APPROVAL', false],
  ])('S5: of %s', (_, approval, change, kind, isLasting) => {
    const before = { ...entry, approval }
    expect(lastingApproval(before, { ...before, ...change }, verdict(kind), new Date(at(10)))).toBe(isLasting ? approval : null)
  })

  it.each<[string, Pick<Reach, 'visibility' | 'audience'>, Pick<Reach, 'visibility' | 'audience'>, boolean]>([
    ['private to a team', { visibility: 'PRIVATE', audience: [] }, { visibility: 'SHARED', audience: [team('a')] }, true],
    ['private to everybody', { visibility: 'PRIVATE', audience: [] }, { visibility: 'PUBLIC', audience: [] }, true],
    ['one team more', { visibility: 'SHARED', audience: [team('a')] }, { visibility: 'SHARED', audience: [team('a'), team('b')] }, true],
    ['another team', { visibility: 'SHARED', audience: [team('a')] }, { visibility: 'SHARED', audience: [team('b')] }, true],
    ['a user who is called like the team', { visibility: 'SHARED', audience: [team('a')] }, { visibility: 'SHARED', audience: [user('a')] }, true],
    ['an audience that meant nothing', { visibility: 'PRIVATE', audience: [team('a')] }, { visibility: 'SHARED', audience: [team('a')] }, true],
    ['one team less', { visibility: 'SHARED', audience: [team('a'), team('b')] }, { visibility: 'SHARED', audience: [team('b')] }, false],
    ['in another order', { visibility: 'SHARED', audience: [team('a'), team('b')] }, { visibility: 'SHARED', audience: [team('b'), team('a')] }, false],
    ['everybody to a team', { visibility: 'PUBLIC', audience: [] }, { visibility: 'SHARED', audience: [team('a')] }, false],
    ['a team to private', { visibility: 'SHARED', audience: [team('a')] }, { visibility: 'PRIVATE', audience: [] }, false],
    ['as it was', { visibility: 'PUBLIC', audience: [] }, { visibility: 'PUBLIC', audience: [] }, false],
  ])('wider: %s: %#', (_, before, after, expected) => { expect(isWidened(before, after)).toBe(expected) })

  it('expires at its moment, and only while it is pending', () => {
    expect([at(30), at(31)].map((now) => isExpired(pending, new Date(now)))).toEqual([false, true])
    expect(isExpired({ ...approved, expiresAt: at(1) }, new Date(at(31)))).toBe(false)
  })

  it.each<[VerdictKind, Revoked | null, boolean]>([
    ['NEEDS_APPROVAL', null, true], ['ALLOW', null, false], ['DENY', null, false], ['ALLOW', restored, true], ['DENY', restored, true], ['ALLOW', gone, false],
  ])('is needed: %s, %#', (kind, revoked, expected) => { expect(needsApproval(verdict(kind), revoked)).toBe(expected) })
})

describe('status', () => {
  it.each<[boolean, VerdictKind, Revoked | null, EntryApproval | null, EntryStatus]>([
    [true, 'NEEDS_APPROVAL', null, null, 'PENDING_APPROVAL'], [true, 'NEEDS_APPROVAL', null, pending, 'PENDING_APPROVAL'],
    [true, 'NEEDS_APPROVAL', null, approved, 'ACTIVE'], [true, 'NEEDS_APPROVAL', null, rejected, 'REJECTED'],
    [true, 'ALLOW', null, rejected, 'REJECTED'], [true, 'ALLOW', null, approved, 'ACTIVE'], [true, 'ALLOW', null, pending, 'ACTIVE'],
    [true, 'DENY', null, approved, 'POLICY_DENIED'], [true, 'DENY', null, rejected, 'POLICY_DENIED'],
    [false, 'DENY', null, rejected, 'DISABLED'], [false, 'NEEDS_APPROVAL', null, approved, 'DISABLED'],
    [true, 'ALLOW', restored, pending, 'PENDING_APPROVAL'], [true, 'ALLOW', restored, rejected, 'REJECTED'], [true, 'NEEDS_APPROVAL', gone, approved, 'REVOKED'],
  ])('enabled %s, %s, %#', (enabled, kind, revoked, approval, expected) => { expect(entryStatus(enabled, verdict(kind), revoked, approval)).toBe(expected) })

  it.each<[Revoked | null, EntryApproval | null, RegExp]>([
    [null, pending, /^Waits for approval, until 2026-01-31 00:00 UTC\. The finding\.$/],
    [restored, pending, /until .* It was revoked \(It leaked\.\) and restored; somebody other/],
    [null, rejected, /^Rejected \(Pin it\.\); change the definition/],
    [restored, { ...rejected, note: null }, /^Rejected; it stays as it was revoked/],
  ])('says what it waits for: %#', (revoked, approval, expected) => {
    const judged: JudgedEntry = { ...entry, revoked, approval, verdict: verdict('NEEDS_APPROVAL'), status: entryStatus(true, verdict('NEEDS_APPROVAL'), revoked, approval), dormant: false }
    expect(statusReason(judged)).toMatch(expected)
  })
})

describe('who decides', () => {
  const person = (role: Principal['role'], ...teams: Array<[string, TeamRole]>): Principal =>
    ({ kind: 'USER', id: 'me', credential: { kind: 'TOKEN', tokenId: 't' }, role, teams: new Map(teams), serves: null })
  const admins: ApprovalTerms = { allowSelf: false, approvers: 'admins', pendingExpiresAfterDays: 30 }
  const maintainers: ApprovalTerms = { ...admins, approvers: 'maintainers' }

  it.each<[string, Principal, OwnerRef, ApprovalTerms, boolean]>([
    ['an admin: anything', person('ADMIN'), user('ann'), admins, true],
    ['an admin: their own', person('ADMIN'), user('me'), admins, true],
    ['an admin: the deployment\'s', person('ADMIN'), deploymentOwner, maintainers, true],
    ['a person: their own', person('USER'), user('me'), maintainers, false],
    ['a maintainer: the team\'s', person('USER', ['a', 'MAINTAINER']), team('a'), maintainers, true],
    ['a maintainer where admins decide', person('USER', ['a', 'MAINTAINER']), team('a'), admins, false],
    ['a maintainer: another team\'s', person('USER', ['a', 'MAINTAINER']), team('b'), maintainers, false],
    ['a maintainer: a user called like the team', person('USER', ['a', 'MAINTAINER']), user('a'), maintainers, false],
    ['a maintainer: the deployment\'s', person('USER', ['a', 'MAINTAINER']), deploymentOwner, maintainers, false],
    ['a member', person('USER', ['a', 'MEMBER']), team('a'), maintainers, false],
    ['a worker that claims a role', { ...person('ADMIN'), kind: 'WORKER' }, user('ann'), maintainers, false],
  ])('%s', (_, principal, owner, terms, expected) => { expect(isApprover(principal, owner, terms)).toBe(expected) })

  it('S23: a team\'s policy only narrows, and what cannot be read allows nothing', () => {
    const policy = (document: PolicyDocument['approval'] | null) => ({ revision: 1, document: document === null ? null : completePolicy({ approval: document }) })
    const open = policy({ allowSelf: true, approvers: 'maintainers', pendingExpiresAfterDays: 90 })
    expect(approvalTerms([open])).toEqual({ allowSelf: true, approvers: 'maintainers', pendingExpiresAfterDays: 90 })
    expect(approvalTerms([open, policy({ pendingExpiresAfterDays: 3 })])).toEqual({ allowSelf: false, approvers: 'admins', pendingExpiresAfterDays: 3 })
    expect(approvalTerms([policy({}), open])).toEqual(admins)
    expect(approvalTerms([open, policy(null)])).toEqual(admins)
  })

  it('names them', () => {
    expect([approversOf(team('a'), maintainers), approversOf(team('a'), admins), approversOf(user('a'), maintainers)])
      .toEqual(['an admin, or a maintainer of the team', 'an admin', 'an admin'])
  })

  it('counts as makers the authors, and of what was restored its revoker and restorer', () => {
    expect(makersOf(entry, [by('ann')])).toEqual([by('ann')])
    expect(makersOf({ revoked: restored }, [systemPrincipal])).toEqual([systemPrincipal, by('rev'), by('res')])
    expect(makersOf({ revoked: gone }, [])).toEqual([by('rev')])
  })
})
