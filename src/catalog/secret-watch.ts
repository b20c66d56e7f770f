import { systemPrincipal } from '../core/owner.js'
import { findSecrets, lockSecret, putSecretRow, type StoredSecret } from '../db/secret.js'
import { type SecretChange } from '../index/secrets.js'
import { commit } from './commit.js'
import { type CatalogServices } from './context.js'
import { secretChange } from './secret.js'
import { fingerprintOf, lookAt, type Sight } from './secret-sight.js'

export interface SecretWatch {
  /** What changed of secrets; null: anything may have. */
  follow: (changes: readonly SecretChange[] | null) => void
  /** Resolves when nothing of it runs any more. */
  close: () => Promise<void>
}

export interface SecretWatchOptions {
  services: CatalogServices
  onError: (error: unknown) => void
  /** Milliseconds until what could not be read is looked at again; default 30,000. */
  retryMs?: number
}

/**
 * Notices that an outside provider has another value, and makes that a change like any other: the version rises, so every session that uses the
 * secret leases it anew. Variables change only while nothing runs, so at the start all of them are looked at.
 *
 * Every node watches. Only what people set is looked at besides what providers tell: were each node to look again whenever another one found a
 * new value, two nodes whose folders differ for a moment would outbid each other for ever.
 */
export function startSecretWatch({ services, onError, retryMs = 30_000 }: SecretWatchOptions): SecretWatch {
  const { index, secrets } = services
  /** Ids to look at; one that comes twice is looked at once. */
  const due = new Set<string>()
  const unreadable = new Set<string>()
  let running: Promise<void> | null = null
  let isClosed = false

  const outside = () => [...index.state.secrets.byId.values()].filter(({ provider, deletedAt }) => provider !== 'sealed' && deletedAt === null)
  const watchAll = () => secrets.watch(outside().flatMap(({ provider, path }) => (path === null ? [] : [{ provider, path }])))

  function look(ids: Iterable<string>): void {
    for (const id of ids) due.add(id)
    if (due.size === 0 || isClosed) return
    running ??= lookAtAll().catch(onError).finally(() => {
      running = null
      // What came after the last look and before this.
      look([])
    })
  }

  async function lookAtAll(): Promise<void> {
    for (const [id] of due.entries()) {
      if (isClosed) return
      due.delete(id)
      const isKnown = await settle(services, id).catch((error: unknown) => {
        onError(error)
        return false
      })
      if (isKnown) unreadable.delete(id)
      else unreadable.add(id)
    }
  }

  const stopListening = secrets.onChanged(({ provider, path }) => look(outside().filter((one) => one.provider === provider && one.path === path).map(({ id }) => id)))
  const timer = setInterval(() => look([...unreadable]), retryMs)
  const all = () => {
    watchAll()
    look(outside().map(({ id }) => id))
  }
  all()
  return {
    follow: (changes) => {
      if (changes === null) return all()
      const touched = changes.flatMap((change) => (change.subject === 'SECRET' ? [change] : []))
      if (!touched.some(({ before, after }) => [before?.provider ?? 'sealed', after.provider].some((provider) => provider !== 'sealed'))) return
      watchAll()
      look(touched.filter(({ after }) => after.updatedBy.kind !== 'SYSTEM' && after.provider !== 'sealed' && after.deletedAt === null).map(({ id }) => id))
    },
    close: async () => {
      isClosed = true
      clearInterval(timer)
      stopListening()
      await running
    },
  }
}

const attempts = 5

/**
 * Looks at one secret, and writes down what is there if that is something else than before.
 * @returns false when that could not be said
 */
async function settle(services: CatalogServices, id: string): Promise<boolean> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const [secret] = await findSecrets(services.db, [id])
    if (secret === undefined || secret.deletedAt !== null || secret.provider === 'sealed') return true
    const sight = await lookAt(services, secret)
    if (sight.kind === 'UNKNOWN') return false
    const seen = fingerprintOf(sight)
    // The same as is written down is news all the same to whom this node lent another one under that version.
    const isNews = seen !== secret.fingerprint || (services.lentOthers.get(id) ?? seen) !== seen
    if (isNews && !await noteOther(services, secret, sight)) continue
    services.lentOthers.delete(id)
    return true
  }
  return false
}

/**
 * Compares and sets: what was seen counts only for the version that it was looked up for. Of several nodes that notice at once the first one makes
 * the change, and whoever read an older value looks again (S26).
 * @returns false when the secret was changed meanwhile
 */
async function noteOther(services: CatalogServices, seen: StoredSecret, sight: Exclude<Sight, { kind: 'UNKNOWN' }>): Promise<boolean> {
  const { result } = await commit(services, systemPrincipal, async () => async (tx) => {
    const before = await lockSecret(tx, seen.owner, seen.name)
    if (before?.version !== seen.version || before.fingerprint !== seen.fingerprint) return { changes: [], result: false }
    const after: StoredSecret = {
      ...before, version: before.version + 1, fingerprint: fingerprintOf(sight), updatedAt: services.now().toISOString(), updatedBy: systemPrincipal,
    }
    if (!await putSecretRow(tx, after)) return { changes: [], result: false }
    // What is gone is a change too: whoever uses the old value has to notice, and the next lease says that there is none.
    return { changes: [secretChange(before, after, 'secret.rotate', { isValueThere: sight.kind === 'VALUE' })], result: true }
  })
  return result
}
