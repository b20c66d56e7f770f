/**
 * What a plugin folder names stays in it (S16). The folder itself is the operator's word, so it may be a link, and links that lead
 * to another place inside are as good as what they lead to: a volume of Kubernetes is full of them. Everything is judged by where it
 * really lies, and read from there.
 */
import { lstatSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { errorCode, readText, type Report, shown } from './static-files.js'

/**
 * Where the thing really lies that a plugin folder holds under this path.
 * @param alike `namesLikeOthers` of the folder that it is in, where that is known already
 * @returns undefined for what is not there, and for what is refused and reported: it leads out, or its name is that of another but for the case
 */
export function containedPath(folder: string, path: string, report: Report, alike?: ReadonlySet<string>): string | undefined {
  try {
    const real = realpathSync(path)
    if (!isInside(real, realpathSync(folder))) {
      report('path-outside', 'This is not used: it leads out of the plugin folder. Put a copy into the folder, or list the other folder in pluginDirs.', path)
    } else if ((alike ?? namesLikeOthers(readdirSync(dirname(path)))).has(basename(path))) reportLikeOthers(path, report)
    else return real
  } catch (error) {
    const code = errorCode(error)
    // A link to nothing is there all the same, and somebody meant something by it.
    if (code !== 'ENOENT' && code !== 'ENOTDIR' || isThere(path)) report('file-unreadable', `It cannot be followed (${code}); it is not loaded.`, path)
  }
  return undefined
}

/** Reads one file of a plugin folder, or reports why not; a missing one is no problem. */
export function readContained(folder: string, path: string, report: Report): string | undefined {
  const real = containedPath(folder, path, report)
  return real === undefined ? undefined : readText(path, report, { real })
}

/** Names of one folder that another one differs from by case or composition alone: which of them counts depends on the machine. */
export function namesLikeOthers(names: readonly string[]): Set<string> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(plain(name), (counts.get(plain(name)) ?? 0) + 1)
  return new Set(names.filter((name) => counts.get(plain(name)) !== 1))
}

export function reportLikeOthers(path: string, report: Report): void {
  report('path-case-collision', `This is not used: another name beside it differs from ${shown(basename(path))} by case alone. Keep one.`, path)
}

/** As file systems that ignore case compare names. */
const plain = (name: string) => name.normalize('NFC').toUpperCase().toLowerCase()

/**
 * Whether a folder of skills can be handed on: a runtime reads `<folder>/<skill>/SKILL.md` by itself, and would follow whatever leads out.
 * One bad skill costs all of them, since the folder is handed on as a whole.
 */
export function isSkillFolderContained(plugin: string, folder: string, report: Report): boolean {
  if (containedPath(plugin, folder, report) === undefined) return false
  try {
    const names = readdirSync(folder)
    const alike = namesLikeOthers(names)
    // Each bad one is worth a line, so this does not stop at the first.
    return names.filter((name) => !isSkillContained(plugin, resolve(folder, name), alike, report)).length === 0
  } catch (error) {
    report('file-unreadable', `The folder of skills cannot be read (${errorCode(error)}).`, folder)
    return false
  }
}

function isSkillContained(plugin: string, skill: string, alike: ReadonlySet<string>, report: Report): boolean {
  if (containedPath(plugin, skill, report, alike) === undefined) return false
  return ['SKILL.md', 'tools.json'].every((name) => {
    const path = resolve(skill, name)
    return !isThere(path) || readContained(plugin, path, report) !== undefined
  })
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** Links to nothing too. What may not be looked at counts as there. */
function isThere(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(errorCode(error))
  }
}

export interface PathProblem { code: 'path-outside' | 'path-with-nul', reason: string }

/**
 * What speaks against the paths of a plugin's stdio server, or null. A relative one may not lead out of what it is relative to; an absolute
 * one says openly where it leads. Arguments are the server's own to read.
 * @param given `cwd` as the file has it, expanded
 * @param cwd the same, anchored to the folder
 */
export function serverPathProblem(folder: string, command: string, given: unknown, cwd: string): PathProblem | null {
  if ([command, cwd, given].some((path) => typeof path === 'string' && path.includes('\0'))) return { code: 'path-with-nul', reason: 'a path holds a NUL character' }
  const isAnchored = typeof given !== 'string' || !isAbsolute(given)
  if (isAnchored && !leadsInto(folder, cwd)) return { code: 'path-outside', reason: 'its cwd leads out of the plugin folder' }
  // A command with a slash is looked up from the cwd. Its links are not judged: those of a virtual environment lead to the system's Python.
  const isPath = [sep, '/'].some((separator) => command.includes(separator)) && !isAbsolute(command)
  if (!isPath || isInside(resolve(cwd, command), isAnchored ? folder : resolve(cwd))) return null
  return { code: 'path-outside', reason: `its command leads out of ${isAnchored ? 'the plugin folder' : 'its cwd'}` }
}

/** By its name and by where it really lies; of what does not exist yet, the nearest folder that does. */
function leadsInto(folder: string, path: string): boolean {
  if (!isInside(path, folder)) return false
  let nearest = path
  while (!isThere(nearest) && nearest !== dirname(nearest)) nearest = dirname(nearest)
  try {
    return isInside(realpathSync(nearest), realpathSync(folder))
  } catch {
    return false
  }
}
