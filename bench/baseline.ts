import { type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import postgres from 'postgres'
import { type Listening } from './plan.js'

/** What both baselines share: a database of their own with two tables, and the entry that their events carry. */
export async function openTables(url: string): Promise<postgres.Sql> {
  // As many connections as the service has.
  const sql = postgres(url, { max: 10, onnotice: () => {} })
  await sql`create table event (rev bigserial primary key, body text not null, at timestamptz not null default now())`
  await sql`create table audit (id bigserial primary key, rev bigint not null, who text not null, what text not null, at timestamptz not null default now())`
  return sql
}

export interface BaselineChange {
  rev: string
  kind: string
  entry: { id: string; namespace: string; name: string; enabled: boolean; tags: string[]; owner: string }
  text: string
}

export function changeOf(rev: string, text: string): BaselineChange {
  const number = Number(rev) % 97
  return {
    rev, kind: 'UPSERT', text,
    entry: {
      id: `server/tickets-${number}`, namespace: 'core/tools/shared', name: `tickets-${number}`, enabled: true,
      tags: ['review', 'code', 'quality'], owner: 'team-platform',
    },
  }
}

/** Takes connections on a free port, says which, and ends with the process that started it. */
export function serve(server: Server): void {
  server.listen(0, '127.0.0.1', 4_096, () => {
    const listening: Listening = { kind: 'LISTENING', port: (server.address() as AddressInfo).port }
    process.send?.(listening)
  })
  process.on('disconnect', () => process.exit(0))
  process.on('SIGTERM', () => process.exit(0))
}
