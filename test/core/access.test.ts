import { describe, expect, it } from 'vitest'
import { accessTable, actions, type Action, can, type Decision, decide, type Principal, type Relation, relationOf, relations } from '../../src/core/access.js'
import { deploymentOwner, type OwnerRef, ownerKinds, type TeamRole } from '../../src/core/owner.js'

const me: OwnerRef = { kind: 'USER', id: 'me' }
const stranger: OwnerRef = { kind: 'USER', id: 'stranger' }
const nobody: OwnerRef = { kind: 'USER', id: 'no-such-user' }
const ourTeam: OwnerRef = { kind: 'TEAM', id: 'ours' }
const otherTeam: OwnerRef = { kind: 'TEAM', id: 'theirs' }
const noTeam: OwnerRef = { kind: 'TEAM', id: 'no-such-team' }

const user = (role: Principal['role'], ...teams: Array<[string, TeamRole]>): Principal =>
  ({ kind: 'USER', id: 'me', credential: { kind: 'TOKEN', tokenId: 't' }, role, teams: new Map(teams), serves: null })
const worker = (serves: string[] | null): Principal =>
  ({ kind: 'WORKER', id: 'w', credential: { kind: 'TOKEN', tokenId: 'w' }, role: 'USER', teams: new Map(), serves: serves && new Set(serves) })

const plain = user('USER')
const member = user('USER', ['ours', 'MEMBER'])
const maintainer = user('USER', ['ours', 'MAINTAINER'])
const admin = user('ADMIN')
const everyWorker = worker(null)
const listedWorker = worker(['USER:me', 'TEAM:ours'])

describe('how a principal stands to an owner', () => {
  it.each<[string, Principal, OwnerRef, Relation]>([
    ['a person to themself', plain, me, 'SELF'],
    ['... as an admin too', admin, me, 'SELF'],
    ['a person to a stranger', plain, stranger, 'OTHER'],
    ['a person to somebody who does not exist', plain, nobody, 'OTHER'],
    ['a person to a team that is called like them', plain, { kind: 'TEAM', id: 'me' }, 'OTHER'],
    ['a person to a deployment that is called like them', plain, { kind: 'DEPLOYMENT', id: 'me' }, 'OTHER'],
    ['a person to a user that is called like their team', member, { kind: 'USER', id: 'ours' }, 'OTHER'],
    ['a member to the team', member, ourTeam, 'MEMBER'],
    ['a member to another team', member, otherTeam, 'OTHER'],
    ['a maintainer to the team', maintainer, ourTeam, 'MAINTAINER'],
    ['a maintainer to another team', maintainer, otherTeam, 'OTHER'],
    ['a maintainer to a member', maintainer, stranger, 'OTHER'],
    ['an admin to a stranger', admin, stranger, 'ADMIN'],
    ['an admin to the deployment', admin, deploymentOwner, 'ADMIN'],
    ['an admin to the own team', user('ADMIN', ['ours', 'MEMBER']), ourTeam, 'ADMIN'],
    ['an admin to a team they maintain', user('ADMIN', ['ours', 'MAINTAINER']), ourTeam, 'MAINTAINER'],
    ['a person to the deployment', maintainer, deploymentOwner, 'OTHER'],
    ['a worker that serves everyone', everyWorker, stranger, 'SERVING'],
    ['... the deployment too', everyWorker, deploymentOwner, 'SERVING'],
    ['a worker to a listed user', listedWorker, me, 'SERVING'],
    ['a worker to a listed team', listedWorker, ourTeam, 'SERVING'],
    ['a worker to anybody else', listedWorker, stranger, 'UNSERVING'],
    ['a worker to a team of a listed user\'s id', listedWorker, { kind: 'TEAM', id: 'me' }, 'UNSERVING'],
    ['a worker to the deployment', listedWorker, deploymentOwner, 'UNSERVING'],
    ['a worker that serves nobody', worker([]), me, 'UNSERVING'],
    ['a worker whose token has a user\'s id', { ...listedWorker, id: 'stranger' }, stranger, 'UNSERVING'],
    ['a worker that claims a role', { ...listedWorker, role: 'ADMIN' }, stranger, 'UNSERVING'],
  ])('%s', (_, principal, owner, relation) => { expect(relationOf(principal, owner)).toBe(relation) })
})

describe('the table of domain.md', () => {
  it('has a decision for every action, kind of owner and relation', () => {
    expect(Object.keys(accessTable).sort()).toEqual([...actions].sort())
    for (const action of actions) for (const kind of ownerKinds) {
      expect(Object.keys(accessTable[action][kind]).sort()).toEqual([...relations].sort())
      for (const relation of relations) expect(['YES', 'NO', 'HIDDEN', 'AUDITED']).toContain(accessTable[action][kind][relation])
    }
  })

  it.each<[string, Principal, Action, OwnerRef, Decision]>([
    // see / use: the owner's own people; what reaches them through an audience is wayTo's to say.
    ['own entries: the user', plain, 'SEE_ENTRIES', me, 'YES'],
    ['another user\'s: hidden', plain, 'SEE_ENTRIES', stranger, 'HIDDEN'],
    ['another user\'s: admins, as break-glass', admin, 'SEE_ENTRIES', stranger, 'AUDITED'],
    ['team entries: members', member, 'SEE_ENTRIES', ourTeam, 'YES'],
    ['team entries: nobody else', plain, 'SEE_ENTRIES', ourTeam, 'HIDDEN'],
    ['team entries: a stranger\'s maintainer neither', maintainer, 'SEE_ENTRIES', otherTeam, 'HIDDEN'],
    ['deployment entries: by visibility', plain, 'SEE_ENTRIES', deploymentOwner, 'YES'],
    // create, edit, enable, delete, share
    ['edit own: the user', plain, 'WRITE_ENTRIES', me, 'YES'],
    ['edit team: maintainers', maintainer, 'WRITE_ENTRIES', ourTeam, 'YES'],
    ['edit team: members only look', member, 'WRITE_ENTRIES', ourTeam, 'NO'],
    ['edit team: nobody else', plain, 'WRITE_ENTRIES', ourTeam, 'HIDDEN'],
    ['edit deployment: admins', admin, 'WRITE_ENTRIES', deploymentOwner, 'YES'],
    ['edit deployment: nobody else', maintainer, 'WRITE_ENTRIES', deploymentOwner, 'NO'],
    ['edit another user\'s: admins, as break-glass', admin, 'WRITE_ENTRIES', stranger, 'AUDITED'],
    ['edit another user\'s: nobody else', maintainer, 'WRITE_ENTRIES', stranger, 'HIDDEN'],
    // older definitions: the owner's own people
    ['history of the own', plain, 'READ_HISTORY', me, 'YES'],
    ['history of the deployment\'s', plain, 'READ_HISTORY', deploymentOwner, 'NO'],
    ['history of a stranger\'s', plain, 'READ_HISTORY', stranger, 'HIDDEN'],
    ['history of a stranger\'s: admins, as break-glass', admin, 'READ_HISTORY', stranger, 'AUDITED'],
    // sets
    ['the own set', plain, 'READ_SET', me, 'YES'],
    ['a stranger\'s set', maintainer, 'READ_SET', stranger, 'HIDDEN'],
    ['a stranger\'s set: admins, as break-glass', admin, 'READ_SET', stranger, 'AUDITED'],
    ['a served owner\'s set', listedWorker, 'READ_SET', me, 'YES'],
    ['a set of somebody not served', listedWorker, 'READ_SET', stranger, 'HIDDEN'],
    // people, policy, tokens, audit
    ['members: maintainers', maintainer, 'MANAGE_MEMBERS', ourTeam, 'YES'],
    ['members: not members', member, 'MANAGE_MEMBERS', ourTeam, 'NO'],
    ['team policy: maintainers', maintainer, 'WRITE_POLICY', ourTeam, 'YES'],
    ['team policy: members read', member, 'READ_POLICY', ourTeam, 'YES'],
    ['deployment policy: admins', admin, 'WRITE_POLICY', deploymentOwner, 'YES'],
    ['deployment policy: everyone reads', plain, 'READ_POLICY', deploymentOwner, 'YES'],
    ['deployment policy: nobody else writes', maintainer, 'WRITE_POLICY', deploymentOwner, 'NO'],
    ['own tokens', plain, 'MANAGE_TOKENS', me, 'YES'],
    ['tokens for others: admins', admin, 'MANAGE_TOKENS', stranger, 'YES'],
    ['tokens for others: nobody else', plain, 'MANAGE_TOKENS', stranger, 'HIDDEN'],
    ['people: admins', admin, 'MANAGE_PEOPLE', deploymentOwner, 'YES'],
    ['people: nobody else', maintainer, 'MANAGE_PEOPLE', deploymentOwner, 'NO'],
    // what workers report
    ['status of the own sessions', plain, 'READ_STATUS', me, 'YES'],
    ['status of a team\'s: members', member, 'READ_STATUS', ourTeam, 'YES'],
    ['status of a stranger\'s', maintainer, 'READ_STATUS', stranger, 'HIDDEN'],
    ['status of a stranger\'s: admins', admin, 'READ_STATUS', stranger, 'YES'],
    ['status of the deployment\'s: nobody else', maintainer, 'READ_STATUS', deploymentOwner, 'NO'],
    ['reports for a served owner', listedWorker, 'REPORT_STATUS', me, 'YES'],
    ['reports for somebody not served', listedWorker, 'REPORT_STATUS', stranger, 'HIDDEN'],
    ['reports are not for people', admin, 'REPORT_STATUS', me, 'NO'],
    // secrets: a person's are that person's alone
    ['own secrets', plain, 'WRITE_SECRETS', me, 'YES'],
    ['another user\'s secrets: admins neither', admin, 'WRITE_SECRETS', stranger, 'NO'],
    ['another user\'s secrets: their names, as break-glass', admin, 'READ_SECRETS', stranger, 'AUDITED'],
    ['a team\'s secrets: maintainers', maintainer, 'WRITE_SECRETS', ourTeam, 'YES'],
    ['a team\'s secrets: members see their names', member, 'READ_SECRETS', ourTeam, 'YES'],
    ['a team\'s secrets: and no more', member, 'WRITE_SECRETS', ourTeam, 'NO'],
    ['the deployment\'s secrets: admins', admin, 'WRITE_SECRETS', deploymentOwner, 'YES'],
    ['the deployment\'s secrets: nobody else', maintainer, 'READ_SECRETS', deploymentOwner, 'NO'],
    ['a probe as oneself', plain, 'PROBE', me, 'YES'],
    ['a probe as somebody else is nobody\'s, with their accounts', plain, 'PROBE', stranger, 'HIDDEN'],
    ['... an admin\'s neither', admin, 'PROBE', stranger, 'NO'],
    ['a probe as the team: members', member, 'PROBE', ourTeam, 'YES'],
    ['a probe as the deployment: admins', admin, 'PROBE', deploymentOwner, 'YES'],
    ['... nobody else', maintainer, 'PROBE', deploymentOwner, 'NO'],
    ['workers take probes, and ask for none', everyWorker, 'PROBE', me, 'NO'],
    ['leases for a served owner', listedWorker, 'LEASE_SECRETS', me, 'YES'],
    ['leases for somebody not served', listedWorker, 'LEASE_SECRETS', stranger, 'HIDDEN'],
    ['leases are not for people', admin, 'LEASE_SECRETS', me, 'NO'],
    ['audit: admins', admin, 'READ_AUDIT', deploymentOwner, 'YES'],
    ['audit: nobody else', plain, 'READ_AUDIT', deploymentOwner, 'NO'],
  ])('%s', (_, principal, action, owner, decision) => {
    expect(decide(principal, action, owner)).toBe(decision)
    expect(can(principal, action, owner)).toBe(decision === 'YES' || decision === 'AUDITED')
  })
})

describe('what holds in every row', () => {
  const cells = actions.flatMap((action) => ownerKinds.flatMap((kind) => relations.map((relation) =>
    ({ action, kind, relation, decision: accessTable[action][kind][relation] }))))

  it('a worker may read the sets it serves, lease what they need and report on them, and nothing else', () => {
    const allowed = cells.filter(({ relation, decision }) => ['SERVING', 'UNSERVING'].includes(relation) && ['YES', 'AUDITED'].includes(decision))
    expect(allowed.map(({ action, kind, relation }) => `${action} ${kind} ${relation}`).sort())
      .toEqual(['LEASE_SECRETS', 'READ_SET', 'REPORT_STATUS'].flatMap((action) => ['DEPLOYMENT', 'TEAM', 'USER'].map((kind) => `${action} ${kind} SERVING`)))
  })

  it('admins see the status of everything, which is why a list for them asks no further', () => {
    expect(cells.filter(({ action, relation, decision }) => action === 'READ_STATUS' && relation === 'ADMIN' && decision !== 'YES')).toEqual([])
  })

  it('S21: strangers are never allowed anything of users and teams, nor told that they exist', () => {
    const told = cells.filter(({ kind, relation, action }) => kind !== 'DEPLOYMENT' && ['OTHER', 'UNSERVING'].includes(relation)
      && Object.values(accessTable[action][kind]).some((decision) => decision !== 'NO')).filter(({ decision }) => decision !== 'HIDDEN')
    expect(told).toEqual([])
  })

  it('S21: an unknown owner looks like a hidden one', () => {
    for (const principal of [plain, member, maintainer, listedWorker]) for (const action of actions) {
      expect(decide(principal, action, nobody)).toBe(decide(principal, action, stranger))
      expect(decide(principal, action, noTeam)).toBe(decide(principal, action, otherTeam))
    }
  })

  it('the deployment is no secret', () => {
    expect(cells.filter(({ kind, decision }) => kind === 'DEPLOYMENT' && decision === 'HIDDEN')).toEqual([])
  })

  it('only admins break glass, and only at users', () => {
    const audited = cells.filter(({ decision }) => decision === 'AUDITED')
    expect(new Set(audited.map(({ kind, relation }) => `${kind} ${relation}`))).toEqual(new Set(['USER ADMIN']))
    expect(audited.map(({ action }) => action).sort()).toEqual(['READ_HISTORY', 'READ_SECRETS', 'READ_SET', 'SEE_ENTRIES', 'WRITE_ENTRIES'])
  })

  it('whoever may write may also see', () => {
    for (const kind of ownerKinds) for (const relation of relations) {
      const may = (action: Action) => ['YES', 'AUDITED'].includes(accessTable[action][kind][relation])
      if (may('WRITE_ENTRIES')) expect([may('SEE_ENTRIES'), may('READ_HISTORY')]).toEqual([true, true])
      if (may('WRITE_SECRETS')) expect(may('READ_SECRETS')).toBe(true)
      if (may('WRITE_POLICY')) expect(may('READ_POLICY')).toBe(true)
    }
  })
})
