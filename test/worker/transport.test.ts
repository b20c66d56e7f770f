import { afterEach, describe, expect, it } from 'vitest'
import { createFeedTransport, type FeedMessage, fromClose, fromErrors, fromFailure, webSocketUrl } from '../../src/worker/transport.js'
import { bookmark, cursorAt, freeFeedUrl, snapshot, startFakeFeed } from '../support/fake-feed.js'

const cleanups: Array<() => unknown> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

async function start(options: { token?: string; keepAliveMs?: number; deadPeerMs?: number } = {}) {
  const feed = await startFakeFeed()
  const transport = createFeedTransport({ url: feed.url, token: 'pht_test', ...options })
  cleanups.push(feed.close, transport.close)
  return { feed, transport }
}

const me = { kind: 'USER' as const, id: 'u1' }

/** Everything that one operation tells, one promise after the other. */
function listening() {
  const told: FeedMessage[] = []
  const waiting: Array<(message: FeedMessage) => void> = []
  return {
    listener: (message: FeedMessage) => {
      const next = waiting.shift()
      if (next === undefined) told.push(message)
      else next(message)
    },
    next: () => {
      const message = told.shift()
      return message === undefined ? new Promise<FeedMessage>((resolve) => waiting.push(resolve)) : Promise.resolve(message)
    },
  }
}

describe('the wire', () => {
  it('carries owner, cursor and token, and brings events in order', async () => {
    const { feed, transport } = await start()
    const { listener, next } = listening()
    transport.subscribe({ kind: 'USER', provider: 'entra', subject: 's' }, cursorAt(4), listener)
    const operation = await feed.operation()
    expect(operation).toMatchObject({ owner: { kind: 'USER', provider: 'entra', subject: 's' }, after: cursorAt(4) })
    operation.send(snapshot(cursorAt(5)), bookmark(cursorAt(6)))
    expect([await next(), await next()]).toMatchObject([{ type: 'EVENT', event: { cursor: cursorAt(5) } }, { type: 'EVENT', event: { cursor: cursorAt(6) } }])
  })

  it('is one socket for all owners, closed after the last', async () => {
    const { feed, transport } = await start()
    const ends = ['u1', 'u2', 'u3'].map((id) => transport.subscribe({ kind: 'USER', id }, null, () => {}))
    const operations = [await feed.operation(), await feed.operation(), await feed.operation()]
    expect(feed.sockets()).toBe(1)
    ends[0]!()
    await operations.find(({ owner }) => owner.id === 'u1')!.ended
    for (const end of ends) end()
    await Promise.all(operations.map(({ ended }) => ended))
  })

  it('tells nothing after its end', async () => {
    const { feed, transport } = await start()
    let told = 0
    const end = transport.subscribe(me, null, () => { told += 1 })
    const operation = await feed.operation()
    end()
    await operation.ended
    expect(told).toBe(0)
  })

  it.each<[number, string, FeedMessage]>([
    [4401, '', { type: 'DENIED', code: 'UNAUTHENTICATED', reason: 'The access token is missing, has ended or was revoked.' }],
    [4403, '', { type: 'DENIED', code: 'FORBIDDEN', reason: 'The access token may not read this owner any more.' }],
    [4420, 'slow', { type: 'DROPPED', reason: 'the socket was closed with 4420 (slow)' }],
    [1012, 'restart, retry in 1500 ms', { type: 'DROPPED', reason: 'the socket was closed with 1012 (restart, retry in 1500 ms)', retryAfterMs: 1500 }],
    [1000, '', { type: 'DROPPED', reason: 'the socket was closed with 1000' }],
    [1011, '', { type: 'DROPPED', reason: 'the socket was closed with 1011' }],
  ])('a socket closed with %s %s ends every operation', async (code, reason, expected) => {
    const { feed, transport } = await start()
    const [one, two] = [listening(), listening()]
    transport.subscribe(me, null, one.listener)
    transport.subscribe({ kind: 'DEPLOYMENT' }, null, two.listener)
    const operation = await feed.operation()
    await feed.operation()
    operation.close(code, reason)
    expect([await one.next(), await two.next()]).toEqual([expected, expected])
    expect(feed.sockets()).toBe(1)
  })

  it('an error of one operation ends that one only', async () => {
    const { feed, transport } = await start()
    const [one, two] = [listening(), listening()]
    transport.subscribe(me, null, one.listener)
    const first = await feed.operation()
    transport.subscribe({ kind: 'DEPLOYMENT' }, null, two.listener)
    const second = await feed.operation()
    first.fail('FORBIDDEN', 'not yours')
    expect(await one.next()).toEqual({ type: 'DENIED', code: 'FORBIDDEN', reason: 'not yours' })
    second.send(bookmark(cursorAt(1)))
    expect(await two.next()).toMatchObject({ type: 'EVENT' })
    second.complete()
    expect(await two.next()).toEqual({ type: 'DROPPED', reason: 'the server ended the subscription' })
  })

  it('a refused token is DENIED, an unreachable server DROPPED', async () => {
    const { feed } = await start()
    const refused = createFeedTransport({ url: feed.url, token: 'wrong' })
    const lost = createFeedTransport({ url: await freeFeedUrl(), token: 'pht_test' })
    cleanups.push(refused.close, lost.close)
    const [one, two] = [listening(), listening()]
    refused.subscribe(me, null, one.listener)
    lost.subscribe(me, null, two.listener)
    expect(await one.next()).toMatchObject({ type: 'DENIED', code: 'UNAUTHENTICATED' })
    expect(await two.next()).toMatchObject({ type: 'DROPPED', reason: expect.stringContaining('ECONNREFUSED') as string })
  })

  it('a peer that answers no ping is given up, and the next operation gets a new socket', async () => {
    const { feed, transport } = await start({ keepAliveMs: 50, deadPeerMs: 50 })
    const { listener, next } = listening()
    feed.mute()
    transport.subscribe(me, null, listener)
    const operation = await feed.operation()
    expect(await next()).toMatchObject({ type: 'DROPPED' })
    await operation.ended
    transport.subscribe(me, null, () => {})
    await feed.operation()
    expect(feed.sockets()).toBe(2)
  })
})

describe('mapping', () => {
  it.each([['http://x/graphql', 'ws://x/graphql'], ['https://x:4000/a/graphql', 'wss://x:4000/a/graphql']])('%s -> %s', (url, expected) => {
    expect(webSocketUrl(url)).toBe(expected)
  })
  it('refuses other URLs', () => { expect(() => webSocketUrl('ftp://x/')).toThrow(TypeError) })

  it.each<[string, FeedMessage['type']]>([
    ['UNAUTHENTICATED', 'DENIED'], ['FORBIDDEN', 'DENIED'], ['NOT_FOUND', 'DENIED'], ['INVALID_INPUT', 'DENIED'], ['GRAPHQL_VALIDATION_FAILED', 'DENIED'],
    ['UNAVAILABLE', 'DROPPED'], ['RATE_LIMITED', 'DROPPED'], ['LIMIT_EXCEEDED', 'DROPPED'], ['INTERNAL', 'DROPPED'],
  ])('%s -> %s', (code, type) => { expect(fromFailure([{ message: 'm', extensions: { code } }])).toMatchObject({ type }) })

  it('whatever it is, it is a message', () => {
    expect(fromErrors([])).toMatchObject({ type: 'DROPPED' })
    expect(fromFailure(new Error('boom'))).toEqual({ type: 'DROPPED', reason: 'boom' })
    expect(fromFailure(null)).toMatchObject({ type: 'DROPPED' })
    expect(fromClose(1006, '')).toMatchObject({ type: 'DROPPED' })
    expect(fromErrors([{ message: 'busy', extensions: { code: 'RATE_LIMITED', retryAfter: 7 } }])).toMatchObject({ retryAfterMs: 7000 })
  })
})
