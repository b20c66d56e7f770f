import { type ProviderTools } from './provider.js'
import { objectOf, type VaultClient } from './vault-client.js'

export interface TokenKeeperOptions {
  client: VaultClient
  warn: ProviderTools['warn']
  /** First wait after a failure, doubled with each further one up to a minute; also the shortest wait of all. */
  retryMs: number
}

const mostRetryMs = 60_000
/** A token that does not end may be replaced by one that does. */
const lookAgainMs = 3_600_000
/** What a timer takes. */
const mostWaitMs = 2_147_483_647

/**
 * Keeps our own token alive: asks for how long it is good, and renews it at two thirds of that. One that cannot be renewed is looked at again
 * then, since its file may hold another by that time.
 */
export function keepToken({ client, warn, retryMs }: TokenKeeperOptions): { close: () => Promise<void> } {
  let timer: NodeJS.Timeout | undefined
  let step = Promise.resolve()
  let isClosed = false
  let failures = 0

  function plan(waitMs: number, renews: boolean): void {
    if (isClosed) return
    timer = setTimeout(() => { step = turn(renews) }, Math.min(Math.max(waitMs, retryMs), mostWaitMs)).unref()
  }

  async function turn(renews: boolean): Promise<void> {
    const answer = renews ? await client.post('auth/token/renew-self') : await client.get('auth/token/lookup-self')
    if (isClosed) return
    const told = answer.kind === 'ANSWER' && answer.status === 200 ? lifeOf(renews ? answer.body.auth : answer.body.data) : null
    if (told === null) {
      const why = answer.kind === 'PROBLEM' ? answer.why : answer.status === 200 ? 'its answer says nothing of the token' : `status ${answer.status}`
      // Each failure would fill a log; the first says it, and then every tenth.
      if (failures++ % 10 === 0) warn(new Error(why), renews ? 'the token for Vault could not be renewed' : 'the token for Vault could not be looked up')
      // After a failure it is looked at first: it may be another one.
      return plan(Math.min(retryMs * 2 ** Math.min(failures - 1, 20), mostRetryMs), false)
    }
    failures = 0
    plan(told.ttlSeconds === 0 ? lookAgainMs : told.ttlSeconds * 1_000 * 2 / 3, told.ttlSeconds > 0 && told.isRenewable)
  }

  step = turn(false)
  return {
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await step
    },
  }
}

/** A lookup calls it `ttl`, a renewal `lease_duration`; 0: without end. */
function lifeOf(given: unknown): { ttlSeconds: number; isRenewable: boolean } | null {
  const token = objectOf(given)
  const ttl = token?.ttl ?? token?.lease_duration
  return typeof ttl === 'number' && ttl >= 0 ? { ttlSeconds: ttl, isRenewable: token?.renewable === true } : null
}
