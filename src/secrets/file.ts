import { createHash } from 'node:crypto'
import { constants, type FSWatcher, watch } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { createPathWatch } from './path-watch.js'
import { asValue, mostSecretBytes, partsOf, type ProviderTools, type SecretPlace, type SecretProvider, secretNotFound, secretUnavailable } from './provider.js'

export interface FileOptions {
  /** Absolute. */
  dir: string
  /** Between two looks at all files in use; hints of the file system come besides. Default 5,000 ms. */
  everyMs?: number
}

/** What is at a path. `REFUSED`: something is there, and it is not to be read. */
type Found = { kind: 'TEXT'; text: string } | { kind: 'MISSING' } | { kind: 'REFUSED'; why: string } | { kind: 'UNREADABLE' }

/**
 * Files of a mounted folder. The path is relative to it. Kubernetes and CSI drivers mount farms of links (`token` -> `..data/token`, `..data` -> a folder
 * with a date) and swap `..data` in one step: so links are followed, as long as what they lead to lies in the folder.
 */
export function createFileProvider({ dir, everyMs = 5_000 }: FileOptions, { changed, warn }: ProviderTools): SecretProvider {
  let watchers: FSWatcher[] = []
  const paths = createPathWatch({
    changed, everyMs,
    look: async (watched) => {
      for (const path of watched) note(path, await find(dir, path))
    },
  })

  function note(path: string, found: Found): void {
    if (found.kind === 'UNREADABLE') return
    paths.saw(path, found.kind === 'TEXT' ? createHash('sha256').update(found.text).digest('base64') : found.kind)
  }

  /** A hint only: it misses what happens in a folder that was put in the place of this one, and some file systems tell nothing at all. */
  function listen(watched: ReadonlySet<string>): void {
    watchers.forEach((watcher) => watcher.close())
    const folders = new Set([...watched].map((path) => dirname(join(dir, path))))
    watchers = [...folders].flatMap((folder) => {
      try {
        return [watch(folder, { persistent: false }, paths.hint).on('error', (error) => warn(error, 'a folder of secrets can no longer be listened to; it is looked at in rounds'))]
      } catch {
        return []
      }
    })
  }

  return {
    read: async (place) => {
      const found = await find(dir, place.path ?? '')
      note(place.path ?? '', found)
      return valueOf(place, found)
    },
    pathProblem: (path) => {
      const parsed = partsOf(path)
      return 'problem' in parsed ? `${parsed.problem} Name a file below PILOTHOUSE_SECRET_DIR.` : null
    },
    watch: (watched) => {
      listen(watched)
      paths.watch(watched)
    },
    close: async () => {
      watchers.forEach((watcher) => watcher.close())
      await paths.close()
    },
  }
}

function valueOf(place: SecretPlace, found: Found): string {
  switch (found.kind) {
    case 'TEXT': return asValue(place, found.text.replace(/\r?\n$/, ''))
    case 'MISSING': throw secretNotFound(place, 'its file is not there', 'Let an admin put it into the folder of secrets.')
    case 'REFUSED': throw secretUnavailable(place, `its file ${found.why}`, 'Let an admin put a text file of at most 64 KiB there.')
    case 'UNREADABLE': throw secretUnavailable(place, 'its file cannot be read', 'Let whoever runs the server look at the folder of secrets and its rights.')
  }
}

async function find(dir: string, path: string): Promise<Found> {
  const first = await findOnce(dir, path)
  // Between finding where a link leads and opening that, the folder may have been swapped; its links lead elsewhere then.
  return first.kind === 'MISSING' ? findOnce(dir, path) : first
}

async function findOnce(dir: string, path: string): Promise<Found> {
  if ('problem' in partsOf(path)) return { kind: 'REFUSED', why: 'has a path that leads out of the folder' }
  try {
    const root = await realpath(dir).catch(() => null)
    // Without the folder nothing is known of what should be in it.
    if (root === null) return { kind: 'UNREADABLE' }
    const target = await realpath(join(root, path))
    if (!target.startsWith(root.endsWith(sep) ? root : root + sep)) return { kind: 'REFUSED', why: 'is a link that leads out of the folder' }
    return await readText(target)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'MISSING' }
    return code === 'ELOOP' ? { kind: 'REFUSED', why: 'is a link that leads nowhere' } : { kind: 'UNREADABLE' }
  }
}

/** The target is no link any more; one that was put in its place since then is refused. A pipe is opened without waiting for its other end. */
async function readText(target: string): Promise<Found> {
  const file = await open(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile()) return { kind: 'REFUSED', why: 'is no regular file' }
    const mostBytes = mostSecretBytes + 2
    const bytes = Buffer.alloc(mostBytes + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === bytes.length) break
    }
    if (length > mostBytes) return { kind: 'REFUSED', why: 'is larger than 64 KiB' }
    try {
      return { kind: 'TEXT', text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, length)) }
    } catch {
      return { kind: 'REFUSED', why: 'is no text in UTF-8' }
    }
  } finally {
    await file.close()
  }
}
