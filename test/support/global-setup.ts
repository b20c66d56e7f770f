import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'
import postgres from 'postgres'
import type { TestProject } from 'vitest/node'
import { migrateDatabase, withStartLock } from '../../src/db/client.js'
import { startEmbeddedPostgres } from '../../src/db/embedded.js'
import { createMemoryFolder } from './memory-folder.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** A server's URL; `templateDatabase` in it is migrated and empty. */
    postgresUrl: string
  }
}

export const templateDatabase = 'pilothouse_template'

/** One Postgres for the run: the embedded one, or the one that PILOTHOUSE_TEST_DATABASE_URL names. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Whoever says where temporary files go is heard. The workers take it from here, before the first of them is started.
  const folder = env.TMPDIR === undefined ? await createMemoryFolder() : null
  if (folder !== null) env.TMPDIR = folder
  const given = env.PILOTHOUSE_TEST_DATABASE_URL
  const dataDir = await mkdtemp(join(tmpdir(), 'pilothouse-test-'))
  const embedded = given ? null : await startEmbeddedPostgres({ dataDir, durable: false })
  const url = given ?? embedded!.url
  const admin = postgres(url, { max: 1, onnotice: () => {} })
  await admin.unsafe(`drop database if exists ${templateDatabase}`)
  await admin.unsafe(`create database ${templateDatabase}`)
  await admin.end()
  await withStartLock(databaseUrl(url, templateDatabase), migrateDatabase)
  project.provide('postgresUrl', url)
  return async () => {
    await embedded?.stop()
    await rm(dataDir, { recursive: true, force: true })
    if (folder === null) return
    delete env.TMPDIR
    await rm(folder, { recursive: true, force: true })
  }
}

export function databaseUrl(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}
