import { readHead, readHome, renewIncarnation } from '../db/head.js'
import { type CatalogServices } from './context.js'

/** For an operator who knows what cannot be seen: that this database lacks commits which were answered. */
export async function startNewIncarnation({ db }: Pick<CatalogServices, 'db'>): Promise<string> {
  const { incarnation: old } = await readHead(db)
  for (;;) {
    await renewIncarnation(db, old, await readHome(db))
    const { incarnation } = await readHead(db)
    // Whoever holds the row right now is about to commit.
    if (incarnation !== old) return incarnation
  }
}
