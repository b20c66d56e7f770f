import { setTimeout as delay } from 'node:timers/promises'
import type postgres from 'postgres'
import { type ChaosPostgres } from './postgres.js'
import { loadFrom, readOn, type World } from './world.js'

/** Puts the copy in the place of what runs, and answers how far back that is. */
export type PutBack = () => Promise<string>

let restores = 0

/** A copy of the database, taken now; the answer puts it back later: what was committed meanwhile vanishes. */
export async function copyDatabase(world: World): Promise<PutBack> {
  const { postgres } = world
  const [copy, lost] = [`copy_${++restores}`, `lost_${restores}`]
  await exclusively(postgres, async (sql) => { await sql`create database ${sql(copy)} template pilothouse` })
  await postgres.ask((sql) => sql`alter database pilothouse allow_connections true`)
  const base = await loadFrom(postgres, copy)
  return async () => {
    await exclusively(postgres, async (sql) => {
      await sql`alter database pilothouse rename to ${sql(lost)}`
      await sql`alter database ${sql(copy)} rename to pilothouse`
    })
    await postgres.ask((sql) => sql`alter database ${sql(lost)} allow_connections true`)
    world.restored = {
      base,
      readLost: (work) => readOn(postgres, lost, work),
      dropLost: async () => { await postgres.ask((sql) => sql`drop database ${sql(lost)} with (force)`) },
    }
    return `back to ${base.sequence}`
  }
}

/** A copy of the stopped cluster's folder. */
export async function copyFolder(world: World): Promise<PutBack> {
  const { postgres } = world
  const [copy, lost] = [`copy-${++restores}`, `lost-${restores}`]
  await postgres.copyFolder(copy)
  const base = await onSibling(postgres, copy, (server) => loadFrom(server, 'pilothouse'))
  return async () => {
    await postgres.stop()
    await postgres.swapFolder(copy, lost)
    await postgres.start()
    world.restored = {
      base,
      readLost: (work) => onSibling(postgres, lost, (server) => readOn(server, 'pilothouse', work)),
      dropLost: () => postgres.removeFolder(lost),
    }
    return `back to ${base.sequence}`
  }
}

async function onSibling<Result>(postgres: ChaosPostgres, folder: string, work: (server: ChaosPostgres) => Promise<Result>): Promise<Result> {
  const server = await postgres.sibling(folder)
  await server.start()
  return work(server).finally(() => server.stop())
}

/** Postgres copies and renames a database only while nobody is connected to it. It takes no connections afterwards. */
async function exclusively(server: ChaosPostgres, work: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  await server.ask(async (sql) => {
    await sql`alter database pilothouse allow_connections false`
    for (let attempt = 1; ; attempt++) {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'pilothouse'`
      try {
        return await work(sql)
      } catch (error) {
        // 55006: somebody has not left yet.
        if ((error as { code?: string }).code !== '55006' || attempt > 100) throw error
        await delay(20)
      }
    }
  })
}
