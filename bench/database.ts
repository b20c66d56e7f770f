import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { startEmbeddedPostgres } from '../src/db/embedded.js'

/** One Postgres for the whole run, with default durability; every target gets a database of its own in it. */
export interface BenchPostgres {
  /** Version and what makes it durable. */
  description: string
  /** A folder for whatever the run needs; gone with it. */
  folder: string
  /** An empty database, or a copy of one that nobody is connected to. */
  create: (template?: BenchDatabase) => Promise<BenchDatabase>
  close: () => Promise<void>
}

export interface BenchDatabase {
  name: string
  url: string
  drop: () => Promise<void>
}

/** @param serverUrl a server on which databases may be made; null starts an embedded one in a temporary folder */
export async function openPostgres(serverUrl: string | null): Promise<BenchPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-bench-'))
  try {
    return await openIn(folder, serverUrl)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function openIn(folder: string, serverUrl: string | null): Promise<BenchPostgres> {
  const embedded = serverUrl === null ? await startEmbeddedPostgres({ dataDir: folder, durable: true }) : null
  const url = serverUrl ?? embedded!.url
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const [settings] = await sql<Array<{ version: string; fsync: string; synchronous: string }>>`
    select current_setting('server_version') as version, current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous`
  const prefix = `pilothouse_bench_${process.pid}`
  const made = new Set<string>()

  async function drop(name: string): Promise<void> {
    await sql.unsafe(`drop database if exists ${name} with (force)`)
    made.delete(name)
  }

  let count = 0
  return {
    folder,
    description: `Postgres ${settings!.version} (fsync ${settings!.fsync}, synchronous_commit ${settings!.synchronous}${embedded === null ? '' : ', embedded'})`,
    create: async (template) => {
      const name = `${prefix}_${++count}`
      await sql.unsafe(template === undefined ? `create database ${name}` : `create database ${name} template ${template.name}`)
      made.add(name)
      // What the copy wrote must not be written out while something is measured. Not everybody may ask for it.
      await sql`checkpoint`.catch(() => {})
      const own = new URL(url)
      own.pathname = `/${name}`
      return { name, url: own.href, drop: () => drop(name) }
    },
    close: async () => {
      for (const name of [...made]) await drop(name)
      await sql.end({ timeout: 5 })
      await embedded?.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
