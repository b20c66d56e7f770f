import ipaddr from 'ipaddr.js'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { CatalogError } from '../core/errors.js'
import { type Observer } from '../catalog/observer.js'

/** How much one principal may ask of one node in a minute. */
export interface RateSettings {
  readsPerMinute: number
  writesPerMinute: number
  /** Reports of workers: a token may have a thousand of them. */
  reportsPerMinute: number
  /** Tokens that open nothing, of one address. */
  failuresPerMinute: number
}

export type Budget = 'reads' | 'writes' | 'reports' | 'subscriptions'

export interface Rates {
  /** @throws CatalogError RATE_LIMITED, with `retryAfter` in seconds */
  charge: (principalId: string, budget: Budget, points: number) => Promise<void>
  /** Whoever asks for the page of GraphiQL has no token, so its address pays; nothing else does by this budget, which others of the address may have spent. @throws CatalogError RATE_LIMITED, with `retryAfter` in seconds */
  page: (address: string) => Promise<void>
  failures: Failures
}

/** Tokens that opened nothing, by the address that sent them. Good tokens of the same address are never refused for it: a proxy may be in between. */
export interface Failures {
  isSpent: (address: string) => Promise<boolean>
  /** @throws CatalogError RATE_LIMITED, with `retryAfter` in seconds */
  count: (address: string) => Promise<void>
}

const windowSeconds = 60
/** Ten thousand sockets may come back at once, several times in a minute; what is open at a time is bounded elsewhere. */
const subscriptionsPerMinute = 60_000
/** A page of megabytes. Many people may be behind one address, and a browser asks once. */
const pagesPerMinute = 120

const nouns: Record<Budget, string> = { reads: 'reads', writes: 'changes', reports: 'reports of workers', subscriptions: 'subscriptions' }

/** Budgets in the memory of this node: one that starts anew forgets them, and several nodes give a principal one each. */
export function createRates({ readsPerMinute, writesPerMinute, reportsPerMinute, failuresPerMinute }: RateSettings, observer: Pick<Observer, 'refused'>): Rates {
  const most: Record<Budget, number> = { reads: readsPerMinute, writes: writesPerMinute, reports: reportsPerMinute, subscriptions: subscriptionsPerMinute }
  const limiterOf = (points: number) => new RateLimiterMemory({ points, duration: windowSeconds })
  const limiters: Record<Budget, RateLimiterMemory> = {
    reads: limiterOf(most.reads), writes: limiterOf(most.writes), reports: limiterOf(most.reports), subscriptions: limiterOf(most.subscriptions),
  }
  const failed = limiterOf(failuresPerMinute)
  const pages = limiterOf(pagesPerMinute)

  async function take(limiter: RateLimiterMemory, key: string, points: number, kind: Budget | 'failures' | 'pages', message: string): Promise<void> {
    try {
      await limiter.consume(key, points)
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused
      observer.refused(kind)
      throw rateLimited(message, refused.msBeforeNext)
    }
  }

  return {
    // Nothing costs more than the whole budget: it could never be paid.
    charge: (principalId, budget, points) => (
      take(limiters[budget], principalId, Math.min(points, most[budget]), budget, `One principal may ask a node for at most ${most[budget]} ${nouns[budget]} in a minute.`)),
    page: (address) => take(pages, networkOf(address), 1, 'pages', `An address may ask for pages at most ${pagesPerMinute} times in a minute.`),
    failures: {
      isSpent: async (address) => ((await failed.get(networkOf(address)))?.remainingPoints ?? 1) <= 0,
      count: (address) => take(failed, networkOf(address), 1, 'failures', `An address may try at most ${failuresPerMinute} tokens that open nothing in a minute.`),
    },
  }
}

function rateLimited(message: string, waitMs: number): CatalogError {
  const retryAfter = Math.max(1, Math.ceil(waitMs / 1_000))
  return new CatalogError('RATE_LIMITED', message, { field: 'request', mend: `Try again in ${retryAfter} s, and ask for more in one operation.`, retryAfter })
}

/** Whoever has one address of IPv6 has a network of them. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toNormalizedString().split(':', 4).join(':')
}
