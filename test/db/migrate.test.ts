import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { databaseUrl } from '../support/global-setup.js'
import { pilothouse, type RunningProcess } from '../support/process.js'

const name = `test_${randomBytes(6).toString('hex')}`
const admin = postgres(inject('postgresUrl'), { max: 1, onnotice: () => {} })
const running: RunningProcess[] = []
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pilothouse-migrate-'))
  await admin`create database ${admin(name)}`
})
afterAll(async () => {
  await Promise.all(running.map((each) => each.stop('SIGKILL')))
  await admin`drop database ${admin(name)} with (force)`
  await admin.end()
  await rm(folder, { recursive: true, force: true })
})

/** What a migration or a first start did twice, or left half done, shows in one of these. */
async function traces(): Promise<unknown> {
  const sql = postgres(databaseUrl(inject('postgresUrl'), name), { max: 1, onnotice: () => {} })
  const [row] = await sql`select
    (select count(*)::int from drizzle.__drizzle_migrations) as migrations, (select count(*)::int from catalog_head) as heads,
    (select count(*)::int from catalog_user) as users, (select count(*)::int from access_token) as tokens`
  await sql.end()
  return row
}

it('S17: five processes that start on an empty database at once all do: each migration once, one head, one admin', async () => {
  const env = (at: number) => ({
    DATABASE_URL: databaseUrl(inject('postgresUrl'), name), PILOTHOUSE_AUDIT_KEY: 'the same key on every one of the nodes', PILOTHOUSE_DATA_DIR: join(folder, `node-${at}`), PORT: '0',
  })
  const servers = [0, 1].map((at) => pilothouse(['serve'], env(at)))
  const readers = [2, 3, 4].map((at) => pilothouse(['audit', 'verify'], env(at), ''))
  running.push(...servers, ...readers)
  expect(await Promise.all(readers.map(async (reader) => ({ code: await reader.ended, stderr: reader.stderr() })))).toEqual(readers.map(() => ({ code: 0, stderr: '' })))
  await Promise.all(servers.map((server) => server.says(/answers at/)))
  const { entries } = JSON.parse(await readFile('drizzle/meta/_journal.json', 'utf8')) as { entries: unknown[] }
  expect(await traces()).toEqual({ migrations: entries.length, heads: 1, users: 1, tokens: 1 })
  expect(await Promise.all(servers.map((server) => server.stop()))).toEqual([0, 0])
})
