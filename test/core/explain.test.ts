import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Scope, wayTo } from '../../src/core/effective.js'
import { type EntryApproval, entryStatus, type JudgedEntry, type Revoked, visibilities } from '../../src/core/entry.js'
import { type Availability, explain, type ExplainInput, workersStep } from '../../src/core/explain.js'
import { deploymentOwner, isSameOwner, type OwnerRef, ownerKey, systemPrincipal } from '../../src/core/owner.js'
import { parseAgentDefinition } from '../../src/core/agent.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { referencesOf } from '../../src/core/secret.js'
import { type SecretStanding, type StandingReference } from '../../src/core/secret-standing.js'
import { type VerdictKind } from '../../src/core/policy.js'

const me: OwnerRef = { kind: 'USER', id: 'me' }
const stranger: OwnerRef = { kind: 'USER', id: 'stranger' }
const ourTeam: OwnerRef = { kind: 'TEAM', id: 'ours' }
const names: Record<string, string> = { me: 'Ann', stranger: 'Bob', ours: 'Crew' }
const person: Scope & { kind: 'USER' } = { kind: 'USER', userId: 'me', teamIds: new Set(['ours']), isAdmin: false, isDeactivated: false }

type Given = Partial<JudgedEntry> & { kindOfVerdict?: VerdictKind }
const http = (extra: object = {}) => parseMcpServerDefinition({ transport: { http: { url: 'https://example.com/mcp', ...extra } } })

function entry({ kindOfVerdict = 'ALLOW', ...given }: Given = {}): JudgedEntry {
  const enabled = given.enabled ?? true
  const verdict = given.verdict ?? {
    kind: kindOfVerdict, policyRevision: 7,
    findings: kindOfVerdict === 'ALLOW' ? [] : [{ rule: 'transport', effect: kindOfVerdict, field: 'definition.transport', message: 'The finding.', mend: 'The mend.' }],
  }
  return {
    id: 'srv_1', kind: 'MCP_SERVER', name: 'x', owner: me, visibility: 'PRIVATE', audience: [], locked: false, revision: 3,
    createdAt: '2026-01-01T00:00:00.000Z', definition: http(), digest: 'd', apply: 'NEXT_TURN', updatedAt: '2026-01-01T00:00:00.000Z',
    updatedBy: systemPrincipal, revoked: null, approval: null, bindings: null, dormant: false, ...given, enabled, verdict,
    status: entryStatus(enabled, verdict, given.revoked, given.approval),
  }
}

const revoked: Revoked = { at: '2026-01-01T00:00:00.000Z', by: systemPrincipal, reason: 'It leaked.', digest: 'd', target: null, restored: null }

const ask = (entries: JudgedEntry[], more: Partial<ExplainInput> = {}) =>
  explain({
    scope: person, entries, isVisible: () => false, hasMcpServer: () => true, now: new Date('2026-01-10T00:00:00.000Z'), approversOf: () => 'an admin',
    asked: { owner: me, isAsker: false }, ownerNameOf: ({ id }) => names[id] ?? id, nameOf: ({ id }) => `<${id}>`, secretsOf: standing('READY'), driftOf: () => ({ names: [], isHeld: true }), ...more,
  })
/** All references of an entry in one state. */
const standing = (state: SecretStanding, boundSince = 1) => (one: JudgedEntry): StandingReference[] => referencesOf(one)
  .map((reference) => ({ reference, standing: state, isBound: state !== 'UNBOUND', boundSince }))
const chain = ({ steps }: Availability) => steps.map(({ check, passed }) => `${passed ? '+' : '-'}${check}`).join(' ')
const reasonOf = ({ steps }: Availability, check: string) => steps.find((step) => step.check === check)?.reason

describe('the chain of one entry', () => {
  it.each<[string, Given, boolean, string]>([
    ['ACTIVE', {}, true, '+entry +scope +enabled +policy +approval +shadowing'],
    ['DISABLED', { enabled: false }, false, '+entry +scope -enabled +policy +approval'],
    ['POLICY_DENIED', { kindOfVerdict: 'DENY' }, false, '+entry +scope +enabled -policy'],
    ['PENDING_APPROVAL', { kindOfVerdict: 'NEEDS_APPROVAL' }, false, '+entry +scope +enabled +policy -approval'],
    ['REVOKED', { revoked }, false, '+entry +scope -revocation +enabled +policy +approval'],
    ['restored', { revoked: { ...revoked, restored: { at: revoked.at, by: systemPrincipal } } }, false, '+entry +scope +enabled +policy -approval'],
    ['disabled and denied', { enabled: false, kindOfVerdict: 'DENY' }, false, '+entry +scope -enabled -policy'],
    ['disabled and pending', { enabled: false, kindOfVerdict: 'NEEDS_APPROVAL' }, false, '+entry +scope -enabled +policy -approval'],
  ])('%s', (_, given, available, expected) => {
    const answer = ask([entry(given)])
    expect(chain(answer)).toBe(expected)
    expect(answer).toMatchObject({ available, entry: { id: 'srv_1' } })
  })

  it('says the finding and its mend where they belong', () => {
    expect(reasonOf(ask([entry({ kindOfVerdict: 'DENY' })]), 'policy')).toBe('The finding. The mend.')
    expect(reasonOf(ask([entry({ kindOfVerdict: 'NEEDS_APPROVAL' })]), 'approval')).toBe('Waits for approval. The finding. The mend.')
    expect(reasonOf(ask([entry()]), 'policy')).toBe('The policy (revision 7) allows it.')
    expect(reasonOf(ask([entry()]), 'entry')).toBe('x of Ann, revision 3.')
  })

  it.each<[string, Partial<EntryApproval>, Given, boolean, string]>([
    ['who was asked, since when and until when', {}, {}, false,
      '<ann> asked for it at 2026-01-01 00:00 UTC; an admin decides, until 2026-01-31 00:00 UTC.'],
    ['that nobody decided in time', { expiresAt: '2026-01-05T00:00:00.000Z' }, {}, false,
      'Nobody decided in time: <ann> asked for it at 2026-01-01 00:00 UTC, and it expired at 2026-01-05 00:00 UTC. Save the entry again to ask once more.'],
    ['who approved it', { state: 'APPROVED' }, {}, true, '<adm> approved it at 2026-01-02 00:00 UTC.'],
    ['who rejected it, and why', { state: 'REJECTED', note: 'Pin it.' }, {}, false, 'Rejected (Pin it.); change the definition to have it looked at again. By <adm>, at 2026-01-02 00:00 UTC.'],
    ['that it was rejected, though policy allows it by now', { state: 'REJECTED' }, { kindOfVerdict: 'ALLOW' }, false, 'By <adm>'],
    ['what it was restored from', {}, { kindOfVerdict: 'ALLOW', revoked: { ...revoked, restored: { at: revoked.at, by: systemPrincipal } } }, false, 'It was revoked (It leaked.) and restored'],
  ])('says of an approval %s', (_, change, given, passed, reason) => {
    const approval: EntryApproval = {
      id: 'apr_1', digest: 'd', state: 'PENDING', requestedBy: { kind: 'USER', id: 'ann' }, requestedAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-01-31T00:00:00.000Z',
      decidedBy: { kind: 'USER', id: 'adm' }, decidedAt: '2026-01-02T00:00:00.000Z', note: null, ...change,
    }
    const answer = ask([entry({ kindOfVerdict: 'NEEDS_APPROVAL', ...given, approval })])
    expect(answer.steps.find(({ check }) => check === 'approval')).toEqual({ check: 'approval', passed, reason: expect.stringContaining(reason) as string })
    expect(answer.available).toBe(passed)
  })

  it('does not call a pending entry disabled in the step about approval', () => {
    expect(reasonOf(ask([entry({ enabled: false, kindOfVerdict: 'NEEDS_APPROVAL' })]), 'approval')).toMatch(/^Waits for approval\. /)
  })

  it.each<[OwnerRef, Given, ofOthers: string, own: string]>([
    [me, {}, 'It belongs to Ann.', 'It is yours.'],
    [ourTeam, {}, 'It belongs to the team Crew, in which Ann is.', 'It belongs to the team Crew, in which you are.'],
    [deploymentOwner, { visibility: 'PUBLIC' }, 'The deployment offers it to everybody.', 'The deployment offers it to everybody.'],
    [deploymentOwner, { visibility: 'SHARED', audience: [me] }, 'The deployment offers it to Ann.', 'The deployment offers it to you.'],
    [stranger, { visibility: 'SHARED', audience: [ourTeam] }, 'Bob shares it with Ann.', 'Bob shares it with you.'],
    [stranger, { visibility: 'PUBLIC' }, 'Bob shares it with everybody.', 'Bob shares it with everybody.'],
  ])('names the way: %o', (owner, given, ofOthers, own) => {
    expect(reasonOf(ask([entry({ owner, ...given })]), 'scope')).toBe(ofOthers)
    expect(reasonOf(ask([entry({ owner, ...given })], { asked: { owner: me, isAsker: true } }), 'scope')).toBe(own)
  })

  it.each<[string, Partial<ExplainInput>, Given, string]>([
    ['nobody', {}, { owner: stranger }, 'Bob shares it with nobody.'],
    ['nobody but a team', {}, { owner: { kind: 'TEAM', id: 'theirs' } }, 'The team theirs shares it with nobody.'],
    ['admins', {}, { owner: deploymentOwner }, 'It is for admins alone.'],
    ['others', {}, { owner: stranger, visibility: 'SHARED', audience: [stranger] }, 'Bob shares it, but not with Ann.'],
    ['others than who asks', { asked: { owner: me, isAsker: true } }, { owner: stranger, visibility: 'SHARED' }, 'Bob shares it, but not with you.'],
    ['people, and not a team', { scope: { kind: 'TEAM', teamId: 'ours' }, asked: { owner: ourTeam, isAsker: false } }, { owner: stranger, visibility: 'PUBLIC' },
      'It belongs to Bob, and sessions of a team get what the team and the deployment have.'],
    ['people, and not the deployment', { scope: { kind: 'DEPLOYMENT' }, asked: { owner: deploymentOwner, isAsker: false } }, { owner: ourTeam, visibility: 'PUBLIC' },
      'It belongs to the team Crew, and sessions of the deployment get what the deployment has itself.'],
  ])('says whom it reaches when that is %s', (_, more, given, reason) => {
    expect(reasonOf(ask([entry(given)], { isVisible: () => true, ...more }), 'scope')).toBe(reason)
  })

  it('gives the id beside a name that two of the answer have, and nowhere else', () => {
    const twin = entry({ owner: stranger, visibility: 'PUBLIC' })
    expect(reasonOf(ask([twin], { ownerNameOf: () => 'Ann' }), 'entry')).toBe('x of Ann (stranger), revision 3.')
    expect(reasonOf(ask([twin], { ownerNameOf: () => 'Ann' }), 'scope')).toBe('Ann (stranger) shares it with everybody.')
    // A person and a team are told apart by what they are.
    expect(reasonOf(ask([entry({ owner: ourTeam })], { ownerNameOf: () => 'Ann' }), 'entry')).toBe('x of the team Ann, revision 3.')
  })

  it('sums up sessions in plain words', () => {
    const told = (isAsker: boolean) => workersStep(new Map([['REFUSED', 1], ['APPLIED', 2]]), { asked: { owner: me, isAsker }, ownerNameOf: ({ id }) => names[id] ?? id })
    expect(told(false)).toEqual([{ check: 'workers', passed: false, reason: 'Sessions of Ann: applied in 2, refused in 1.' }])
    expect(told(true)).toEqual([{ check: 'workers', passed: false, reason: 'Your sessions: applied in 2, refused in 1.' }])
  })

  it('lists what a session needs without making it a reason', () => {
    const one = entry({
      definition: http({ headers: [{ name: 'Authorization', value: 'Bearer ${user:TOKEN}' }, { name: 'X-Key', value: '${secret:KEY}' }] }),
    })
    const [token, key] = ['A session needs the secret TOKEN of the person it acts for, in the header Authorization.', 'A session needs the secret KEY of Ann, in the header X-Key.']
    const rows: Array<[StandingReference['standing'], number, boolean, string, string]> = [
      ['READY', 1, true, 'It is set, and may go there.', 'It is set, and may go there.'],
      ['MISSING', 1, false, 'Connect your account: you have no secret TOKEN. Set it.', "The entry's owner has no secret KEY. Whoever may write its owner's secrets has to set it."],
      ['UNBOUND', 1, false, 'Connect your account: you have not confirmed that TOKEN may go into the header Authorization. Look at where it goes, and confirm it.',
        "Nobody has confirmed that KEY may go into the header X-Key. Whoever may change it and write its owner's secrets has to look at it, and confirm it."],
      ['UNBOUND', 3, false, 'since revision 3, which changed where values go. Look', 'since revision 3, which changed where values go. Whoever'],
      ['NOBODY', 1, false, '${user:TOKEN} is filled only in sessions that act for a person.', ''],
    ]
    for (const [state, since, passed, ofToken, ofKey] of rows) {
      const answer = ask([one], { secretsOf: standing(state, since) })
      expect(answer.available).toBe(true)
      expect(answer.steps.filter(({ check }) => check === 'secrets')).toEqual([
        { check: 'secrets', passed, reason: expect.stringContaining(ofToken) as string }, { check: 'secrets', passed, reason: expect.stringContaining(ofKey) as string },
      ])
      expect(answer.steps.filter(({ check }) => check === 'secrets').map(({ reason }) => [token, key].some((text) => reason.startsWith(text)))).toEqual([true, true])
    }
  })

  it('S12: names the servers that an agent runs without', () => {
    const agent = entry({ kind: 'AGENT', definition: parseAgentDefinition({ prompt: 'Do.', mcpServers: ['here', 'gone'] }) })
    const answer = ask([agent], { hasMcpServer: (name) => name === 'here' })
    expect(answer.available).toBe(true)
    expect(chain(answer)).toMatch(/ \+mcpServers -mcpServers$/)
    expect(answer.steps.at(-1)?.reason).toContain('gone')
  })
})

describe('several entries of one name', () => {
  const mine = entry({ id: 'mine' })
  const teams = entry({ id: 'teams', owner: ourTeam })
  const offered = entry({ id: 'offered', owner: deploymentOwner, visibility: 'PUBLIC' })
  const hidden = entry({ id: 'hidden', owner: stranger })
  const off = (one: JudgedEntry): JudgedEntry => ({ ...one, enabled: false, status: 'DISABLED' })

  it('is about the chosen one, and names the others', () => {
    const answer = ask([offered, mine])
    expect(answer).toMatchObject({ available: true, entry: { id: 'mine' } })
    expect(answer.steps.at(-1)).toEqual({
      check: 'other', passed: false, reason: 'There is also one of the deployment: a closer or older one is chosen.',
    })
  })

  it('says which lock holds the name, the lock switched off or not', () => {
    const lock = off({ ...offered, locked: true })
    const answer = ask([mine, lock])
    expect(answer).toMatchObject({ available: false, entry: { id: 'mine' } })
    expect(chain(answer)).toBe('+entry +scope +enabled +policy +approval -shadowing -other')
    expect(reasonOf(answer, 'shadowing')).toBe('The one of the deployment is locked, and holds the name.')
    expect(reasonOf(answer, 'other')).toContain('it is not active')
  })

  it('is about the closest of those that came equally far, in any order of input', () => {
    for (const entries of [[off(mine), off(teams), off(offered)], [off(offered), off(teams), off(mine)], [off(teams), off(mine), off(offered)]]) {
      expect(ask(entries).entry?.id).toBe('mine')
    }
    for (const entries of [[hidden, entry({ id: 'older', owner: stranger, createdAt: '2025-01-01T00:00:00.000Z' })]]) {
      expect(ask(entries, { isVisible: () => true }).entry?.id).toBe('older')
      expect(ask(entries.reverse(), { isVisible: () => true }).entry?.id).toBe('older')
    }
  })

  it('shows an asker what does not reach the owner but is theirs to see', () => {
    const answer = ask([hidden], { isVisible: () => true })
    expect(answer).toMatchObject({ available: false, entry: { id: 'hidden' } })
    expect(chain(answer)).toBe('+entry -scope +enabled +policy +approval')
    expect(reasonOf(answer, 'scope')).toBe('Bob shares it with nobody.')
  })

  it('says that somebody is deactivated only to who may see the entry', () => {
    const resting = { ...mine, dormant: true }
    expect(reasonOf(ask([resting], { isVisible: () => true }), 'scope')).toBe('Ann, whose it is, is deactivated.')
    expect(ask([resting])).toMatchObject({ entry: null, steps: [{ reason: 'There is no entry of that name for you.' }] })
    const scope: Scope = { ...person, isDeactivated: true }
    expect(reasonOf(ask([offered], { scope, isVisible: () => true }), 'scope')).toBe('Ann is deactivated, and gets nothing.')
    expect(ask([offered], { scope }).entry).toBeNull()
  })

  it.each([['there is none', []], ['there is one to hide', [hidden]], ['there are several', [hidden, { ...hidden, id: 'h2', enabled: false }]]])(
    'answers in the same words whether %s', (_, entries) => {
      expect(ask(entries)).toEqual({
        available: false, entry: null, steps: [{ check: 'entry', passed: false, reason: 'There is no entry of that name for you.' }],
      })
    })
})

describe('what nobody in the conversation may see', () => {
  const owners = [deploymentOwner, ourTeam, { kind: 'TEAM', id: 'theirs' }, me, stranger] as OwnerRef[]
  const judged = fc.record({
    owner: fc.constantFrom(...owners), visibility: fc.constantFrom(...visibilities), locked: fc.boolean(), enabled: fc.boolean(), dormant: fc.boolean(),
    audience: fc.subarray([ourTeam, me, stranger]), kindOfVerdict: fc.constantFrom<VerdictKind>('ALLOW', 'NEEDS_APPROVAL', 'DENY'),
    isAskersToSee: fc.boolean(),
  })

  it('F2: appears in no string of the answer', () => {
    fc.assert(fc.property(fc.uniqueArray(judged, { maxLength: 5, selector: ({ owner }) => ownerKey(owner) }), fc.boolean(), (list, isAdmin) => {
      const scope: Scope = { ...person, isAdmin }
      const entries = list.map(({ isAskersToSee, kindOfVerdict, ...given }, at) => {
        const mark = `canary-${at}-`
        const verdict = { kind: kindOfVerdict, policyRevision: 1, findings: [{ rule: 'r', effect: kindOfVerdict === 'ALLOW' ? 'WARN' as const : kindOfVerdict, field: 'f', message: `${mark}message`, mend: `${mark}mend` }] }
        const definition = http({ url: `https://${mark}host.com`, headers: [{ name: `X-${mark}`, value: `\${secret:${mark}secret}` }] })
        return { mark, isAskersToSee, one: entry({ ...given, id: `${mark}id`, verdict, definition }) }
      })
      const answer = JSON.stringify(explain({
        scope, asked: { owner: me, isAsker: false }, entries: entries.map(({ one }) => one),
        ownerNameOf: (owner) => (isSameOwner(owner, me) ? 'Ann' : `${entries.find(({ one }) => isSameOwner(one.owner, owner))?.mark}owner`), hasMcpServer: () => false, secretsOf: standing('UNBOUND'), driftOf: () => ({ names: [], isHeld: true }), now: new Date(0), approversOf: () => 'an admin', nameOf: ({ id }) => id,
        isVisible: ({ id }) => entries.some(({ one, isAskersToSee }) => one.id === id && isAskersToSee),
      }))
      for (const { mark, isAskersToSee, one } of entries) {
        const isTold = isAskersToSee || wayTo(scope, one) !== null
        expect(answer.includes(mark)).toBe(isTold && (answer.includes(`${mark}id`) || one.owner.kind !== 'DEPLOYMENT' && !isSameOwner(one.owner, me)))
        // Of those two owners the name is no secret, and nothing but it stands for what comes second.
        if (isTold && !answer.includes(mark)) expect(answer).toContain(`There is also one of ${one.owner.kind === 'DEPLOYMENT' ? 'the deployment' : 'Ann'}: `)
      }
    }))
  })
})
