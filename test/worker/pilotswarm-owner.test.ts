import { expect, it } from 'vitest'
import { ownerOfSession, type SessionRow } from '../../src/worker/pilotswarm-owner.js'

const alice = { provider: 'github', subject: 'alice' }
const bob = { provider: 'github', subject: 'bob' }
const system = { provider: 'system', subject: 'system' }
const ownerOf = (rows: Record<string, SessionRow>, id = 's') => ownerOfSession(async (each) => rows[each] ?? null, id)
const generations = (count: number, last: SessionRow) => Object.fromEntries(
  [...Array(count).keys()].map((age) => [age === 0 ? 's' : `p${age}`, age === count - 1 ? last : { parentSessionId: `p${age + 1}` }]))

it.each<[string, Record<string, SessionRow>, object | null]>([
  ['its own', { s: { owner: alice } }, alice],
  ['its own before its parent\'s', { s: { owner: alice, parentSessionId: 'p' }, p: { owner: bob } }, alice],
  ['its own where it serves nobody', { s: { owner: alice, serviceKind: null } }, alice],
  ['its parent\'s for a sub-agent', { s: { owner: null, parentSessionId: 'p' }, p: { owner: alice } }, alice],
  ['that of the nearest ancestor with one', { s: { parentSessionId: 'p' }, p: { parentSessionId: 'g' }, g: { owner: alice, parentSessionId: 'r' }, r: { owner: bob } }, alice],
  ['eight generations up', generations(8, { owner: alice }), alice],
  ['nobody nine generations up', generations(9, { owner: alice }), null],
  ['the system\'s for the platform\'s sessions', { s: { isSystem: true } }, system],
  ['the system\'s for their sub-agents', { s: { parentSessionId: 'p' }, p: { isSystem: true } }, system],
  ['an owner before the system', { s: { owner: alice, isSystem: true } }, alice],
  ['nobody for a session without a row', {}, null],
  ['nobody for one without owner and parent', { s: { owner: null } }, null],
  ['nobody where the parent is gone', { s: { parentSessionId: 'p' } }, null],
  ['nobody in a circle', { s: { parentSessionId: 'p' }, p: { parentSessionId: 's' } }, null],
  ['nobody by half a name', { s: { owner: { provider: 'github', subject: '' } } }, null],
  ['nobody by a name that is none', { s: { owner: { provider: 'github', subject: null } } }, null],
  ['nobody for a service session, whoever owns it', { s: { owner: alice, serviceKind: 'regen-distiller' } }, null],
])('a session acts for %s', async (_, rows, owner) => {
  expect(await ownerOf(rows)).toEqual(owner)
})

it('says when a row cannot be read', async () => {
  await expect(ownerOfSession(async () => { throw new Error('away') }, 's')).rejects.toThrow('away')
})
