import { nameKey } from '../core/entry.js'
import { type FullPolicyDocument } from '../core/policy-document.js'
import { type Launchers } from './launchers.js'
import { refusalOf } from './refusal.js'
import { policiesOf } from './team-policies.js'
import { type CatalogView, type ViewEntry } from './view.js'

/** What connections and processes of one catalog entry are held to. Static entries have none: they run as their file says. */
export interface LaunchGuard {
  /**
   * Judges the entry under the policy of this moment (S19), before each connection to a server and each start of one.
   * @throws Error with the reason when the entry may not run now
   */
  check: () => void
  /**
   * The policies of this moment, the deployment's and that of a team which owns the entry: what is done has to be allowed by each. Else the last that were
   * heard: what has left the set may still say farewell, and nothing else.
   * @throws Error when one cannot be read
   */
  policies: () => readonly FullPolicyDocument[]
  launchers: Launchers
}

/** How many tools a server may offer. A static one has no limit; without a policy nothing is offered. */
export function mostTools(guard: LaunchGuard | undefined): number {
  if (guard === undefined) return Infinity
  try {
    return Math.min(...guard.policies().map(({ tools }) => tools.maxPerMcpServer))
  } catch {
    return 0
  }
}

/** @param view what the worker holds of the owner's set; null: nothing, so nothing may start */
export function createLaunchGuard(entry: ViewEntry, view: () => CatalogView | null, launchers: Launchers): LaunchGuard {
  const key = nameKey(entry)
  let last: ReadonlyArray<FullPolicyDocument | null> = [null]
  return {
    launchers,
    check: () => {
      const held = view()
      if (held === null) throw new Error('Nothing of the catalog is held, so nothing of it starts.')
      const current = held.entries.get(key)
      if (current?.id !== entry.id) throw new Error('The entry has left the set, so nothing of it starts.')
      // An earlier revision may go on while the next one waits for its moment; that one's approval is not its own.
      const approval = current.digest === entry.digest ? current.approval : entry.approval
      const refusal = refusalOf({ ...entry, approval }, policiesOf(held, entry))
      if (refusal !== null) throw new Error(refusal)
    },
    policies: () => {
      const held = view()
      if (held !== null) last = policiesOf(held, entry).map(({ document }) => document)
      const readable = last.filter((document) => document !== null)
      if (readable.length < last.length) throw new Error('The policy cannot be read, so nothing is allowed.')
      return readable
    },
  }
}
