import { dirname, join } from 'node:path'
import { messageOf, RefusedError } from './errors.js'
import { type TrustedPath, trustedPath } from './trusted-path.js'

/** The commands that catalog entries may name without a path. */
export interface Launchers {
  /**
   * The file behind a name, checked anew each time. Where it was found first is where it stays for as long as it is there: what is put
   * before it on the path later is never taken.
   * @throws RefusedError when no folder of the path has it, or what has it cannot be trusted
   */
  find: (name: string) => Promise<TrustedPath>
  /** The folders of the path that can be trusted now, as the PATH of a process. */
  path: () => Promise<string>
  /** Where they keep what they download; null: nowhere. */
  packageCache: string | null
}

/** For a worker that is not told of any: where this Node is, its npx beside it, and what every system has. */
export const usualPath = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`

/** @param path folders joined by `:`; empty and relative ones would mean the folder that the worker happens to be in, and are left out */
export function createLaunchers(path: string, packageCache: string | null = null): Launchers {
  const folders = [...new Set(path.split(':'))].filter((folder) => folder.startsWith('/'))
  const found = new Map<string, string>()
  const check = () => Promise.all(folders.map(async (folder) => ({
    folder, refusal: await trustedPath(folder, { kind: 'FOLDER', below: 'ANYWHERE', vouched: folder }).then(() => null, messageOf),
  })))
  return {
    packageCache,
    path: async () => (await check()).filter(({ refusal }) => refusal === null).map(({ folder }) => folder).join(':'),
    find: async (name) => {
      if (name === '' || name.includes('/')) throw new RefusedError(`${JSON.stringify(name)} is no name of a command.`)
      const checked = await check()
      const held = found.get(name)
      const onPath = checked.filter(({ refusal }) => refusal === null).map(({ folder }) => join(folder, name))
      for (const candidate of held === undefined ? onPath : [held, ...onPath]) {
        // The first that is there counts: if that cannot be trusted, what it hides is not what anybody expects to run.
        const trusted = await unlessMissing(trustedPath(candidate, { kind: 'EXECUTABLE', below: 'ANYWHERE', vouched: dirname(candidate) }))
        if (trusted === null) continue
        found.set(name, candidate)
        return trusted
      }
      const leftOut = checked.flatMap(({ refusal }) => refusal ?? []).join(' ')
      throw new RefusedError(`There is no ${name} on the worker's path. Install it there, or set the worker's launcherPath.${leftOut === '' ? '' : ` Left out: ${leftOut}`}`)
    },
  }
}

async function unlessMissing<Found>(work: Promise<Found>): Promise<Found | null> {
  try {
    return await work
  } catch (error) {
    const code = error instanceof Error && error.cause instanceof Error && 'code' in error.cause ? error.cause.code : null
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  }
}
