import { connect, type Socket } from 'node:net'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database, type Db, openDatabase, type Tx } from '../../src/db/client.js'
import { guarded } from '../../src/db/guard.js'
import { createPool, type Pool } from '../../src/db/pool.js'
import { createTestDatabase } from '../support/server.js'

let test: Awaited<ReturnType<typeof createTestDatabase>>
let killer: Database
let database: Database
const poolSize = 2
beforeAll(async () => {
  test = await createTestDatabase()
  killer = openDatabase({ url: test.url, poolSize: 1 })
  await killer.db.execute(sql`create table mark (name text primary key)`)
})
afterAll(async () => {
  await killer.close()
  await test.drop()
})
beforeEach(() => { database = openDatabase({ url: test.url, poolSize }) })
afterEach(() => database.close())

const pidOf = async (db: Pick<Db, 'execute'>): Promise<number> => {
  const [row] = await db.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
  return row!.pid
}

/** Kills a backend and resolves once it is gone. */
async function kill(pid: number): Promise<void> {
  await killer.db.execute(sql`select pg_terminate_backend(${pid}, 5000)`)
}

const mark = (tx: Pick<Tx, 'execute'>, name: string) => tx.execute(sql`insert into mark values (${name})`)
const marks = async () => (await killer.db.execute<{ name: string }>(sql`select name from mark order by name`)).map(({ name }) => name)

/** Every slot of the pool still works: as many transactions at once as there are connections, twice. */
async function expectWholePool(): Promise<void> {
  for (let round = 0; round < 2; round++) {
    let arrived = 0
    let meet = () => {}
    const met = new Promise<void>((resolve) => { meet = resolve })
    await Promise.all(Array.from({ length: poolSize }, () => database.db.transaction(async (tx) => {
      await tx.execute(sql`select 1`)
      arrived += 1
      if (arrived === poolSize) meet()
      await met
    })))
  }
}

/** A pool whose sockets can be got at. A slot that is lost would fail after a minute. */
function poolOnSockets(max: number): { pool: Pool; sockets: Socket[] } {
  const { port, hostname, username, password, pathname } = new URL(test.url)
  const sockets: Socket[] = []
  const socket = () => new Promise<Socket>((resolve) => {
    const opened = connect(Number(port), hostname, () => resolve(opened))
    sockets.push(opened)
  })
  // An option of the driver that its typings leave out.
  const options = { max, connect_timeout: 60, fetch_types: false, database: pathname.slice(1), username, password, socket }
  return { sockets, pool: createPool(() => postgres(options)) }
}

/** What a transaction does when its backend is killed in each of its phases; each must reject, and leave nothing behind. */
const phases: Record<string, (tx: Tx, name: string) => Promise<unknown>> = {
  'while a query runs': async (tx, name) => {
    const pid = await pidOf(tx)
    await mark(tx, name)
    await Promise.all([tx.execute(sql`select pg_sleep(30)`), kill(pid)])
  },
  'between two queries': async (tx, name) => {
    await mark(tx, name)
    await kill(await pidOf(tx))
    await mark(tx, `${name} later`)
  },
  'while it waits for something else': async (tx, name) => {
    await mark(tx, name)
    await kill(await pidOf(tx))
    await killer.db.execute(sql`select pg_sleep(0.05)`)
    await mark(tx, `${name} later`)
  },
  'and the failure is swallowed': async (tx, name) => {
    const pid = await pidOf(tx)
    await mark(tx, name)
    await Promise.all([tx.execute(sql`select pg_sleep(30)`).catch(() => {}), kill(pid)])
  },
  'after its last query': async (tx, name) => {
    await mark(tx, name)
    await kill(await pidOf(tx))
  },
  'in a savepoint': async (tx, name) => {
    await mark(tx, name)
    await tx.transaction(async (inner) => {
      const pid = await pidOf(inner)
      await Promise.all([inner.execute(sql`select pg_sleep(30)`), kill(pid)])
    })
  },
  'in a savepoint whose failure is swallowed': async (tx, name) => {
    await mark(tx, name)
    await tx.transaction(async (inner) => { await kill(await pidOf(inner)) }).catch(() => {})
    await mark(tx, `${name} later`)
  },
  'with queries that wait behind the one that runs': async (tx, name) => {
    const pid = await pidOf(tx)
    await Promise.all([tx.execute(sql`select pg_sleep(30)`), mark(tx, name), mark(tx, `${name} later`), kill(pid)])
  },
}

describe('a backend that is killed inside a transaction', () => {
  it.each(Object.entries(phases))('%s: the transaction fails, the process and the pool go on', async (name, work) => {
    for (let round = 0; round < 3; round++) {
      await expect(database.db.transaction((tx) => work(tx, `${name} ${round}`))).rejects.toThrow()
      await expectWholePool()
    }
    expect((await marks()).filter((each) => each.startsWith(name))).toEqual([])
  })

  it('F1: nothing of what the callback still does afterwards reaches the database', async () => {
    let finished: Promise<unknown> = Promise.resolve()
    const failed = database.db.transaction((tx) => {
      finished = (async () => {
        await kill(await pidOf(tx))
        await failed.catch(() => {})
        await expectWholePool()
        await expect(mark(tx, 'stray')).rejects.toMatchObject({ cause: { code: 'CONNECTION_CLOSED' } })
      })()
      return finished
    })
    await expect(failed).rejects.toThrow()
    await finished
    expect(await marks()).not.toContain('stray')
  })

  it('a failure of the work itself is told as it is, and rolled back', async () => {
    await expect(database.db.transaction(async (tx) => {
      await mark(tx, 'own failure')
      throw new Error('mine')
    })).rejects.toThrow('mine')
    await expect(database.db.transaction(async (tx) => {
      await mark(tx, 'twice')
      await mark(tx, 'twice')
    })).rejects.toMatchObject({ cause: { code: '23505' } })
    expect(await marks()).not.toEqual(expect.arrayContaining(['twice']))
    await expectWholePool()
  })
})

describe('a backend that is killed outside of a transaction', () => {
  it('costs neither the next query nor the next transaction anything', async () => {
    for (let round = 0; round < 5; round++) {
      const pids = new Set(await Promise.all(Array.from({ length: poolSize }, () => pidOf(database.db))))
      const busy = [...pids].map(() => database.db.execute(sql`select pg_sleep(0.2)`))
      await Promise.all([...pids].map((pid) => kill(pid)))
      // Reads are tried again on another connection.
      await Promise.all(busy)
      await database.db.execute(sql`select 1`)
      await database.db.transaction((tx) => tx.execute(sql`select 1`))
      await expectWholePool()
    }
  })

  it('F4: at the same moment as others leaves no slot that never connects again', async () => {
    const { pool, sockets } = poolOnSockets(poolSize)
    const db = drizzle(guarded(pool, 1), { schema: {} })
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: poolSize }, () => db.execute(sql`select pg_sleep(0.05)`)))
      const busy = db.execute(sql`select pg_sleep(5)`)
      await db.execute(sql`select pg_sleep(0.05)`)
      // What comes after the first is written to the second in the very moment in which that closes.
      for (const socket of sockets.splice(0)) socket.destroy()
      await expect(busy.catch((error: unknown) => db.execute(sql`select 1`).then(() => { throw error }))).rejects.toThrow()
      await Promise.all(Array.from({ length: poolSize }, () => db.execute(sql`select pg_sleep(0.05)`)))
    }
    await pool.close()
  })

  it('F1: while it listens, is listened again', async () => {
    let woken = 0
    let wake = () => {}
    const next = () => new Promise<void>((resolve) => { wake = resolve })
    await database.listen(() => {
      woken += 1
      wake()
    })
    expect(woken).toBe(1)
    for (let round = 0; round < 4; round++) {
      const again = next()
      await killer.db.execute(sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'pilothouse listen' and datname = current_database()`)
      await again
      const notified = next()
      await killer.db.execute(sql`select pg_notify('pilothouse', '')`)
      await notified
    }
  })
})
