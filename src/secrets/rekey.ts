import { type Db } from '../db/client.js'
import { countByKey, findSealedAfter, replaceSealed } from '../db/sealed-secret.js'
import { type KeyRing, rewrapValue } from './envelope.js'

export interface RekeyReport {
  /** Wrapped anew by this run. */
  rewrapped: number
  /** What no known key opens: ids of secrets, and of the key that sealed one if it is another one than all that are known. */
  lost: Array<{ id: string; keyId: string | null }>
  /** Under a key that is known and not the current one: somebody sealed them meanwhile, or the run was stopped. */
  left: number
}

export interface RekeyOptions {
  db: Db
  keys: KeyRing
  /** Told after each batch: how many envelopes were looked at so far, and how many there were at the beginning. */
  progress: (seen: number, total: number) => void
  /** Asked before each batch: whether to end now. What was done stays done, and the next run goes on from there. */
  isStopped: () => boolean
  /** Envelopes of one transaction; default 100. */
  batch?: number
}

/**
 * Brings every data key under the current key-encryption key. Servers may read and write meanwhile: an envelope is replaced only where it is still the one that was
 * read. Those that are under the current key already are only looked at, so a run that was stopped loses nothing but the look.
 */
export async function rekeySecrets({ db, keys, progress, isStopped, batch = 100 }: RekeyOptions): Promise<RekeyReport> {
  const total = (await countByKey(db)).reduce((sum, { count }) => sum + count, 0)
  const report: RekeyReport = { rewrapped: 0, lost: [], left: 0 }
  let seen = 0
  for (let after = ''; !isStopped();) {
    const rows = await findSealedAfter(db, after, batch)
    if (rows.length === 0) break
    const changes = rows.flatMap(({ id, sealed, ...place }) => {
      const result = rewrapValue(keys, place, sealed)
      if (result.kind === 'WRAPPED') return isCurrent(keys, sealed) ? [] : [{ id, before: sealed, after: result.sealed }]
      report.lost.push({ id, keyId: result.kind === 'UNKNOWN_KEY' ? result.keyId : null })
      return []
    })
    report.rewrapped += await replaceSealed(db, changes)
    after = rows.at(-1)!.id
    progress(seen += rows.length, total)
  }
  const others = (await countByKey(db)).filter(({ keyId }) => keyId !== keys.currentId && keys.byId.has(keyId))
  report.left = others.reduce((sum, { count }) => sum + count, 0)
  return report
}

function isCurrent({ currentId }: KeyRing, sealed: unknown): boolean {
  return (sealed as { keyId?: unknown }).keyId === currentId
}
