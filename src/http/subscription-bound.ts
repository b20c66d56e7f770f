import { type Principal } from '../core/access.js'
import { CatalogError } from '../core/errors.js'
import { type Observer } from '../catalog/observer.js'

/** How many subscriptions one user may have open at a time, on all sockets of this node. People look at a few; a worker's are bounded by its sockets. */
export interface SubscriptionBound {
  /**
   * @returns to be called once it ends; calling it again does nothing
   * @throws CatalogError LIMIT_EXCEEDED
   */
  enter: (principal: Principal) => () => void
}

export function createSubscriptionBound(mostOfUser: number, observer: Pick<Observer, 'refused'>): SubscriptionBound {
  const open = new Map<string, number>()
  return {
    enter: ({ kind, id }) => {
      if (kind === 'WORKER') return () => {}
      const before = open.get(id) ?? 0
      if (before >= mostOfUser) {
        observer.refused('operations')
        throw new CatalogError('LIMIT_EXCEEDED', `A user has at most ${mostOfUser} subscriptions open on one node.`, {
          field: 'id', mend: 'Complete some, or use a worker token for many.', limit: 'subscriptions', most: mostOfUser,
        })
      }
      open.set(id, before + 1)
      let isLeft = false
      return () => {
        if (isLeft) return
        isLeft = true
        const rest = open.get(id)! - 1
        if (rest > 0) open.set(id, rest)
        else open.delete(id)
      }
    },
  }
}
