import { expect, it } from 'vitest'
import { ConvergenceDocument } from '../../src/client/index.js'
import { applied, report, sessionOf } from '../support/reporting.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server } = shared({ server: startTestServer })
const failures = async (who: Person, entryId: string | null = null) => (await who.client.execute(ConvergenceDocument, { entryId })).convergence.failures

it('tells why something does not run, of the most workers first; of sessions that the caller may see, and of one entry', async () => {
  const [mona, otto] = [await server.user('mona'), await server.user('otto')]
  const machine = await server.worker()
  const { id, cursor } = await server.register(mona, 'tickets')
  expect(await failures(mona)).toEqual([])
  const refused = applied('tickets', { entryId: id, state: 'REFUSED', reason: 'a protected name' })
  const fine = [applied('tickets', { entryId: id }), applied('maps', { entryId: 'srv_other', state: 'DEFERRED', reason: 'waits' })]
  // Twice in one worker is one worker.
  await report(machine, 'one', 1, [sessionOf(mona, 's1', { cursor, entries: [refused] }), sessionOf(mona, 's2', { cursor, entries: [refused] }), sessionOf(otto, 's3', { cursor, entries: [applied('shell', { state: 'FAILED' })] })])
  await report(machine, 'two', 1, [sessionOf(mona, 's1', { cursor, entries: [refused, applied('maps', { entryId: 'srv_other', state: 'FAILED', reason: 'no route' })] })])
  await report(machine, 'three', 1, [sessionOf(mona, 's1', { cursor, entries: fine })])
  const ofMona = [{ state: 'REFUSED', name: 'tickets', reason: 'a protected name', workers: 2 }, { state: 'FAILED', name: 'maps', reason: 'no route', workers: 1 }]
  const ofOtto = { state: 'FAILED', name: 'shell', reason: null, workers: 1 }
  expect(await failures(mona)).toEqual(ofMona)
  expect(await failures(mona, id)).toEqual(ofMona.slice(0, 1))
  expect(await failures(otto)).toEqual([ofOtto])
  expect(await failures(server.admin)).toEqual([...ofMona, ofOtto])
})
