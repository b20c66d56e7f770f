import { describe, expect, it } from 'vitest'
import { type Principal } from '../../src/core/access.js'
import { type Change, type LoggedChange } from '../../src/core/change.js'
import { deskFacts, type Viewpoint } from '../../src/core/desk.js'
import { type Candidate, type JudgedEntry } from '../../src/core/entry.js'
import { deploymentOwner, type OwnerRef, type TeamRole } from '../../src/core/owner.js'

const at = '2026-01-01T00:00:00.000Z'
function person(id: string, role: 'USER' | 'ADMIN' = 'USER', teams: Record<string, TeamRole> = {}): Viewpoint {
  const principal: Principal = { kind: 'USER', id, credential: { kind: 'TOKEN', tokenId: 'tok' }, role, teams: new Map(Object.entries(teams)), serves: null }
  return { principal, scope: { kind: 'USER', userId: id, teamIds: new Set(Object.keys(teams)), isAdmin: role === 'ADMIN', isDeactivated: false } }
}
const people = { ada: person('ada'), bob: person('bob'), member: person('member', 'USER', { red: 'MEMBER' }), lead: person('lead', 'USER', { red: 'MAINTAINER' }), admin: person('admin', 'ADMIN') }

const own = (id: string): OwnerRef => ({ kind: 'USER', id })
const red: OwnerRef = { kind: 'TEAM', id: 'red' }
const candidate = (owner: OwnerRef, more: Partial<Candidate> = {}): Candidate => ({ id: 'srv_1', kind: 'MCP_SERVER', name: 'one', owner, visibility: 'PRIVATE', audience: [], locked: false, revision: 1, status: 'ACTIVE', dormant: false, ...more } as Candidate)
const judged = (owner: OwnerRef, more: object = {}) => ({ ...candidate(owner), approval: null, ...more }) as JudgedEntry

/** Whom each fact is for, as `KIND id: names`. */
function told(changes: Change[], now?: JudgedEntry): string[] {
  const logged = changes.map((change, place): LoggedChange => ({ ...change, sequence: place + 1 }))
  return deskFacts(logged, () => now).map(({ kind, id, isFor }) => `${kind} ${id}: ${Object.entries(people).filter(([, each]) => isFor(each)).map(([name]) => name).join(' ')}`)
}
const audited = 'AUDIT null: admin'
const user = (id: string, deactivatedAt: string | null = null) => ({ id, provider: 'test', subject: id, displayName: id, role: 'USER' as const, deactivatedAt, claimsIssuedAt: null })
const token = { id: 'tok_1', kind: 'PERSONAL' as const, name: 'x', prefix: 'pht_', hash: 'h', userId: 'ada', serves: null, createdAt: at, expiresAt: at, revokedAt: null }
const secret = (owner: OwnerRef) => ({ id: 'sec_1', owner, name: 'KEY', provider: 'sealed' as const, path: null, version: 1, updatedAt: at, updatedBy: { kind: 'USER' as const, id: 'ada' }, deletedAt: null })
const membership = { teamId: 'red', userId: 'bob', role: 'MEMBER' as const, expiresAt: null }
const entry = (before: Candidate | null): Change => ({ subject: 'ENTRY', id: 'srv_1', before, after: null })

describe('S21: of a change hears who may read what changed', () => {
  it.each<[what: string, changes: Change[], now: JudgedEntry | undefined, facts: string[]]>([
    ['a person\'s own entry, and no admin of it', [entry(null)], judged(own('ada')), ['ENTRY srv_1: ada', audited]],
    ['one that was shared, and is no more', [entry(candidate(own('ada'), { visibility: 'SHARED', audience: [own('bob')] }))], judged(own('ada')), ['ENTRY srv_1: ada bob', audited]],
    ['a team\'s', [entry(null)], judged(red), ['ENTRY srv_1: member lead admin', audited]],
    ['one for everybody', [entry(null)], judged(deploymentOwner, { visibility: 'PUBLIC' }), ['ENTRY srv_1: ada bob member lead admin', audited]],
    ['one that was deleted', [entry(candidate(red, { withdrawal: { mode: 'IMMEDIATE', deadlineSeconds: 30 } } as never))], undefined, ['ENTRY srv_1: member lead admin', 'REVOCATION null: member lead admin', audited]],
    ['a person\'s that was revoked', [entry({ ...candidate(own('ada')), withdrawal: { mode: 'DRAIN', deadlineSeconds: 30 } } as never)], judged(own('ada')), ['ENTRY srv_1: ada', 'REVOCATION null: ada admin', audited]],
    ['a request for approval', [entry(null)], judged(own('ada'), { approval: { id: 'apr_1' } }), ['ENTRY srv_1: ada', 'APPROVAL apr_1: ada admin', audited]],
    ['a request that was given up', [entry(candidate(own('ada'), { status: 'PENDING_APPROVAL' }))], judged(own('ada')), ['ENTRY srv_1: ada', 'APPROVAL null: ada admin', audited]],
    ['tools', [{ subject: 'TOOLS', id: 'srv_1', before: null, after: {} as never }], judged(own('ada')), ['TOOLS srv_1: ada admin', audited]],
    ['tools of what is gone', [{ subject: 'TOOLS', id: 'srv_1', before: null, after: {} as never }], undefined, [audited]],
    ['a person\'s secret', [{ subject: 'SECRET', id: 'sec_1', before: null, after: secret(own('ada')) }], undefined, ['SECRET sec_1: ada', audited]],
    ['a team\'s secret', [{ subject: 'SECRET', id: 'sec_1', before: null, after: secret(red) }], undefined, ['SECRET sec_1: member lead admin', audited]],
    ['what a person confirmed', [{ subject: 'BINDING', id: 'x', before: null, after: { entryId: 'srv_1', userId: 'ada', name: 'KEY', injectionPoint: 'header', since: 1, at } }], undefined, ['SECRET null: ada', audited]],
    ['a team\'s policy', [{ subject: 'POLICY', id: 'red', before: null, after: { owner: red, revision: 2, document: {} } }], undefined, ['EVERYTHING null: member lead admin', 'POLICY red: member lead admin', audited]],
    ['the policy of all', [{ subject: 'POLICY', id: 'deployment', before: null, after: { owner: deploymentOwner, revision: 2, document: {} } }], undefined, ['EVERYTHING null: ada bob member lead admin', 'POLICY deployment: ada bob member lead admin', audited]],
    ['a person', [{ subject: 'USER', id: 'ada', before: user('ada'), after: user('ada') }], undefined, ['EVERYTHING null: ada', 'PEOPLE ada: ada lead admin', audited]],
    ['a person who left', [{ subject: 'USER', id: 'ada', before: user('ada'), after: user('ada', at) }], undefined, ['EVERYTHING null: ada bob member lead admin', 'PEOPLE ada: ada lead admin', audited]],
    ['a team', [{ subject: 'TEAM', id: 'red', before: null, after: { id: 'red', slug: 'red', displayName: 'Red', deletedAt: null } }], undefined, ['PEOPLE red: member lead admin', audited]],
    ['a membership', [{ subject: 'MEMBERSHIP', id: 'red/bob', before: membership, after: null, teamId: 'red', userId: 'bob' }], undefined, ['EVERYTHING null: bob', 'PEOPLE red: bob member lead admin', audited]],
    ['a token', [{ subject: 'TOKEN', id: 'tok_1', before: null, after: token }], undefined, ['TOKEN tok_1: ada admin', audited]],
    ['a worker\'s token', [{ subject: 'TOKEN', id: 'tok_1', before: null, after: { ...token, kind: 'WORKER', userId: null } }], undefined, ['TOKEN tok_1: admin', audited]],
    ['a sign-in', [{ subject: 'CONSOLE_SESSION', id: 'cns_1', before: null, after: { id: 'cns_1', hash: 'h', userId: 'ada', tokenId: null, createdAt: at, expiresAt: at, endedAt: null } }], undefined, ['CONSOLE_SESSION cns_1: ada admin', audited]],
    ['nothing', [], undefined, []],
  ])('%s', (_what, changes, now, facts) => expect(told(changes, now)).toEqual(facts))
})

it('what comes twice is told once, for whom either is; of many nobody is told which', () => {
  const twice = [entry(candidate(own('ada'))), entry(candidate(own('ada'), { visibility: 'SHARED', audience: [own('bob')] }))]
  expect(told(twice, judged(own('ada')))).toEqual(['ENTRY srv_1: ada bob', audited])
  const many = (count: number) => Array.from({ length: count }, (_, place): Change => ({ ...entry(null), id: `srv_${place}` }))
  expect(told(many(20), judged(own('ada')))).toHaveLength(21)
  expect(told(many(21), judged(own('ada')))).toEqual(['ENTRY null: ada bob member lead admin', audited])
})
