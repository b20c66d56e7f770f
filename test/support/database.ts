import postgres from 'postgres'
import { inject } from 'vitest'

/** What happens to a database under a running server. Waits for Postgres itself, never for time. */
export interface DatabaseFaults {
  /** Nobody gets in, and whoever was in is out. */
  stop: () => Promise<void>
  start: () => Promise<void>
  /** Copies the database as it is now. */
  backUp: () => Promise<void>
  /** Puts the copy in the place of the database: what was committed since is gone. */
  restore: () => Promise<void>
  close: () => Promise<void>
}

export function databaseFaults(url: string): DatabaseFaults {
  const admin = postgres(inject('postgresUrl'), { max: 1, onnotice: () => {} })
  const name = new URL(url).pathname.slice(1)
  const copy = `${name}_copy`
  const identifier = (text: string) => admin(text)
  const stop = async () => {
    await admin`alter database ${identifier(name)} allow_connections false`
    await admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = ${name}`
  }
  const start = async () => { await admin`alter database ${identifier(name)} allow_connections true` }
  return {
    stop, start,
    backUp: async () => {
      await stop()
      await admin`create database ${identifier(copy)} template ${identifier(name)}`
      await start()
    },
    restore: async () => {
      await stop()
      await admin`drop database ${identifier(name)}`
      await admin`alter database ${identifier(copy)} rename to ${identifier(name)}`
    },
    close: () => admin.end(),
  }
}
