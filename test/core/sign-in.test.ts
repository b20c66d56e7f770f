import { describe, expect, it } from 'vitest'
import { type Identity } from '../../src/core/claims.js'
import { isOver, type Membership, type User } from '../../src/core/owner.js'
import { membershipTtlMs, planSignIn } from '../../src/core/sign-in.js'

const now = new Date('2026-03-01T12:00:00.000Z')
const inHours = (hours: number) => new Date(now.getTime() + hours * 3_600_000).toISOString()
const user: User = { id: 'usr_1', provider: 'oidc', subject: 's', displayName: 'Ada', role: 'USER', deactivatedAt: null, claimsIssuedAt: inHours(-2) }
const says = (more: Partial<Identity> = {}): Identity => ({ provider: 'oidc', subject: 's', displayName: 'Ada', role: 'USER', teams: new Map(), issuedAt: inHours(-1), ...more })
const held = (teamId: string, hours: number | null, role: Membership['role'] = 'MEMBER'): Membership => ({ teamId, userId: 'usr_1', role, expiresAt: hours === null ? null : inHours(hours) })
const red = new Map([['red', 'MEMBER' as const]])
const teams = new Map([['red', 'team_red'], ['blue', 'team_blue']])

/** In words: who the person becomes, what is put, what is removed. */
function plan(identity: Identity, memberships: Membership[] = [], of: User = user): string {
  const { user: after, put, remove } = planSignIn(identity, of, memberships, (slug) => teams.get(slug), now)
  for (const one of put) expect(one).toMatchObject({ userId: 'usr_1', expiresAt: inHours(12) })
  if (after !== null) expect(after).toEqual({ ...of, displayName: after.displayName, role: after.role, claimsIssuedAt: identity.issuedAt })
  return [
    ...after === null ? [] : [`${after.displayName} ${after.role}`], ...put.map(({ teamId, role }) => `+${teamId} ${role}`), ...remove.map(({ teamId }) => `-${teamId}`),
  ].join(', ')
}

describe('a sign-in', () => {
  it.each<[string, Identity, Membership[], string]>([
    ['that says what is known changes nothing', says(), [], ''],
    ['takes the name', says({ displayName: 'Ada L.' }), [], 'Ada L. USER'],
    ['... unless it gives none', says({ displayName: null }), [], ''],
    ['takes the role', says({ role: 'ADMIN' }), [], 'Ada ADMIN'],
    ['... unless it says nothing of roles', says({ role: null }), [], ''],
    ['adds a team', says({ teams: red }), [], 'Ada USER, +team_red MEMBER'],
    ['... but none that does not exist', says({ teams: new Map([['nowhere', 'MEMBER']]) }), [], ''],
    ['keeps a team that was named a while ago', says({ teams: red }), [held('team_red', 11)], ''],
    ['makes it last longer once less than 11 hours are left, as no news of the person', says({ teams: red }), [held('team_red', 10.99)], '+team_red MEMBER'],
    ['... also when it is over and not yet removed', says({ teams: red }), [held('team_red', -1)], '+team_red MEMBER'],
    ['changes the role in a team', says({ teams: new Map([['red', 'MAINTAINER']]) }), [held('team_red', 12)], 'Ada USER, +team_red MAINTAINER'],
    ['removes a team that is not named any more', says(), [held('team_red', 12), held('team_blue', 3)], 'Ada USER, -team_red, -team_blue'],
    ['... and not when it says nothing of teams', says({ teams: null }), [held('team_red', 12)], ''],
    ['does not touch what people decided: a team that is not named', says(), [held('team_red', null)], ''],
    ['... and a role that is another', says({ teams: red }), [held('team_red', null, 'MAINTAINER')], ''],
    ['S26: with older claims than those that altered something changes nothing', says({ issuedAt: inHours(-3), role: 'ADMIN', displayName: 'x', teams: red }), [held('team_blue', 1)], ''],
    ['S26: ... nor do claims without a moment', says({ issuedAt: null, role: 'ADMIN', teams: red }), [], ''],
    ['counts with claims of the same moment', says({ issuedAt: user.claimsIssuedAt, role: 'ADMIN' }), [], 'Ada ADMIN'],
  ])('%s', (_, identity, memberships, expected) => { expect(plan(identity, memberships)).toBe(expected) })

  it('of somebody whose provider never tells moments counts always', () => {
    expect(plan(says({ issuedAt: null, role: 'ADMIN' }), [], { ...user, claimsIssuedAt: null })).toBe('Ada ADMIN')
  })
})

it('a membership is over at its moment; one that people made never is', () => {
  expect([0, 0.001, -1, null].map((hours) => isOver(held('t', hours), now))).toEqual([true, false, true, false])
  expect(membershipTtlMs).toBe(43_200_000)
})
