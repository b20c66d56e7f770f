import { constants, type Stats } from 'node:fs'
import { access, lstat, readlink, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isBelow, pathProblem } from '../core/rules/stdio/path.js'
import { RefusedError } from './errors.js'

/** What was found behind a path, and how to tell later that it is still the same. */
export interface TrustedPath {
  /** Absolute, without any link. */
  real: string
  isUnchanged: () => Promise<boolean>
}

export interface TrustedPathOptions {
  kind: 'FILE' | 'EXECUTABLE' | 'FOLDER'
  /** Folders below which it has to lie; null: outside of folders of the system, as `stdio.directories` of the policy. ANYWHERE: anywhere. */
  below: string[] | null | 'ANYWHERE'
  /** A folder that somebody answers for: it may itself lie in a sticky one, such as /tmp. Default: the one of `below` that it lies in. */
  vouched?: string
}

/** One thing on the way to a file: a folder, a link or the file itself. */
interface Step {
  at: string
  stats: Stats
}

const mostLinks = 40
const isFolderOf = (folder: string, path: string) => path !== folder && isBelow(path, folder)

/**
 * Goes to a path through every link, and refuses it unless root and the worker's own user are the only ones who could put something else
 * there: each folder, link and file on the way is theirs, and writable for nobody else.
 * @param path absolute
 * @throws RefusedError with what is wrong with which part, and the mend
 */
export async function trustedPath(path: string, { kind, below, vouched }: TrustedPathOptions): Promise<TrustedPath> {
  const user = process.geteuid?.()
  if (user === undefined) throw new RefusedError('Processes of catalog entries are started only where files have an owner and permissions, which this system has not.')
  const steps = await walk(path)
  const { at: real, stats } = steps.at(-1)!
  const isRight = kind === 'FOLDER' ? stats.isDirectory() : stats.isFile()
  if (!isRight) throw new RefusedError(`${path} is no ${kind === 'FOLDER' ? 'folder' : 'regular file'}.`)
  const around = vouched === undefined ? await foldersAround(path, real, below) : [await realFolder(vouched)]
  for (const step of steps) refuseStep(path, step, user, around.some((folder) => folder !== null && isFolderOf(step.at, folder)))
  if (kind === 'EXECUTABLE') {
    await access(real, constants.X_OK).catch(() => { throw new RefusedError(`${path} is not executable. Give it the permission with chmod u+x.`) })
  }
  const identity = identityOf(stats, kind)
  return { real, isUnchanged: async () => await stat(real).then((now) => identityOf(now, kind) === identity, () => false) }
}

/** Of what stands in a folder, the time of a change says nothing about the folder. */
function identityOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats, kind: TrustedPathOptions['kind']): string {
  return JSON.stringify(kind === 'FOLDER' ? [dev, ino] : [dev, ino, size, mtimeMs, ctimeMs])
}

/** Component by component, as the kernel does, so that no folder on the way is left out. The last step is the file itself. */
async function walk(path: string): Promise<Step[]> {
  const steps: Step[] = [{ at: '/', stats: await lstat('/') }]
  let at = '/'
  let rest = partsOf(path)
  for (let links = 0; rest.length > 0;) {
    const [name, ...further] = rest
    rest = further
    const next = name === '..' ? dirname(at) : join(at, name!)
    const stats = await lstat(next).catch((error: unknown) => { throw new RefusedError(`${path} cannot be reached`, { cause: error }) })
    steps.push({ at: next, stats })
    if (!stats.isSymbolicLink()) {
      at = next
      continue
    }
    links += 1
    if (links > mostLinks) throw new RefusedError(`${path} leads through more than ${mostLinks} links.`)
    const target = await readlink(next)
    if (target.startsWith('/')) at = '/'
    rest = [...partsOf(target), ...rest]
  }
  return steps
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}

/** The listed folders that it lies in. Links may lead there too: whoever lists a folder answers for where it is. */
async function foldersAround(path: string, real: string, below: TrustedPathOptions['below']): Promise<string[]> {
  if (below === 'ANYWHERE') return []
  if (below === null) {
    // The policy has judged the path as it is written; what it leads to is held to the same.
    const problem = path === real ? null : pathProblem(real, null)
    if (problem === null) return []
    throw new RefusedError(`${path} leads to ${real}. ${problem.join(' ')}`)
  }
  const folders = await Promise.all(below.map(realFolder))
  const around = folders.filter((folder) => folder !== null && isBelow(real, folder)) as string[]
  if (around.length > 0) return around
  throw new RefusedError(`${path} leads to ${real}, below none of the listed folders. Move it, or ask an admin to list its folder in stdio.directories.`)
}

/** Null: there is none. */
async function realFolder(folder: string): Promise<string | null> {
  return await walk(folder).then((steps) => steps.at(-1)!.at, () => null)
}

function refuseStep(path: string, { at, stats }: Step, user: number, isAbove: boolean): void {
  const weakness = weaknessOf(stats, user, isAbove)
  if (weakness === null) return
  const [what, mend] = weakness
  throw new RefusedError(`${at === path ? path : `${path} leads through ${at}, which`} ${what}. ${mend}`)
}

/**
 * How somebody else could put something in its place; null: nobody can.
 * @param user the worker's own
 * @param isAbove whether it is a folder above a listed one: a sticky one keeps what lies in it from strangers
 */
export function weaknessOf({ uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>, user: number, isAbove: boolean): [what: string, mend: string] | null {
  if (uid !== 0 && uid !== user) return ['belongs to another user', 'Give it to root or to the worker\'s user with chown.']
  const type = mode & constants.S_IFMT
  // The permissions of a link mean nothing.
  if (type === constants.S_IFLNK) return null
  const isOpen = (mode & constants.S_IWOTH) !== 0 || ((mode & constants.S_IWGRP) !== 0 && gid !== 0)
  const isKept = isAbove && type === constants.S_IFDIR && (mode & sticky) !== 0
  return isOpen && !isKept ? ['is writable for others', 'Take the permission away with chmod go-w, or move the file.'] : null
}

const sticky = 0o1000
