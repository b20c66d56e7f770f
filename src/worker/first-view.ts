import { CatalogRequestError, type OwnerInput } from '../client/index.js'
import { type Clock } from './clock.js'
import { type OwnerFeed, ownerText } from './owner-feed.js'

/**
 * Resolves when there is one.
 * @throws CatalogRequestError when the owner is denied, or no snapshot comes in time
 */
export async function firstView(feed: OwnerFeed, clock: Clock, timeoutMs: number, owner: OwnerInput): Promise<void> {
  const ended = feed.ended()
  if (ended !== null) throw ended
  if (feed.view() !== null) return
  let done = () => {}
  await new Promise<void>((resolve, reject) => {
    const unlisten = feed.listen({ onChange: () => resolve(), onCursor: () => {}, onFailClosed: () => {}, onEnd: reject })
    const cancel = clock.after(timeoutMs, () => {
      const why = feed.trouble()
      reject(new CatalogRequestError(`No catalog of ${ownerText(owner)} within ${timeoutMs} ms${why === null ? '' : `: ${why}`}`, 'UNAVAILABLE'))
    })
    done = () => { unlisten(); cancel() }
  }).finally(() => done())
}
