import { type Change } from '../core/change.js'
import { type CatalogView, viewOf } from './catalog-index.js'
import { applyChanges, type CatalogState, type Touched } from './state.js'

export interface Preview {
  view: CatalogView
  state: CatalogState
  touched: Touched
}

/** What the catalog would be by some changes; the state itself stays as it is. For what is rare: it costs a copy of everything but the entries. */
export function previewChanges(state: CatalogState, changes: readonly Change[]): Preview {
  const copy = copyOf(state)
  const touched = applyChanges(copy, changes.map((change, at) => ({ ...change, sequence: state.sequence + 1 + at })))
  return { view: viewOf(() => copy), state: copy, touched }
}

function copyOf(state: CatalogState): CatalogState {
  const inner = <Key, Value>(maps: Map<string, Map<Key, Value>>) => new Map([...maps].map(([key, map]) => [key, new Map(map)] as const))
  const sets = <Value>(map: Map<string, Set<Value>>) => new Map([...map].map(([key, values]) => [key, new Set(values)] as const))
  return {
    ...state, policies: new Map(state.policies), users: new Map(state.users), usersByPerson: new Map(state.usersByPerson), teams: new Map(state.teams),
    teamsBySlug: new Map(state.teamsBySlug), membersOf: inner(state.membersOf), teamsOf: inner(state.teamsOf), tokens: new Map(state.tokens),
    tokensByHash: new Map(state.tokensByHash), entries: new Map(state.entries), owned: sets(state.owned),
    entriesByName: sets(state.entriesByName), lookAlikes: sets(state.lookAlikes),
  }
}
