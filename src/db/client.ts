import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { guarded } from './guard.js'
import { createPool } from './pool.js'
import * as schema from './schema.js'

export type Db = PostgresJsDatabase<typeof schema>
/** A transaction, or the pool itself. */
export type Queryable = Pick<Db, 'select' | 'insert' | 'update' | 'delete' | 'execute' | '$count'>
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0]

export interface DatabaseOptions {
  url: string
  /** Connections of the pool; default 10. LISTEN takes one more. */
  poolSize?: number
}

export interface Database {
  db: Db
  /** The same pool, for what must never run twice: nothing is tried again when a connection is lost. */
  once: Db
  /**
   * Two connections of their own, for the tail and the access log: what a commit waits for while it holds the counter row
   * must never wait for the pool, whose connections may all be waiting for that row.
   */
  side: Db
  /**
   * Calls `wake` whenever some node committed, with the sequence of that commit, and after each (re)connect, with null. A NOTIFY is only ever a latency hint:
   * it can be lost, so the tail reads on a slow timer as well. Ends with `close`.
   */
  listen: (wake: (sequence: number | null) => void) => Promise<void>
  /** Calls `told` whenever a node told that a probe was asked for, while `listen` is under way; a hint as well. */
  onProbe: (told: () => void) => void
  close: () => Promise<void>
}

export const wakeChannel = 'pilothouse'
/** What is told on that channel when a probe was asked for. */
export const probeHint = 'probe'

/** Seconds before a lost server is tried again: never long, so that callers are answered and its return is noticed soon. */
const backoff = (failures: number): number => (0.5 + Math.random() / 2) * Math.min(3 ** failures / 100, 0.25)

/** One's own connection may be killed, then each of the others may still have the old error of a killed query; and they may be killed again. */
const attemptsFor = (connections: number): number => 2 * connections + 2

/** Opens the pool. Nothing connects before the first query. */
export function openDatabase({ url, poolSize = 10 }: DatabaseOptions): Database {
  // Array types are not used; asking for them at each connect is a query whose failure nobody handles.
  const connect = (name: string, max: number) => createPool(() => (
    postgres(url, { max, backoff, connect_timeout: 10, fetch_types: false, onnotice: () => {}, connection: { application_name: name } })))
  const pool = connect('pilothouse', poolSize)
  const side = connect('pilothouse side', 2)
  let stopListening = () => Promise.resolve()
  let told = () => {}
  return {
    db: drizzle(guarded(pool, attemptsFor(poolSize)), { schema }),
    once: drizzle(guarded(pool, 1), { schema }),
    side: drizzle(guarded(side, attemptsFor(2)), { schema }),
    listen: (wake) => {
      const listener = listenTo(url, wake, () => told())
      stopListening = listener.close
      return listener.ready
    },
    onProbe: (listener) => { told = listener },
    close: async () => { await Promise.all([pool.close(), side.close(), stopListening()]) },
  }
}

/**
 * One connection that listens, and another one that does whenever it was lost. Not the driver's own `listen`: when its second LISTEN fails,
 * it is silent for ever. And not the same client again, for the reason that pool.ts gives.
 */
function listenTo(url: string, wake: (sequence: number | null) => void, told: () => void): { ready: Promise<void>; close: () => Promise<void> } {
  let isClosed = false
  let client: postgres.Sql | null = null

  async function listen(): Promise<void> {
    for (let failures = 0; !isClosed; failures++) {
      let isListening = false
      client = connect(() => {
        if (isListening && !isClosed) void listen()
        isListening = false
      })
      const own = client
      try {
        await own.unsafe(`listen ${wakeChannel}`)
        isListening = true
        return wake(null)
      } catch {
        void own.end({ timeout: 0 })
        await delay(1_000 * backoff(failures), undefined, { ref: false })
      }
    }
  }

  function connect(closed: () => void): postgres.Sql {
    // `onnotify` is an option of the driver that its typings leave out.
    const options: postgres.Options<Record<string, never>> & { onnotify: (channel: string, payload: string) => void } = {
      max: 1, backoff, connect_timeout: 10, idle_timeout: 0, max_lifetime: 0, fetch_types: false, onnotice: () => {}, onclose: closed,
      onnotify: (_, payload) => (payload === probeHint ? told() : wake(/^\d{1,15}$/.test(payload) ? Number(payload) : null)), connection: { application_name: 'pilothouse listen' },
    }
    return postgres(url, options)
  }

  return {
    ready: listen(),
    close: async () => {
      isClosed = true
      await client?.end({ timeout: 1 })
    },
  }
}

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url))
/** Any number that nobody else takes in this database. */
const startLock = 7_230_511

/**
 * Runs what only one process may do at a time on this database: migrations (drizzle's `migrate` takes no lock, and three
 * at once fail) and the first admin. The others wait, and then find nothing to do. The connection is its own, because
 * the lock belongs to its session and ends with it.
 */
export async function withStartLock<Result>(url: string, work: (db: Db) => Promise<Result>): Promise<Result> {
  const client = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    await client`select pg_advisory_lock(${startLock})`
    return await work(drizzle(client, { schema }))
  } finally {
    await client.end({ timeout: 5 })
  }
}

/** Brings the schema up to date; call it under `withStartLock`. */
export function migrateDatabase(db: Db): Promise<void> {
  return migrate(db, { migrationsFolder })
}

/** Several reads of one moment: whatever commits meanwhile is in all of them or in none. */
export function readConsistently<Result>(db: Db, read: (tx: Tx) => Promise<Result>): Promise<Result> {
  return db.transaction(read, { isolationLevel: 'repeatable read', accessMode: 'read only' })
}

/**
 * Queries of one transaction that were sent in one flight. The first that failed, in the order in which they were sent, is what went wrong:
 * after it Postgres refuses the others.
 */
export async function inOneFlight<Results extends unknown[]>(queries: { [At in keyof Results]: Promise<Results[At]> }): Promise<Results> {
  const settled = await Promise.allSettled(queries)
  const failed = settled.find((one) => one.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as Results
}

/** Postgres' error code of a failed query (drizzle wraps the driver's error), or null. */
export function sqlState(error: unknown): string | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof postgres.PostgresError) return at.code
  }
  return null
}

/** An error as it may be logged: drizzle puts the values of a query, which may be secrets, into its message, and others repeat that message. */
export function withoutValues(error: unknown): { type: string; message: string; code: string | null; frames: string[]; cause: string | null } {
  if (!(error instanceof Error)) return { type: typeof error, message: 'something that is no error was thrown', code: null, frames: [], cause: null }
  const failed = causesOf(error).find((each): each is Error & { query: string } => 'query' in each && typeof each.query === 'string')
  const cause = (failed ?? error).cause
  return {
    type: error.name,
    message: failed === undefined ? error.message : `failed query: ${failed.query}`,
    code: sqlState(failed ?? error),
    frames: (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line)).map((line) => line.trim()),
    cause: cause instanceof Error ? cause.message : null,
  }
}

/** An error, and what it came of: a GraphQLError names its origin in a way of its own. */
function causesOf(error: Error): Error[] {
  const { originalError } = error as { originalError?: unknown }
  const next = originalError ?? error.cause
  return next instanceof Error ? [error, ...causesOf(next)] : [error]
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505'
}

/** The last value of the key that a unique index has already, as Postgres names it; null for any other error. */
export function duplicateIn(error: unknown): string | null {
  if (!isUniqueViolation(error)) return null
  for (let at = error; at instanceof Error; at = at.cause) {
    const detail = at instanceof postgres.PostgresError ? at.detail : undefined
    if (detail !== undefined) return /(?:, |\()([^,()]*)\) already exists/.exec(detail)?.[1] ?? ''
  }
  return ''
}

/**
 * For rows that are no change of the catalog: whoever gives the same key waits, on whatever node, until the one before is committed. What has to be
 * counted before something is added is counted in here.
 */
export function underLock<Result>(db: Db, key: string, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`)
    return work(tx)
  })
}
