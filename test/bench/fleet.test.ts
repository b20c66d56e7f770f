import { once } from 'node:events'
import { type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { createFleet, type Fleet } from '../../bench/fleet.js'
import { type SubscriberPlan } from '../../bench/plan.js'
import { createTally, markerText, type Tally } from '../../bench/tally.js'

interface Subscription {
  socket: WebSocket
  after: string | undefined
  owner: string
  next: (body: string) => void
}

const event = (cursor: string, ...numbers: number[]) => (
  `{"__typename":"CatalogDelta","cursor":"${cursor}","upserted":[${numbers.map((number) => `{"description":"${markerText(number, 9)}"}`).join()}]}`
)
const bookmark = (cursor: string) => `{"__typename":"CatalogBookmark","cursor":"${cursor}"}`
const snapshot = (cursor: string, ...numbers: number[]) => event(cursor, ...numbers).replace('CatalogDelta', 'CatalogSnapshot')

const closing: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A server that does what a test wants: `answer` says what a new subscription gets, or how it is sent away. */
async function start(sockets: number, answer: (subscription: Subscription, count: number) => void) {
  const subscriptions: Subscription[] = []
  let count = 0
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'graphql-transport-ws' })
  server.on('connection', (socket) => {
    let owner = ''
    socket.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString()) as { id: string; type: string; payload: { variables: { after?: string }; authorization: string } }
      if (message.type === 'connection_init') {
        owner = message.payload.authorization
        return socket.send('{"type":"connection_ack"}')
      }
      const next = (body: string) => socket.send(`{"id":"${message.id}","type":"next","payload":{"data":{"catalogChanged":${body}}}}`)
      const subscription = { socket, after: message.payload.variables.after, owner, next }
      subscriptions.push(subscription)
      answer(subscription, ++count)
    })
  })
  await once(server, 'listening')
  const plan: SubscriberPlan = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`, groups: [{ authorization: 'one' }, { authorization: 'two' }], query: 'q',
    variables: {}, ids: 'UUID', cursorField: 'cursor', after: 'c0', isGreeted: true,
  }
  const tally = createTally(sockets)
  const fleet = createFleet(plan, tally, true)
  closing.push(async () => {
    await fleet.drop()
    await new Promise((resolve) => server.close(resolve))
  })
  return { fleet, tally, subscriptions }
}

const outcome = (fleet: Fleet, tally: Tally) => ({ lost: tally.lost(), doubled: tally.doubled(), refused: fleet.faults.refused, closed: fleet.faults.closed, retries: fleet.faults.retries })
const clean = { lost: 0, doubled: 0, refused: 0, closed: 0, retries: 0 }

describe('a fleet of subscribers', () => {
  it('spreads over the groups, begins at a cursor, and counts what each one gets', async () => {
    const { fleet, tally, subscriptions } = await start(4, ({ next }) => next(bookmark('c5')))
    await fleet.open(4, 'c5')
    expect(subscriptions.map(({ after }) => after)).toEqual(['c5', 'c5', 'c5', 'c5'])
    expect(subscriptions.map(({ owner }) => owner).sort()).toEqual(['one', 'one', 'two', 'two'])
    const expected = [tally.expect(1), tally.expect(2)]
    subscriptions.forEach(({ next }) => next(event('c6', 1, 2)))
    await Promise.all(expected.map(({ bySockets }) => bySockets))
    expect(outcome(fleet, tally)).toEqual(clean)
    expect(fleet.counts).toMatchObject({ frames: 4, changes: 8 })
  })

  it('sees what was lost and what was doubled', async () => {
    const { fleet, tally, subscriptions } = await start(2, ({ next }) => next(bookmark('c1')))
    await fleet.open(2, 'c1')
    tally.expect(1)
    const last = tally.expect(2)
    subscriptions[0]!.next(event('c2', 1))
    subscriptions[0]!.next(event('c2', 1))
    subscriptions.forEach(({ next }) => next(event('c3', 2)))
    await last.bySockets
    expect(outcome(fleet, tally)).toEqual({ ...clean, lost: 1, doubled: 1 })
  })

  it('returns with the newest cursor of each, and a set sent anew is no doubling', async () => {
    const { fleet, tally, subscriptions } = await start(2, ({ next, after }, count) => {
      if (count <= 2) return next(bookmark('c1'))
      next(count === 3 ? event('c9', 2) : snapshot('c9', 1, 2))
      expect(after).toBe('c7')
    })
    await fleet.open(2, 'c1')
    const first = tally.expect(1)
    subscriptions.forEach(({ next }) => next(event('c7', 1)))
    await first.bySockets
    await fleet.drop()
    const missed = tally.expect(2)
    await fleet.comeBack()
    await missed.bySockets
    expect(outcome(fleet, tally)).toEqual(clean)
    expect(fleet.counts.snapshots).toBe(1)
  })

  it('comes again when it is sent away, before its first event too, and counts how often', async () => {
    const { fleet, tally } = await start(1, ({ next, socket }, count) => {
      if (count === 1) socket.close(1012, 'Restarting; retry in 1 ms')
      else if (count === 2) next(bookmark('c1'))
      else if (count === 3) socket.terminate()
      else next(event('c2', 1))
    })
    await fleet.open(1, 'c1')
    await fleet.drop()
    const missed = tally.expect(1)
    await fleet.comeBack()
    await missed.bySockets
    expect(outcome(fleet, tally)).toEqual({ ...clean, retries: 2 })
  })

  it('counts refusals, and sockets that close while they should not', async () => {
    const { fleet, tally, subscriptions } = await start(1, ({ next, socket }, count) => {
      if (count === 1) socket.close(4429, 'Too many sockets')
      else next(bookmark('c1'))
    })
    await fleet.open(1, 'c1')
    expect(outcome(fleet, tally)).toEqual({ ...clean, refused: 1, retries: 1 })
    const { socket } = subscriptions[1]!
    const closed = once(socket, 'close')
    socket.close(4420, 'Slow consumer')
    await closed
    expect(outcome(fleet, tally)).toEqual({ ...clean, refused: 1, retries: 1, closed: 1 })
    expect(fleet.faults.examples).toContain('subscriber 0 was closed: 4420 Slow consumer')
  })

  it('counts an operation that ends with an error as refused', async () => {
    const { fleet, tally } = await start(1, ({ socket }) => socket.send('{"id":"1","type":"error","payload":[{"message":"no"}]}'))
    await fleet.open(1, 'c1')
    expect(outcome(fleet, tally)).toEqual({ ...clean, refused: 1 })
  })
})
