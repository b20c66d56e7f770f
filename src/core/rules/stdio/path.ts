/**
 * Where programs of the system, its configuration and its devices lie; `/usr/local` is for what an installation adds.
 * Both the names of Linux and of macOS; compared without case, since macOS ignores it.
 */
const systemFolders = [
  '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/usr', '/etc', '/proc', '/sys', '/dev', '/boot', '/root', '/run', '/var/run', '/var/lib', '/var/spool',
  '/var/cache', '/var/log', '/var/mail', '/var/lock', '/snap', '/lost+found', '/efi', '/system', '/library', '/private/etc', '/private/var', '/cores',
]
const systemExceptions = ['/usr/local']

/** Where everybody may write, so anybody could lay something in the way. */
const sharedFolders = ['/tmp', '/var/tmp', '/var/crash', '/private/tmp', '/private/var/tmp', '/dev/shm', '/users/shared']

/** In a folder, or the folder itself; `/srv/mcp` and `/srv/mcp/` are one folder, `/srv/mcp-x` is another. */
export function isBelow(path: string, folder: string): boolean {
  const plain = folder.endsWith('/') ? folder.slice(0, -1) : folder
  return path === plain || path.startsWith(`${plain}/`)
}

/** Absolute, without `.`, `..`, `//` and a `/` at the end: the one way to write it. */
export function isPlainPath(path: string): boolean {
  return path.startsWith('/') && path.length > 1 && path.slice(1).split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

/**
 * What speaks against a path of the worker's machine, as message and mend, or null. Links are judged by the worker, right before it starts the server.
 * @param directories `stdio.directories`: below which it must lie; null: anywhere but in folders of the system and those that everybody may write to
 */
export function pathProblem(path: string, directories: readonly string[] | null): [message: string, mend: string] | null {
  if (!path.startsWith('/')) return ['This is not an absolute path.', 'Write the whole path, beginning with /.']
  if (/[^\x20-\x7e]/.test(path)) return ['The path holds characters that look like others.', 'Write it in plain ASCII; rename the folder or file if need be.']
  if (!isPlainPath(path)) return ['The path is written in a roundabout way.', 'Write it without ., .. and //, and without a / at the end.']
  if (directories !== null) {
    if (directories.some((folder) => isBelow(path, folder))) return null
    return ['The path lies outside the folders of the policy.', `Put it below ${directories.join(' or ') || 'a folder of stdio.directories'}, or ask an admin to list its folder in stdio.directories.`]
  }
  const lower = path.toLowerCase()
  const isIn = (folders: readonly string[]) => folders.some((folder) => isBelow(lower, folder))
  const mend = 'Put it into a folder of its own, such as /srv/mcp or /opt/NAME, or ask an admin to list its folder in stdio.directories.'
  if (isIn(sharedFolders)) return ['The path lies where everybody may write.', mend]
  return isIn(systemFolders) && !isIn(systemExceptions) ? ['The path lies in a folder of the system.', mend] : null
}
