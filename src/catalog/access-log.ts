import { CatalogError } from '../core/errors.js'
import { maskTokens } from '../core/redact.js'
import { appendAudit } from '../db/audit.js'
import { type Db, inOneFlight } from '../db/client.js'
import { lockAccessHead, moveAccessHead } from '../db/head.js'
import { chain } from './chain.js'
import { type AccessEvent, type AccessLog } from './context.js'

/** At most this many events in one batch; more wait for the next. */
const batchSize = 500

/**
 * Events that come while a batch is being written leave together in the next one: one transaction for many denials.
 * @param recorded hears each event once it is stored
 */
export function createAccessLog(db: Db, key: Buffer, now: () => Date, recorded: (event: AccessEvent) => void = () => {}): AccessLog {
  let waiting: Array<{ event: AccessEvent; resolve: () => void; reject: (error: unknown) => void }> = []
  let isWriting = false

  async function drain(): Promise<void> {
    isWriting = true
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchSize)
      waiting = waiting.slice(batchSize)
      try {
        await commitAccessEvents(db, key, now(), batch.map(({ event }) => event))
        batch.forEach(({ event, resolve }) => {
          resolve()
          recorded(event)
        })
      } catch (error) {
        batch.forEach(({ reject }) => reject(error))
      }
    }
    isWriting = false
  }

  return {
    record: (event) => new Promise((resolve, reject) => {
      waiting.push({ event: cleaned(event), resolve, reject })
      if (!isWriting) void drain()
    }),
  }
}

function cleaned({ detail, ...event }: AccessEvent): AccessEvent {
  const cleanedDetail = detail && Object.fromEntries(Object.entries(detail).map(([name, value]) => (
    [name, typeof value === 'number' ? value : typeof value === 'string' ? loggable(value) : value.map(loggable)])))
  return { ...event, target: loggable(event.target), detail: cleanedDetail }
}

/** Text from outside as it may stand in a log row: short, without what Postgres or a terminal would choke on, and no token that sits in the place of an id. */
function loggable(text: string): string {
  return maskTokens(text.slice(0, 1_000)).slice(0, 100).toWellFormed().replaceAll(/\p{C}/gu, '?')
}

/**
 * Writes a batch of the access chain.
 * @throws CatalogError UNAVAILABLE when it cannot be written: what cannot be recorded is not answered
 */
async function commitAccessEvents(db: Db, key: Buffer, now: Date, events: AccessEvent[]): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      const head = await lockAccessHead(tx)
      const records = chain(key, head.hash, events.map(({ detail, ...event }, offset) => (
        { ...event, sequence: head.sequence + 1 + offset, at: now.toISOString(), before: null, after: detail ?? null })))
      await inOneFlight([appendAudit(tx, 'access', records), moveAccessHead(tx, { sequence: head.sequence + events.length, hash: records.at(-1)!.hash })])
    })
  } catch (cause) {
    const error = new CatalogError('UNAVAILABLE', 'The access log cannot be written right now.', { field: 'request', mend: 'Try again in a moment.' })
    error.cause = cause
    throw error
  }
}
