import { type OwnerInput } from '../client/index.js'
import { pinLimits, type ToolPin } from '../core/tool-pin.js'
import { ownerText } from './owner-feed.js'

/**
 * What this worker has told to differ, for as long as nobody has said that it is over. By entry and session owner, and longer than any session: lists differ from
 * person to person, so what one of them sees says nothing of what another one saw.
 */
export interface ToldDrift {
  of: (entryId: string, owner: OwnerInput) => readonly ToolPin[]
  /** @param over what is so no more */
  note: (entryId: string, owner: OwnerInput, come: readonly ToolPin[], over: readonly ToolPin[]) => void
}

/** What is forgotten stays in people's lists until somebody accepts it. */
const mostKept = 1_000

export function createToldDrift(): ToldDrift {
  const kept = new Map<string, readonly ToolPin[]>()
  const keyOf = (entryId: string, owner: OwnerInput) => `${entryId} ${ownerText(owner)}`
  const isIn = (tools: readonly ToolPin[], { name, hash }: ToolPin) => tools.some((one) => one.name === name && one.hash === hash)
  return {
    of: (entryId, owner) => kept.get(keyOf(entryId, owner)) ?? [],
    note: (entryId, owner, come, over) => {
      const key = keyOf(entryId, owner)
      const before = kept.get(key) ?? []
      const after = [...before.filter((one) => !isIn(over, one) && !isIn(come, one)), ...come.map(({ name, hash }) => ({ name, hash }))].slice(-pinLimits.held)
      kept.delete(key)
      if (after.length > 0) kept.set(key, after)
      if (kept.size > mostKept) kept.delete(kept.keys().next().value!)
    },
  }
}
