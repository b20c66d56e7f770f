import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The key of the audit chains lies outside the database: as `given`, or in a file that is made once, for a new database.
 * @returns null when the database is not new and there is no key
 */
export async function readAuditKey(dataDir: string, given: string | null, isNew: boolean): Promise<Buffer | null> {
  if (given !== null) return Buffer.from(given)
  const path = join(dataDir, 'audit.key')
  if (!existsSync(path)) {
    if (!isNew) return null
    const draft = `${path}.${randomBytes(4).toString('hex')}`
    await writeFile(draft, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' })
    // A link to a name that exists fails: of several first starts at once, one makes the key and all read the same.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    }).finally(() => rm(draft, { force: true }))
  }
  return Buffer.from((await readFile(path, 'utf8')).trim())
}

/** Replaces a file in one step; nobody but us can read it at any moment. */
export async function writePrivately(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
    await chmod(draft, 0o600)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
