import { type SessionItem, type SessionRelay } from './adapter.js'
import { runtimeAgent } from './copilot-agents.js'
import { contestedNotes, type CopilotOffer, surroundingsOf } from './copilot-offer.js'

/** What a Copilot session has, and what became of it in the runtime. */
export interface CopilotState extends CopilotOffer {
  relay: SessionRelay | null
  /** Why the runtime does not have everything as it should be; null: it has. */
  trouble: string | null
  /** Agents that the session could not begin with, and why. */
  leftOut: ReadonlyMap<string, string>
}

/**
 * What is to be said of each item. What goes through every tool of every server is worked out once, and not for each item: a
 * worker asks all its sessions for it with their status.
 */
export function reasonsOf(state: CopilotState): (item: SessionItem) => string | null {
  const { relay, leftOut, trouble, names } = state
  const behind = trouble === null ? null : `The Copilot session has an earlier state: ${trouble}`
  const withheld = relay?.withheld()
  const contested = contestedNotes(state)
  const surroundings = surroundingsOf(state)
  return (item) => {
    const { name } = item
    if (item.kind === 'AGENT') return leftOut.get(name) ?? behind ?? runtimeAgent(name, item.definition, surroundings).note
    return (names.ownServer(name) === null ? null : behind) ?? withheld?.get(name) ?? contested.get(name) ?? null
  }
}
