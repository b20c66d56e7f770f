import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  chosenOf, differenceOf, type Fate, fates, removalMode, removalReason, removalReasons, type Scope, wayTo,
} from '../../src/core/effective.js'
import { type Candidate, entryStatuses, visibilities } from '../../src/core/entry.js'
import { deploymentOwner, type OwnerRef, ownerKey } from '../../src/core/owner.js'
import { type Withdrawal } from '../../src/core/withdrawal.js'

const me: OwnerRef = { kind: 'USER', id: 'me' }
const stranger: OwnerRef = { kind: 'USER', id: 'stranger' }
const ourTeam: OwnerRef = { kind: 'TEAM', id: 'ours' }
const secondTeam: OwnerRef = { kind: 'TEAM', id: 'second' }
const otherTeam: OwnerRef = { kind: 'TEAM', id: 'theirs' }

const person: Scope & { kind: 'USER' } = { kind: 'USER', userId: 'me', teamIds: new Set(['ours', 'second']), isAdmin: false, isDeactivated: false }
const admin: Scope = { ...person, isAdmin: true }
const deactivated: Scope = { ...admin, isDeactivated: true }
const unknown: Scope = { kind: 'USER', userId: null, teamIds: new Set(), isAdmin: false, isDeactivated: false }
const team: Scope = { kind: 'TEAM', teamId: 'ours' }
const deployment: Scope = { kind: 'DEPLOYMENT' }

type Given = Partial<Candidate>
const entry = (given: Given = {}): Candidate => ({
  id: 'e', kind: 'MCP_SERVER', name: 'x', owner: deploymentOwner, visibility: 'PUBLIC', audience: [], locked: false, revision: 1,
  createdAt: '2026-01-01T00:00:00.000Z', status: 'ACTIVE', dormant: false, ...given,
})
const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`

const offered: Given = { owner: deploymentOwner }
const own: Given = { owner: me, visibility: 'PRIVATE' }
const teams: Given = { owner: ourTeam, visibility: 'PRIVATE' }
const shared = (...audience: OwnerRef[]): Given => ({ owner: stranger, visibility: 'SHARED', audience })
const off: Given = { status: 'DISABLED' }
const locked: Given = { locked: true }
const dormant: Given = { dormant: true }

const shown = (fate: Fate<Candidate>): string =>
  'by' in fate ? `${fate.outcome} by ${fate.by.id}` : fate.outcome === 'CHOSEN' ? `CHOSEN ${fate.way}` : fate.outcome
const outcomes = (scope: Scope, given: Record<string, Given>) =>
  Object.fromEntries(fates(scope, Object.entries(given).map(([id, one]) => entry({ ...one, id }))).map((fate) => [fate.entry.id, shown(fate)]))

describe('by which way an entry reaches a set', () => {
  it.each<[string, Scope, Given, string | null]>([
    ['a person gets the own private entry', person, own, 'OWN'],
    ['... and what a team of theirs has', person, teams, 'TEAM'],
    ['... and what the deployment offers', person, offered, 'DEPLOYMENT'],
    ['a private deployment entry is for admins only', person, { ...offered, visibility: 'PRIVATE' }, null],
    ['... and reaches admins', admin, { ...offered, visibility: 'PRIVATE' }, 'DEPLOYMENT'],
    ['... and is the deployment\'s own', deployment, { ...offered, visibility: 'PRIVATE' }, 'OWN'],
    ['... and reaches no team', team, { ...offered, visibility: 'PRIVATE' }, null],
    ['a shared deployment entry reaches its users', person, { ...offered, visibility: 'SHARED', audience: [me] }, 'DEPLOYMENT'],
    ['... its teams\' members', person, { ...offered, visibility: 'SHARED', audience: [ourTeam] }, 'DEPLOYMENT'],
    ['... and its teams', team, { ...offered, visibility: 'SHARED', audience: [ourTeam] }, 'DEPLOYMENT'],
    ['... not other people', person, { ...offered, visibility: 'SHARED', audience: [stranger, otherTeam] }, null],
    ['... not other teams', team, { ...offered, visibility: 'SHARED', audience: [secondTeam] }, null],
    ['... not a team through one of its members', team, { ...offered, visibility: 'SHARED', audience: [me] }, null],
    ['a stranger\'s private entry reaches nobody else', person, { owner: stranger, visibility: 'PRIVATE' }, null],
    ['... admins neither', admin, { owner: stranger, visibility: 'PRIVATE' }, null],
    ['a stranger\'s entry reaches the people it names', person, shared(me), 'REACHED'],
    ['... and the members of the teams it names', person, shared(otherTeam, secondTeam), 'REACHED'],
    ['... nobody else', person, shared(otherTeam), null],
    ['an audience of the same id and another kind is somebody else', person, shared({ kind: 'TEAM', id: 'me' }, { kind: 'USER', id: 'ours' }), null],
    ['an audience means nothing to a PRIVATE entry', person, { ...shared(me), visibility: 'PRIVATE' }, null],
    ['PUBLIC reaches every person', person, { owner: stranger }, 'REACHED'],
    ['... team entries too', person, { owner: otherTeam }, 'REACHED'],
    ['a team\'s set has its own', team, teams, 'OWN'],
    ['... not a member\'s', team, own, null],
    ['... not what people share with it', team, shared(ourTeam), null],
    ['... not what other teams share with it', team, { owner: otherTeam, visibility: 'SHARED', audience: [ourTeam] }, null],
    ['... not what is public', team, { owner: otherTeam }, null],
    ['the deployment\'s set has only its own', deployment, { owner: stranger }, null],
    ['... nothing of teams', deployment, { owner: ourTeam }, null],
    ['somebody unknown gets what the deployment offers to everyone', unknown, offered, 'DEPLOYMENT'],
    ['... not what it shares with some', unknown, { ...offered, visibility: 'SHARED', audience: [me, ourTeam] }, null],
    ['... nothing of strangers, public or not', unknown, { owner: stranger }, null],
    ['what a deactivated person owns reaches nobody', person, { ...shared(me), ...dormant }, null],
    ['... public or not', person, { owner: stranger, ...dormant }, null],
    ['... the person themselves neither', person, { ...own, ...dormant }, null],
    ['nothing reaches a deactivated person: nothing of their own', deactivated, own, null],
    ['... nothing of their teams', deactivated, teams, null],
    ['... nothing that the deployment offers', deactivated, offered, null],
    ['... and nothing that names them', deactivated, shared(me), null],
    ['a broken audience reaches nobody', unknown, shared({ kind: 'USER', id: null as unknown as string }), null],
  ])('%s', (_, scope, given, way) => {
    expect(wayTo(scope, entry(given))).toBe(way)
    expect(wayTo(scope, entry(given)) !== null).toBe(way !== null)
  })
})

describe('who wins a name', () => {
  it.each<[string, Scope, Record<string, Given>, Record<string, string>]>([
    ['own beats team beats deployment beats reached', person,
      { r: shared(me), d: offered, t: teams, o: own },
      { o: 'CHOSEN OWN', t: 'SHADOWED by o', d: 'SHADOWED by o', r: 'SHADOWED by o' }],
    ['team beats deployment beats reached, however old', person,
      { r: { ...shared(me), createdAt: at(1) }, d: { ...offered, createdAt: at(2) }, t: { ...teams, createdAt: at(3) } },
      { t: 'CHOSEN TEAM', d: 'SHADOWED by t', r: 'SHADOWED by t' }],
    ['deployment beats reached', person, { r: shared(me), d: offered }, { d: 'CHOSEN DEPLOYMENT', r: 'SHADOWED by d' }],
    ['the older wins within a rank', person,
      { a: { ...teams, createdAt: at(3) }, b: { ...teams, owner: secondTeam, createdAt: at(2) } }, { b: 'CHOSEN TEAM', a: 'SHADOWED by b' }],
    ['equal moments are decided by id', person,
      { b: { ...teams, owner: secondTeam }, a: teams }, { a: 'CHOSEN TEAM', b: 'SHADOWED by a' }],
    ['what is not active shadows nothing', person,
      { o: { ...own, ...off }, t: { ...teams, status: 'POLICY_DENIED' }, d: { ...offered, status: 'PENDING_APPROVAL' }, r: shared(me) },
      { r: 'CHOSEN REACHED', o: 'INACTIVE', t: 'INACTIVE', d: 'INACTIVE' }],
    ['what does not reach says so, active or not', person, { a: shared(stranger), b: { ...shared(stranger), ...off } }, { a: 'UNREACHED', b: 'UNREACHED' }],
    ['what is dormant shadows nothing', person, { o: { ...own, ...dormant }, r: shared(me) }, { r: 'CHOSEN REACHED', o: 'UNREACHED' }],
    ['a team\'s own beats the deployment\'s', team, { d: offered, t: teams }, { t: 'CHOSEN OWN', d: 'SHADOWED by t' }],
    ['nothing active, nothing chosen', person, { o: { ...own, ...off }, d: { ...offered, ...off } }, { o: 'INACTIVE', d: 'INACTIVE' }],
  ])('%s', (_, scope, given, expected) => { expect(outcomes(scope, given)).toEqual(expected) })
})

describe('locks', () => {
  it.each<[string, Scope, Record<string, Given>, Record<string, string>]>([
    ['a locked deployment entry holds the name against everyone', person,
      { o: own, t: teams, r: shared(me), d: { ...offered, ...locked } },
      { d: 'CHOSEN DEPLOYMENT', o: 'LOCKED_OUT by d', t: 'LOCKED_OUT by d', r: 'LOCKED_OUT by d' }],
    ['... even while it is disabled', person,
      { o: own, d: { ...offered, ...locked, ...off } }, { o: 'LOCKED_OUT by d', d: 'INACTIVE' }],
    ['... or denied', person, { o: own, d: { ...offered, ...locked, status: 'POLICY_DENIED' } }, { o: 'LOCKED_OUT by d', d: 'INACTIVE' }],
    ['... against a team\'s own', team, { t: teams, d: { ...offered, ...locked } }, { t: 'LOCKED_OUT by d', d: 'CHOSEN DEPLOYMENT' }],
    ['... and against what is not even active', person,
      { o: { ...own, ...off }, d: { ...offered, ...locked } }, { o: 'LOCKED_OUT by d', d: 'CHOSEN DEPLOYMENT' }],
    ['a lock holds only for those who see it', person,
      { o: own, d: { ...offered, ...locked, visibility: 'PRIVATE' } }, { o: 'CHOSEN OWN', d: 'UNREACHED' }],
    ['... admins see it', admin,
      { o: own, d: { ...offered, ...locked, visibility: 'PRIVATE' } }, { o: 'LOCKED_OUT by d', d: 'CHOSEN DEPLOYMENT' }],
    ['a locked team entry holds against its members', person, { o: own, t: { ...teams, ...locked } }, { t: 'CHOSEN TEAM', o: 'LOCKED_OUT by t' }],
    ['... not against another team', person,
      { t: { ...teams, ...locked, ...off }, s: { ...teams, owner: secondTeam } }, { s: 'CHOSEN TEAM', t: 'INACTIVE' }],
    ['... not against the deployment', person, { t: { ...teams, ...locked, ...off }, d: offered }, { d: 'CHOSEN DEPLOYMENT', t: 'INACTIVE' }],
    ['... not against people elsewhere', person, { t: { ...teams, owner: otherTeam, ...locked }, o: own }, { o: 'CHOSEN OWN', t: 'UNREACHED' }],
    ['the broadest lock holds', person,
      { o: own, t: { ...teams, ...locked }, d: { ...offered, ...locked, ...off } }, { o: 'LOCKED_OUT by d', t: 'LOCKED_OUT by d', d: 'INACTIVE' }],
    ['a user entry cannot lock', person, { r: { ...shared(me), ...locked }, o: own }, { o: 'CHOSEN OWN', r: 'SHADOWED by o' }],
  ])('%s', (_, scope, given, expected) => { expect(outcomes(scope, given)).toEqual(expected) })
})

const owners = [deploymentOwner, ourTeam, secondTeam, otherTeam, me, stranger]
const audienceOwner = fc.constantFrom(...owners.slice(1))
const candidate = fc.record<Candidate>({
  id: fc.uuid(), kind: fc.constant('MCP_SERVER' as const), name: fc.constant('x'), owner: fc.constantFrom(...owners),
  visibility: fc.constantFrom(...visibilities), audience: fc.uniqueArray(audienceOwner, { maxLength: 3, selector: ownerKey }),
  locked: fc.boolean(), revision: fc.integer({ min: 1, max: 3 }), createdAt: fc.constantFrom(at(1), at(2), at(3)),
  status: fc.constantFrom(...entryStatuses), dormant: fc.boolean(),
})
const candidates = fc.uniqueArray(candidate, { maxLength: 6, selector: ({ owner }) => ownerKey(owner) })
const personScope = fc.record({
  kind: fc.constant('USER' as const), userId: fc.constant('me'), isAdmin: fc.boolean(), isDeactivated: fc.constant(false),
  teamIds: fc.subarray(['ours', 'second', 'theirs']).map((ids): ReadonlySet<string> => new Set(ids)),
})
const scopes: fc.Arbitrary<Scope> = fc.oneof(personScope, fc.constantFrom(unknown, team, deployment, deactivated))

describe('every set', () => {
  it('chooses at most one, reachable and ACTIVE; every entry has one fate', () => {
    fc.assert(fc.property(scopes, candidates, (scope, entries) => {
      const all = fates(scope, entries)
      const chosen = all.filter(({ outcome }) => outcome === 'CHOSEN').map((fate) => fate.entry)
      expect(all.map((fate) => fate.entry)).toEqual(entries)
      expect(chosen.length).toBeLessThanOrEqual(1)
      expect(chosenOf(scope, entries)).toBe(chosen[0] ?? null)
      for (const one of chosen) expect([one.status, wayTo(scope, one) === null]).toEqual(['ACTIVE', false])
      for (const fate of all) expect(fate.outcome === 'UNREACHED').toBe(wayTo(scope, fate.entry) === null)
      // A loser's reason is true: what it names reaches the set, and is chosen or locked.
      for (const fate of all) if (fate.outcome === 'SHADOWED') expect(fate.by).toBe(chosen[0])
      for (const fate of all) if (fate.outcome === 'LOCKED_OUT') expect([fate.by.locked, wayTo(scope, fate.by) === null]).toEqual([true, false])
    }))
  })

  it('chooses someone whenever something reachable and active is not locked out', () => {
    fc.assert(fc.property(scopes, candidates, (scope, entries) => {
      const all = fates(scope, entries)
      const isOpen = all.some(({ entry, outcome }) => entry.status === 'ACTIVE' && outcome !== 'UNREACHED' && outcome !== 'LOCKED_OUT')
      expect(chosenOf(scope, entries) !== null).toBe(isOpen)
    }))
  })

  it('does not depend on the order of its entries', () => {
    const shuffled = candidates.chain((entries) => fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })))
    const byId = (scope: Scope, entries: Candidate[]) => fates(scope, entries).map((fate) => [fate.entry.id, shown(fate)]).sort()
    fc.assert(fc.property(scopes, shuffled, (scope, [entries, others]) => { expect(byId(scope, entries)).toEqual(byId(scope, others)) }))
  })

  it('S23: losing a right never adds what was out of reach', () => {
    const losses: Array<(scope: Scope & { kind: 'USER' }) => Scope> = [
      (scope) => ({ ...scope, isAdmin: false }),
      (scope) => ({ ...scope, isDeactivated: true }),
      ...['ours', 'second', 'theirs'].map((gone) => (scope: Scope & { kind: 'USER' }) => ({ ...scope, teamIds: new Set([...scope.teamIds].filter((id) => id !== gone)) })),
      () => unknown,
    ]
    fc.assert(fc.property(personScope, candidates, fc.constantFrom(...losses), (scope, entries, lose) => {
      const after = lose(scope)
      for (const one of entries) if (wayTo(after, one) !== null) expect(wayTo(scope, one) !== null).toBe(true)
      const chosen = chosenOf(after, entries)
      if (chosen !== null) expect(wayTo(scope, chosen)).not.toBeNull()
    }))
  })

  it('S23: narrowing an entry never lets it reach more', () => {
    fc.assert(fc.property(scopes, candidate, fc.nat(2), (scope, one, kept) => {
      const narrower: Candidate[] = [
        { ...one, audience: one.audience.slice(0, kept) },
        { ...one, visibility: 'PRIVATE' },
        { ...one, dormant: true },
        ...(one.visibility === 'PUBLIC' ? [{ ...one, visibility: 'SHARED' as const }] : []),
      ]
      for (const after of narrower) if (wayTo(scope, after) !== null) expect(wayTo(scope, one) !== null).toBe(true)
    }))
  })
})

describe('why something left the set', () => {
  const was = entry({ id: 'gone', ...shared(me), name: 'old' })
  it.each<[string, Candidate | null, string]>([
    ['it is deleted', null, 'DELETED'],
    ['it is disabled', { ...was, ...off }, 'DISABLED'],
    ['it is revoked', { ...was, status: 'REVOKED' }, 'REVOKED'],
    ['a rename hides no state: revoked', { ...was, name: 'new', status: 'REVOKED' }, 'REVOKED'],
    ['the policy denies it', { ...was, status: 'POLICY_DENIED' }, 'POLICY_DENIED'],
    ['it waits for approval again', { ...was, status: 'PENDING_APPROVAL' }, 'APPROVAL_VOID'],
    ['another one comes first', was, 'SHADOWED'],
    ['it has another name', { ...was, name: 'new' }, 'RENAMED'],
    ['it is not shared any more', { ...was, audience: [] }, 'NOT_SHARED'],
    ['a rename hides no state: denied', { ...was, name: 'new', status: 'POLICY_DENIED' }, 'POLICY_DENIED'],
    ['a rename hides no state: pending', { ...was, name: 'new', status: 'PENDING_APPROVAL' }, 'APPROVAL_VOID'],
    ['F2: ... nor is its new name told', { ...was, audience: [], name: 'new' }, 'NOT_SHARED'],
    ['F2: ... nor that its owner was deactivated', { ...was, ...dormant }, 'NOT_SHARED'],
    ['F2: ... nor that it was revoked', { ...was, audience: [], status: 'REVOKED' }, 'NOT_SHARED'],
    ['F2: ... nor its new state', { ...was, visibility: 'PRIVATE', status: 'DISABLED' }, 'NOT_SHARED'],
  ])('%s', (_, now, reason) => { expect(removalReason(person, was, now)).toBe(reason) })

  it('F2: what was dormant before it was deleted went because of that', () => {
    expect(removalReason(person, was, null, { ...was, ...dormant })).toBe('NOT_SHARED')
    expect(removalReason(deactivated, was, was)).toBe('NOT_SHARED')
  })

  it('S13: only what is harmless drains', () => {
    expect(Object.fromEntries(removalReasons.map((reason) => [reason, removalMode(reason)]))).toEqual({
      DELETED: 'IMMEDIATE', DISABLED: 'DRAIN', REVOKED: 'IMMEDIATE', POLICY_DENIED: 'IMMEDIATE', APPROVAL_VOID: 'IMMEDIATE', NOT_SHARED: 'IMMEDIATE',
      SHADOWED: 'DRAIN', RENAMED: 'DRAIN', REJECTED: 'IMMEDIATE',
    })
  })
})

describe('the difference for one name', () => {
  const before = entry({ id: 'a', ...own, revision: 4 })
  const later = { ...before, revision: 5 }
  const other = entry({ id: 'b', ...teams })
  const removed = (reason: string) => ({
    id: 'a', kind: 'MCP_SERVER', name: 'x', revision: 4, reason,
    ...(['DISABLED', 'SHADOWED', 'RENAMED'].includes(reason) ? { mode: 'DRAIN', deadlineSeconds: 30 } : { mode: 'IMMEDIATE', deadlineSeconds: null }),
  })
  it.each<[string, Candidate | null, Candidate | null, Candidate | null, Candidate[], unknown[]]>([
    ['nothing, then nothing', null, null, null, [], []],
    ['it came', null, before, before, [before], []],
    ['it stayed', before, before, before, [], []],
    ['it changed', before, later, later, [later], []],
    ['it went', before, null, null, [], [removed('DELETED')]],
    ['it was disabled, another takes over', before, other, { ...before, ...off }, [other], [removed('DISABLED')]],
    ['another came before it', before, other, before, [other], [removed('SHADOWED')]],
    ['it was renamed', before, null, { ...later, name: 'y' }, [], [removed('RENAMED')]],
    ['it was locked out', before, null, before, [], [removed('SHADOWED')]],
  ])('%s', (_, was, is, now, upserted, gone) => {
    expect(differenceOf(person, was, is, () => now)).toEqual({ upserted, removed: gone })
  })

  it.each<[string, Candidate | null, Withdrawal, string, string, number | null]>([
    ['whoever disables it has the say', { ...before, ...off }, { mode: 'IMMEDIATE', deadlineSeconds: 5 }, 'DISABLED', 'IMMEDIATE', null],
    ['... also to give more time', { ...before, ...off }, { mode: 'DRAIN', deadlineSeconds: 300 }, 'DISABLED', 'DRAIN', 300],
    ['whoever deletes it has the say', null, { mode: 'DRAIN', deadlineSeconds: 5 }, 'DELETED', 'DRAIN', 5],
    ['whoever revokes it has the say', { ...before, status: 'REVOKED' }, { mode: 'DRAIN', deadlineSeconds: 5 }, 'REVOKED', 'DRAIN', 5],
    ['S13: ... but a policy that denies it meanwhile ends it at once', { ...before, status: 'POLICY_DENIED' }, { mode: 'DRAIN', deadlineSeconds: 300 }, 'POLICY_DENIED', 'IMMEDIATE', null],
    ['S13: ... and what was to end at once is not drained because another one comes first now', before, { mode: 'IMMEDIATE', deadlineSeconds: 30 }, 'SHADOWED', 'IMMEDIATE', null],
    ['... nor longer than usual', before, { mode: 'DRAIN', deadlineSeconds: 300 }, 'SHADOWED', 'DRAIN', 30],
    ['F2: whom it does not reach is told nothing of it', { ...before, owner: stranger }, { mode: 'DRAIN', deadlineSeconds: 5 }, 'NOT_SHARED', 'IMMEDIATE', null],
  ])('%s', (_, now, said, reason, mode, deadlineSeconds) => {
    expect(differenceOf(person, before, null, () => now, () => null, () => said).removed).toMatchObject([{ reason, mode, deadlineSeconds }])
  })

  it('F2: whom it does not reach any more learns only that', () => {
    fc.assert(fc.property(scopes, candidate, candidate, fc.string(), (scope, was, is, name) => {
      const now: Candidate = { ...is, id: was.id, name }
      fc.pre(wayTo(scope, now) === null)
      const { upserted, removed } = differenceOf<Candidate>(scope, was, null, () => now)
      expect(upserted).toEqual([])
      expect(removed).toEqual([{
        id: was.id, kind: was.kind, name: was.name, revision: was.revision, reason: 'NOT_SHARED', mode: 'IMMEDIATE', deadlineSeconds: null,
      }])
    }))
  })

  it('F5: is empty between a state and itself', () => {
    fc.assert(fc.property(scopes, candidates, (scope, entries) => {
      const chosen = chosenOf(scope, entries)
      expect(differenceOf(scope, chosen, chosen, () => chosen)).toEqual({ upserted: [], removed: [] })
    }))
  })
})
