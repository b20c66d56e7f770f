import type postgres from 'postgres'
import { type Client, type Pool } from './pool.js'

type Work = (tx: postgres.TransactionSql) => Promise<unknown>

/** Whether a query failed because its connection is gone. The server may or may not have done what was asked. */
export function isConnectionLost(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && lostCodes.has(String(at.code))) return true
  }
  return false
}

/** Besides these, a connection that never came about leaves the driver in a doubtful state. Nothing was done by it. */
function isClientDoubtful(error: unknown): boolean {
  return isConnectionLost(error) || (error instanceof Error && 'code' in error && error.code === 'CONNECT_TIMEOUT')
}

const lostCodes = new Set([
  'CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'ECONNRESET', 'EPIPE',
  // Postgres ended the session: by an administrator, after a crash of another one, with its database, or for being idle.
  '57P01', '57P02', '57P04', '57P05',
])

/** A statement of more parameters is not worth remembering on every connection. */
const preparedParameters = 250

/**
 * Cures of postgres.js 3.4.9, each with a test that kills backends (test/db/guard.test.ts):
 *
 * - When a backend dies inside `begin`, the driver writes its own ROLLBACK or COMMIT to a socket that is gone, which throws past
 *   every handler, and the pool loses that connection for good. Or it has reconnected by then, and the rest of the
 *   transaction would run outside of one. So once a connection is lost, nothing more is sent by that transaction: its
 *   callback never settles, and `begin` rejects by the driver's own close handler.
 * - After a connection was lost no other one of its client can be relied on (pool.ts).
 * - The first query of a connection that was killed while busy fails with that old error. Outside of transactions, and for a
 *   `begin` whose callback has not run, it is tried again: what runs outside of transactions here may run twice.
 * - drizzle asks for unnamed statements, which cost two round trips each; prepared ones cost one.
 *
 * @param attempts how often in all, at most
 */
export function guarded(pool: Pool, attempts: number): Client {
  const begin = async (first: string | Work, second?: Work): Promise<unknown> => {
    const [options, work] = typeof first === 'string' ? [first, second!] : ['', first]
    for (let attempt = 1; ; attempt++) {
      const state = { hasBegun: false, isLost: false }
      try {
        return await pool.use((client) => client.begin(options, (tx) => {
          state.hasBegun = true
          return inTransaction(tx, state, work)
        }), isClientDoubtful)
      } catch (error) {
        state.isLost = true
        if (state.hasBegun || attempt >= attempts || !isConnectionLost(error)) throw error
      }
    }
  }
  const unsafe = (text: string, parameters: postgres.ParameterOrJSON<never>[] = [], options: postgres.UnsafeQueryOptions = {}) => (
    retried((asValues) => pool.use((client): PromiseLike<unknown> => {
      const query = client.unsafe(text, parameters, withPrepare(parameters, options))
      return asValues ? query.values() : query
    }, isClientDoubtful), attempts)
  )
  return new Proxy(pool.client, {
    get: (_, name) => (name === 'begin' ? begin : name === 'unsafe' ? unsafe : Reflect.get(pool.client, name) as unknown),
  })
}

interface TransactionState {
  isLost: boolean
}

/** Runs the callback; never settles once the connection is lost. */
function inTransaction(tx: postgres.TransactionSql, state: TransactionState, work: Work): Promise<unknown> {
  return new Promise((resolve, reject) => {
    work(watched(tx, state)).then(
      (result) => { if (!state.isLost) resolve(result) },
      (error: Error) => { if (!state.isLost) reject(error) },
    )
  })
}

/** A transaction that notices when its connection is lost, also in a query whose failure nobody looks at, and then sends nothing more. */
function watched(tx: postgres.TransactionSql, state: TransactionState): postgres.TransactionSql {
  const unsafe = (text: string, parameters: postgres.ParameterOrJSON<never>[] = [], options: postgres.UnsafeQueryOptions = {}) => {
    if (state.isLost) return refused()
    const query = tx.unsafe(text, parameters, withPrepare(parameters, options))
    query.catch((error: unknown) => { state.isLost ||= isConnectionLost(error) })
    return query
  }
  const savepoint = (first: string | Work, second?: Work): Promise<unknown> => {
    if (state.isLost) return refused()
    const work = typeof first === 'string' ? second! : first
    return tx.savepoint((inner) => inTransaction(inner, state, work))
  }
  return new Proxy(tx, {
    get: (target, name) => (name === 'unsafe' ? unsafe : name === 'savepoint' ? savepoint : Reflect.get(target, name) as unknown),
    apply: () => { throw new TypeError('a transaction is used through drizzle, which calls unsafe and savepoint') },
  })
}

function withPrepare(parameters: unknown[], options: postgres.UnsafeQueryOptions): postgres.UnsafeQueryOptions {
  return parameters.length > 0 && parameters.length <= preparedParameters ? { ...options, prepare: true } : options
}

function refused(): Promise<never> & { values: () => Promise<never> } {
  const refusal = Promise.reject<never>(Object.assign(new Error('the connection of this transaction is gone'), { code: 'CONNECTION_CLOSED' }))
  refusal.catch(() => {})
  return Object.assign(refusal, { values: () => refusal })
}

/** A query as drizzle uses one: lazy, with `values()`; tried again on another connection when its own was lost. */
function retried(run: (asValues: boolean) => PromiseLike<unknown>, attempts: number): PromiseLike<unknown> & { values: () => PromiseLike<unknown> } {
  const start = async (asValues: boolean): Promise<unknown> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run(asValues)
      } catch (error) {
        if (attempt >= attempts || !isConnectionLost(error)) throw error
      }
    }
  }
  const lazy = (asValues: boolean) => {
    let started: Promise<unknown> | null = null
    const then: PromiseLike<unknown>['then'] = (resolve, reject) => (started ??= start(asValues)).then(resolve, reject)
    return then
  }
  return { then: lazy(false), values: () => ({ then: lazy(true) }) }
}
