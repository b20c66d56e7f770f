import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Db } from '../../src/db/client.js'
import * as schema from '../../src/db/schema.js'
import { createSubscriptionBook, type SubscriptionBook } from '../../src/feed/subscription-book.js'
import { createTestDatabase } from '../support/server.js'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let client: postgres.Sql
let db: Db
const asked: string[] = []
let book: SubscriptionBook
let errors: unknown[]
beforeAll(async () => {
  database = await createTestDatabase()
  client = postgres(database.url, { max: 4, onnotice: () => {} })
  db = drizzle(client, { schema, logger: { logQuery: (query) => void asked.push(query) } })
})
afterAll(async () => {
  await client.end()
  await database.drop()
})
let refreshed = 0
beforeEach(async () => {
  await client`delete from feed_node`
  errors = []
  asked.length = 0
  refreshed = 0
  const refresh = () => {
    refreshed += 1
    return Promise.resolve()
  }
  book = createSubscriptionBook({ services: { db, now: () => new Date(), refresh }, onError: (error) => errors.push(error), gapMs: 1 })
})

const alice = { kind: 'USER' as const, id: 'alice' }
const rows = async () => (await client<Array<{ tokenId: string; isOpen: boolean }>>`select token_id as "tokenId", closed_at is null as "isOpen" from worker_subscription order by token_id`).map((row) => ({ ...row }))
/** Looks until it is so. */
async function untilRows(expected: Array<{ tokenId: string; isOpen: boolean }>): Promise<void> {
  while (JSON.stringify(await rows()) !== JSON.stringify(expected)) { /* asks again */ }
}

it('a storm of returns shares its writes: a thousand at once are two statements', async () => {
  await Promise.all(Array.from({ length: 1_000 }, (_, at) => book.open(`tok_${at}`, alice)))
  expect(await rows()).toHaveLength(1_000)
  expect(asked).toHaveLength(2)
  expect(refreshed).toBe(2)
  await book.close()
  expect((await rows()).some(({ isOpen }) => isOpen)).toBe(false)
})

it('writes once for many of one token and owner, and closes it with the last of them', async () => {
  const releases = [await book.open('tok_1', alice), await book.open('tok_1', alice), await book.open('tok_1', alice)]
  expect(asked).toHaveLength(1)
  for (const release of releases.slice(1)) release()
  // Twice is once.
  releases[1]!()
  const other = await book.open('tok_2', alice)
  expect(await rows()).toEqual([{ tokenId: 'tok_1', isOpen: true }, { tokenId: 'tok_2', isOpen: true }])
  releases[0]!()
  await untilRows([{ tokenId: 'tok_1', isOpen: false }, { tokenId: 'tok_2', isOpen: true }])
  other()
  const again = await book.open('tok_1', alice)
  await untilRows([{ tokenId: 'tok_1', isOpen: true }, { tokenId: 'tok_2', isOpen: false }])
  again()
  await book.close()
})

it('S17: one that ends while it is written is closed all the same', async () => {
  const opening = book.open('tok_1', alice).then((release) => release())
  const second = book.open('tok_1', alice).then((release) => release())
  await Promise.all([opening, second])
  await untilRows([{ tokenId: 'tok_1', isOpen: false }])
  await book.close()
})

it('S17: refuses who waits when the database fails, and goes on when it is back', async () => {
  await client`alter table worker_subscription rename to worker_subscription_away`
  const refused = await Promise.allSettled([book.open('tok_1', alice), book.open('tok_2', alice)])
  expect(refused).toMatchObject([{ reason: { cause: { code: '42P01' } } }, { reason: { cause: { code: '42P01' } } }])
  await client`alter table worker_subscription_away rename to worker_subscription`
  const release = await book.open('tok_3', alice)
  // What was not written because of the fault was never open.
  await untilRows([{ tokenId: 'tok_1', isOpen: false }, { tokenId: 'tok_2', isOpen: false }, { tokenId: 'tok_3', isOpen: true }])
  expect(errors.length).toBeGreaterThan(0)
  release()
  await book.close()
})

it('S17: a node that was forgotten while the database was away writes everything down again', async () => {
  const beating = createSubscriptionBook({ services: { db, now: () => new Date(), refresh: () => Promise.resolve() }, onError: (error) => errors.push(error), gapMs: 1, beatMs: 5 })
  await beating.open('tok_1', alice)
  await client`delete from feed_node`
  await untilRows([{ tokenId: 'tok_1', isOpen: true }])
  await beating.close()
  await book.close()
})

it('opens nothing once it is closed, and does not keep anybody waiting', async () => {
  await book.close()
  await expect(book.open('tok_late', alice)).rejects.toThrow('the server stops')
  expect(await rows()).toEqual([])
})
