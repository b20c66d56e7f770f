import { canonicalJson } from '../core/canonical.js'
import { type KnownValues } from '../core/known-values.js'
import { type McpTransport, type NameValue } from '../core/mcp-server.js'
import { type Clock } from './clock.js'
import { LeaseError } from './errors.js'
import { inject } from './inject.js'
import { type Lease } from './leaser.js'
import { orAborted } from './link.js'
import { type SecretSource } from './secret-source.js'

/** What is put in for the references of one server's transport, for as long as it has connections. */
export interface Injection {
  /**
   * Leases anew, and holds what came unless something newer is held already. Values are known to be taken out of texts before anything can be sent
   * with them.
   * @throws LeaseError; TypeError for a value that cannot be sent at its place; the signal's reason when that aborts
   */
  renew: (signal: AbortSignal) => Promise<void>
  /**
   * Leases anew, and resolves with whether it is what was injected last. If not, nothing is held of it: what runs has to be started anew.
   * @throws as `renew`
   */
  isCurrent: (signal: AbortSignal) => Promise<boolean>
  /** As `renew`, for another connection: without an answer of the catalog, what is held is good for as long as its lease lasts. */
  renewToStart: (signal: AbortSignal) => Promise<void>
  /** Headers or variables of this moment. @throws TypeError when nothing was leased yet, or everything was let go */
  injected: () => NameValue[]
  /** Nothing carries values from now on, no farewell either, and none that are on their way; they are taken out of texts still. */
  forget: () => void
  /** When no connection is left: values are let go, and are taken out of texts no longer. */
  close: () => void
}

export interface InjectionOptions {
  transport: McpTransport
  source: SecretSource
  known: KnownValues
  clock: Clock
}

/** Connections that were made with values long since replaced may show them still; beyond so many replacements that is not waited for. */
const mostReplaced = 32

interface Held {
  lease: Lease
  injected: NameValue[]
  /** What is taken out of texts. */
  texts: string[]
  /** Of the question. */
  number: number
}

export function createInjection({ transport, source, known, clock }: InjectionOptions): Injection {
  const closing = new AbortController()
  /** What ends the taking out, of all values that may be in use. */
  const letGo: Array<() => void> = []
  let held: Held | null = null
  let isForgotten = false
  let started = 0

  const ask = async (signal: AbortSignal): Promise<Held> => {
    started += 1
    const number = started
    const either = AbortSignal.any([signal, closing.signal])
    either.throwIfAborted()
    // Whoever ends it does not wait for a catalog that is silent; what that says later is for nobody.
    const lease = await orAborted(source.lease(either), either)
    const injected = inject(transport, lease.values)
    return { lease, injected, texts: [...lease.values.values(), ...injected.map(({ value }) => value)], number }
  }
  const take = (fresh: Held) => {
    if (isForgotten) throw new Error('Its values were let go.')
    // Of two answers the one that was asked for later counts, whichever comes last (S26).
    if (held !== null && (fresh.number < held.number || isOlder(fresh.lease, held.lease))) return
    // The same ones replace nothing, however often connections are made again.
    if (held === null || canonicalJson(held.texts) !== canonicalJson(fresh.texts)) {
      const ends = fresh.texts.map(known.add)
      letGo.push(() => { for (const end of ends) end() })
      if (letGo.length > mostReplaced) letGo.shift()!()
    }
    held = fresh
  }
  const forget = () => {
    isForgotten = true
    held = null
  }
  const renew = async (signal: AbortSignal) => take(await ask(signal))
  return {
    renew,
    isCurrent: async (signal) => {
      const fresh = await ask(signal)
      const isSame = held !== null && canonicalJson(held.injected) === canonicalJson(fresh.injected)
      if (isSame) take(fresh)
      return isSame
    },
    renewToStart: async (signal) => {
      const renewing = renew(signal)
      const number = started
      try {
        await renewing
      } catch (error) {
        signal.throwIfAborted()
        // What was asked for later has been answered meanwhile (S26).
        if (held !== null && held.number > number) return
        const isUnanswered = error instanceof LeaseError && error.failure === 'UNAVAILABLE'
        if (!isUnanswered || held === null || clock.nowMs() >= held.lease.untilMs) throw error
      }
    },
    injected: () => {
      if (held === null) throw new TypeError('No value was leased for the references of this server.')
      return held.injected
    },
    forget,
    close: () => {
      closing.abort(new Error('the connection was closed'))
      forget()
      for (const end of letGo.splice(0)) end()
    },
  }
}

/** IN_USE: what was leased is sent with every request from now on, or is what the process has. NEEDS_START: a process has something else, and keeps it. */
export type Renewal = 'IN_USE' | 'NEEDS_START'

/** Of something that runs. @throws as `Injection.renew` */
export async function renewal(injection: Injection, kind: McpTransport['kind']): Promise<Renewal> {
  const { signal } = new AbortController()
  if (kind === 'STDIO') return await injection.isCurrent(signal) ? 'IN_USE' : 'NEEDS_START'
  await injection.renew(signal)
  return 'IN_USE'
}

function isOlder(lease: Lease, than: Lease): boolean {
  return lease.revision < than.revision || (lease.revision === than.revision && lease.secretVersion < than.secretVersion)
}
