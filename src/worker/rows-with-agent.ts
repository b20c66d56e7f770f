import { type CatalogAdapter } from './adapter.js'
import { missingServersNote, type SessionScope } from './grants.js'
import { type EffectiveEntry } from './slot.js'
import { type CatalogView } from './view.js'

/**
 * The rows of a session after those of what its host configured, with what is to be said of the agent that it runs: what that
 * one lacks, or that it is not there.
 */
export function rowsWithAgent<Row extends EffectiveEntry>(
  { scope, view, agent, adapter }: { scope: SessionScope; view: CatalogView | null; agent: string | null; adapter: CatalogAdapter }, held: Row[],
): Array<Row | EffectiveEntry> {
  const ofHost = (adapter.hostEntries?.() ?? []).filter(({ isInSession }) => isInSession)
    .map(({ kind, name, origin }): EffectiveEntry => ({ kind, name, origin, entryId: null, revision: null, state: 'APPLIED', reason: null }))
  const rows: Array<Row | EffectiveEntry> = held.map((row) => {
    // What a static agent lacks changes with the catalog, so it is worked out when somebody asks.
    if (row.kind !== 'AGENT' || row.entryId !== null || row.name !== agent || scope.staticAgent === null || view === null) return row
    return { ...row, reason: row.reason ?? missingServersNote(scope.staticAgent.mcpServers, view, scope) }
  })
  const isBoundAgentThere = agent === null || rows.some(({ kind, name }) => kind === 'AGENT' && name === agent)
  return isBoundAgentThere ? [...ofHost, ...rows] : [...ofHost, ...rows, {
    kind: 'AGENT', name: agent, origin: 'catalog', entryId: null, revision: null, state: 'FAILED',
    reason: 'There is no agent of that name for this owner, so nothing is granted through it.',
  }]
}
