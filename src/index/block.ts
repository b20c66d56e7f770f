import { isEqualJson } from '../core/canonical.js'
import { type Entry, isRevoked } from '../core/entry.js'
import { type CatalogState } from './state.js'

/** Of an entry that is deleted the block stays. */
export function putBlock(state: Pick<CatalogState, 'blocks'>, { id, name, owner, revoked }: Entry): void {
  if (isEqualJson(state.blocks.get(id)?.revoked ?? null, revoked ?? null)) return
  const others = [...state.blocks].filter(([entryId]) => entryId !== id)
  state.blocks = new Map(revoked ? [...others, [id, { entryId: id, name, owner, revoked }]] : others)
}

export function isBlocked({ blocks }: Pick<CatalogState, 'blocks'>, id: string): boolean {
  return isRevoked(blocks.get(id) ?? {})
}
