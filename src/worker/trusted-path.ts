import { constants, type Stats } from 'node:fs'
import { access, lstat, readlink, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { RefusedError } from './errors.js'

/** What was found behind a path, and how to tell later that it is still the same. */
export interface TrustedPath {
  /** Absolute, without any link. */
  real: string
  isUnchanged: () => Promise<boolean>
}

export interface TrustedPathOptions {
  kind: 'FILE' | 'EXECUTABLE' | 'FOLDER'
  /** Folders below which it has to lie. Null: anywhere, except that a link must not lead into a system folder. ANYWHERE: anywhere. */
  below: string[] | null | 'ANYWHERE'
}

/** One thing on the way to a file: a folder, a link or the file itself. */
interface Step {
  at: string
  stats: Stats
}

const mostLinks = 40
const isFolderOf = (folder: string, path: string) => path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)

/**
 * Goes to a path through every link, and refuses it unless root and the worker's own user are the only ones who could put something else
 * there: each folder, link and file on the way is theirs, and writable for nobody else. A listed folder may itself lie
 * in a sticky one such as /tmp; without a list nothing does.
 * @param path absolute
 * @throws RefusedError with what is wrong with which part, and the mend
 */
export async function trustedPath(path: string, { kind, below }: TrustedPathOptions): Promise<TrustedPath> {
  const user = process.geteuid?.()
  if (user === undefined) throw new RefusedError('Processes of catalog entries are started only where files have an owner and permissions, which this system has not.')
  const steps = await walk(path)
  const { at: real, stats } = steps.at(-1)!
  const isRight = kind === 'FOLDER' ? stats.isDirectory() : stats.isFile()
  if (!isRight) throw new RefusedError(`${path} is no ${kind === 'FOLDER' ? 'folder' : 'regular file'}.`)
  const vouched = await vouchedFolder(path, real, below)
  for (const step of steps) refuseStep(path, step, user, vouched !== null && isFolderOf(step.at, vouched))
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

/** The listed folder that it lies below. Links may lead there too: whoever lists the folder vouches for where it is. */
async function vouchedFolder(path: string, real: string, below: TrustedPathOptions['below']): Promise<string | null> {
  if (below === 'ANYWHERE') return null
  if (below === null) {
    if (isSystemPath(path) || !isSystemPath(real)) return null
    throw new RefusedError(`${path} is a link into a system folder (${real}). Name the command itself, or copy the file.`)
  }
  for (const folder of below) {
    const found = await walk(folder).then((steps) => steps.at(-1)!.at, () => null)
    if (found !== null && (real === found || isFolderOf(found, real))) return found
  }
  throw new RefusedError(`${path} leads to ${real}, below none of the listed folders. Move it, or ask an admin to list its folder in stdio.directories.`)
}

/** @param isAbove whether it is a folder above a listed one */
function refuseStep(path: string, { at, stats }: Step, user: number, isAbove: boolean): void {
  const says = (what: string, mend: string) => new RefusedError(`${at === path ? path : `${path} leads through ${at}, which`} ${what}. ${mend}`)
  if (stats.uid !== 0 && stats.uid !== user) throw says('belongs to another user', 'Give it to root or to the worker\'s user with chown.')
  // The permissions of a link mean nothing.
  if (stats.isSymbolicLink()) return
  const isOpen = (stats.mode & 0o002) !== 0 || ((stats.mode & 0o020) !== 0 && stats.gid !== 0)
  const isSticky = stats.isDirectory() && (stats.mode & 0o1000) !== 0
  if (isOpen && !(isSticky && isAbove)) throw says('is writable for others', 'Take the permission away with chmod go-w, or move the file.')
}

/** What belongs to the system, where an alias would hide what is really run. `/usr/local` belongs to it too: launchers lie there. */
const systemFolders = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr', 'etc', 'proc', 'sys', 'dev', 'boot', 'run', 'System']

function isSystemPath(path: string): boolean {
  return systemFolders.includes(partsOf(path)[0] ?? '')
}
