import { type LoggedChange } from '../core/change.js'
import { readRecentChanges } from '../db/change-log.js'
import { type Db, type Queryable, readConsistently } from '../db/client.js'
import { loadConsoleSessions } from '../db/console-session.js'
import { loadBlocks, loadEntries } from '../db/entry.js'
import { readHead } from '../db/head.js'
import { loadPolicies } from '../db/policy.js'
import { loadSecrets, loadUserBindings } from '../db/secret.js'
import { loadTokens } from '../db/token.js'
import { loadToolPins } from '../db/tool-inventory.js'
import { loadMemberships, loadTeams, loadUsers } from '../db/user.js'
import { type LoadedCatalog } from './state.js'

/** How many changes are kept in memory, and how far behind the head the log is kept at least. */
export const keptChanges = 10_000

/** Reads the whole catalog as it stood at one moment. */
export function loadCatalog(db: Db): Promise<{ loaded: LoadedCatalog; recent: LoggedChange[] }> {
  return readConsistently(db, load)
}

async function load(db: Queryable): Promise<{ loaded: LoadedCatalog; recent: LoggedChange[] }> {
  const { incarnation, sequence } = await readHead(db)
  const users = await loadUsers(db)
  const teams = await loadTeams(db)
  const memberships = await loadMemberships(db)
  const tokens = await loadTokens(db)
  const consoleSessions = await loadConsoleSessions(db)
  const policies = await loadPolicies(db)
  const entries = await loadEntries(db)
  const blocks = await loadBlocks(db)
  const secrets = await loadSecrets(db)
  const userBindings = await loadUserBindings(db)
  const toolPins = await loadToolPins(db)
  const recent = await readRecentChanges(db, sequence, keptChanges)
  return { loaded: { incarnation, sequence, users, teams, memberships, tokens, consoleSessions, policies, entries, blocks, secrets, userBindings, toolPins }, recent }
}
