import { chmod, mkdtemp, readFile, statfs } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'

const mount = '/dev/shm'
/** What a run takes at its fullest is a quarter of that. */
const neededBytes = 4 * 2 ** 30

/**
 * A folder that is kept in memory, for everything that a run of the tests writes and throws away: a new database is some 300 new files, which
 * is a tenth of the work where no disk has them. Null where there is none that is large enough, and lets programs run.
 */
export async function createMemoryFolder(): Promise<string | null> {
  try {
    const options = /^\S+ \/dev\/shm tmpfs (\S+)/m.exec(await readFile('/proc/mounts', 'utf8'))?.[1]?.split(',')
    const { bavail, bsize } = await statfs(mount)
    if (options === undefined || options.includes('noexec') || Math.min(bavail * bsize, freemem()) < neededBytes) return null
    const folder = await mkdtemp(join(mount, 'pilothouse-tests-'))
    // As /tmp is: the account of Postgres has its folders in here, and what lies in a folder that everybody may write to is not trusted.
    await chmod(folder, 0o1777)
    return folder
  } catch {
    return null
  }
}
