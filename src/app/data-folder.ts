import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A key that lies outside the database: in a file of the data folder that is made once. Call it under `withStartLock`.
 * @param mayMake whether one is made if there is none
 * @returns its text, 64 hex digits unless somebody wrote another; null when there is none
 */
export async function readKeyFile(dataDir: string, name: 'audit.key' | 'secret.key', mayMake: boolean): Promise<string | null> {
  const path = join(dataDir, name)
  // A start that was killed leaves its draft. Whoever else would write one waits for the lock of this start.
  const drafts = (await readdir(dataDir)).filter((each) => each.startsWith(`${name}.`) && /^[\da-f]{8}$/.test(each.slice(name.length + 1)))
  await Promise.all(drafts.map((draft) => rm(join(dataDir, draft), { force: true })))
  if (!existsSync(path)) {
    if (!mayMake) return null
    const draft = `${path}.${randomBytes(4).toString('hex')}`
    await writeFile(draft, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' })
    // A link to a name that exists fails: of several first starts at once, one makes the key and all read the same.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    }).finally(() => rm(draft, { force: true }))
  }
  return (await readFile(path, 'utf8')).trim()
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
