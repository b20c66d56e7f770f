import { describe, expect, it } from 'vitest'
import { auditSentence, auditTargetKinds, kindOfId, targetAsTold, whatOf } from '../../src/core/audit-target.js'
import { accessWords, auditOutcomes, chainNames, changeGroups, changeWords, wordsOf } from '../../src/core/audit-words.js'
import { type OwnerRef } from '../../src/core/owner.js'

const id = (prefix: string) => `${prefix}_${'0123456789abcdef01234567'}`
const names: Record<string, string> = { [id('team')]: 'Platform', [id('usr')]: 'Mona' }
const ownerName = (owner: OwnerRef) => names[owner.id] ?? owner.id
const grace = { actor: { kind: 'USER', displayName: 'Grace' }, ownerName } as const
const entry = { name: 'tickets', owner: { kind: 'TEAM', id: id('team') }, definition: {} }

const sentence = (action: string, target: string, after: unknown, before: unknown = null) => (
  auditSentence('changes', { action, outcome: 'OK' }, targetAsTold({ action, target, before, after }), grace))

describe('the words of the audit', () => {
  // That every action has some is the compiler's to say: nothing can be written that has none.
  it.each([...Object.entries(changeWords), ...Object.values(accessWords).flat().map((words) => [words, words] as const)])('%s: its words have no part that is unknown', (action, words) => {
    expect(words.replaceAll(/\{(what|name|whose)\}/g, ''), action).not.toMatch(/[{}]/)
  })

  it('every group has a name, and every name a group', () => {
    expect(new Set(Object.keys(changeWords).map((action) => action.split('.')[0]))).toEqual(new Set(Object.keys(changeGroups)))
  })

  it('names by its code what has no words, also when the code is one of every object', () => {
    for (const code of ['later.thing', 'constructor', '__proto__', 'toString', '']) {
      for (const chain of chainNames) for (const outcome of auditOutcomes) expect(wordsOf(chain, code, outcome)).toContain(code)
    }
  })

  it.each([
    ['an entry, as it was called then', sentence('mcpServer.update', id('srv'), entry, { ...entry, name: 'old' }), 'Grace changed the MCP server tickets of team Platform'],
    ['what is gone, by what was before', sentence('mcpServer.delete', id('srv'), null, entry), 'Grace deleted the MCP server tickets of team Platform'],
    ['an agent of the deployment', sentence('entry.approveOwn', id('agt'), { ...entry, owner: { kind: 'DEPLOYMENT', id: 'deployment' } }), 'Grace approved what they made themself: the agent tickets of the deployment'],
    ['a policy', sentence('policy.set', 'deployment', { document: {}, name: 'x' }), 'Grace set the policy of the deployment'],
    ['a team\'s policy', sentence('policy.set', id('team'), {}), 'Grace set the policy of team Platform'],
    ['a secret', sentence('secret.put', id('sec'), { name: 'github', owner: entry.owner }), 'Grace set the secret github of team Platform'],
    ['a token', sentence('token.revoke', id('tok'), { name: 'ci', userId: id('usr') }), 'Grace revoked the token ci of Mona'],
    ['a worker\'s token', sentence('token.create', id('tok'), { name: 'w1', userId: null }), 'Grace made the token w1'],
    ['a session', sentence('consoleSession.begin', id('cns'), { userId: id('usr') }), 'Grace signed in at the console'],
    ['a person', sentence('user.setRole', id('usr'), { displayName: 'Mona' }), 'Grace changed the role of the person Mona'],
    ['a membership, whose person is not told', sentence('team.setMember', `${id('team')}/${id('usr')}`, { role: 'MEMBER' }), `Grace gave ${id('team')}/${id('usr')} a role in team Platform`],
    ['an account, whose own name is none of the entry', sentence('secret.bind', id('srv'), { entryId: id('srv'), name: 'TOKEN' }), `Grace confirmed where a secret goes for the MCP server ${id('srv')}`],
    ['a name that looks like a part', sentence('secret.put', id('sec'), { name: '{whose}{what}$&', owner: entry.owner }), 'Grace set the secret {whose}{what}$& of team Platform'],
    ['nothing that is told', sentence('mcpServer.update', id('srv'), null), `Grace changed the MCP server ${id('srv')}`],
  ])('tells of %s', (_, said, expected) => expect(said).toBe(expected))

  it.each([
    ['SEE_ENTRIES', 'DENIED', `TEAM:${id('team')}`, 'Grace was refused: to look at what team Platform has'],
    ['SEE_ENTRIES', 'BREAK_GLASS', `USER:${id('usr')}`, 'Grace broke glass: to look at what Mona has'],
    ['WRITE_ENTRIES', 'DENIED', 'srv_nonsense', 'Grace was refused: to change srv_nonsense'],
    ['READ_POLICY', 'DENIED', 'DEPLOYMENT:deployment', 'Grace was refused: to read the policy of the deployment'],
    ['CLAIM_WORKER', 'OK', 'w-1', 'Grace took the worker id w-1'],
    ['secret.lease', 'OK', id('srv'), `Grace leased secrets for the MCP server ${id('srv')}`],
    ['auditEvents', 'DENIED', id('usr'), 'Grace was refused: to ask for auditEvents'],
  ] as const)('tells of %s, %s', (action, outcome, target, expected) => {
    expect(auditSentence('access', { action, outcome }, targetAsTold({ action, target, before: null, after: null }), grace)).toBe(expected)
  })

  it.each([[null], [[]], ['text'], [7], [{ definition: {} }], [{ definition: {}, name: 1, owner: 'me' }], [{ owner: { kind: 'KING', id: 'x' }, definition: {} }], [{ userId: {} }], [{ displayName: null }]])(
    'takes no harm from a state like %j', (state) => {
      for (const target of [...['srv', 'agt', 'sec', 'usr', 'team', 'tok', 'cns', 'apr', 'prb', 'zzz'].map(id), '', ':', 'USER:', '/', 'team_x/', `${id('team')}/`, 'DEPLOYMENT:deployment']) {
        for (const action of ['policy.set', 'mcpServer.update', 'SEE_ENTRIES', '']) {
          const told = targetAsTold({ action, target, before: state, after: state })
          expect(auditTargetKinds).toContain(told.kind)
          expect(whatOf(told, ownerName)).not.toMatch(/undefined|null|\[object/)
        }
      }
    })

  it('knows an id by its form alone', () => {
    expect([id('srv'), 'srv_1', `${id('srv')} `, 'srv', id('toString')].map(kindOfId)).toEqual(['MCP_SERVER', 'OTHER', 'OTHER', 'OTHER', 'OTHER'])
  })
})
