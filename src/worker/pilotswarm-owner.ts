/** What is used of a row of PilotSwarm's CMS (`SessionRow` in packages/sdk/src/cms.ts). */
export interface SessionRow {
  owner?: { provider?: string | null; subject?: string | null } | null
  /** A session of the platform; it has no owner. */
  isSystem?: boolean
  /** The session that spawned it; null: none. */
  parentSessionId?: string | null
  /** Machinery that serves one tree of sessions with tools of its own and no others; null: an ordinary session. */
  serviceKind?: string | null
}

export interface SessionOwner {
  provider: string
  subject: string
}

/** Whom PilotSwarm's own sessions act for, as PilotSwarm has it for credentials. */
const systemOwner: SessionOwner = { provider: 'system', subject: 'system' }

/** As far as PilotSwarm itself looks; it also ends a lineage that runs in a circle. */
const longestLineage = 8

/**
 * Whom a session acts for: its owner, else that of the nearest ancestor that has one, else the system where the session or an
 * ancestor is the platform's. Never who sends a message.
 * @returns null when nobody can be told, and for service sessions: such a session gets nothing
 * @throws what `getSession` throws
 */
export async function ownerOfSession(getSession: (sessionId: string) => Promise<SessionRow | null>, sessionId: string): Promise<SessionOwner | null> {
  let next: string | null = sessionId
  for (let depth = 0; depth < longestLineage && next !== null; depth += 1) {
    const row: SessionRow | null = await getSession(next)
    if (row === null || (depth === 0 && isText(row.serviceKind))) return null
    const { provider, subject } = row.owner ?? {}
    if (isText(provider) && isText(subject)) return { provider, subject }
    if (row.isSystem === true) return systemOwner
    next = isText(row.parentSessionId) ? row.parentSessionId : null
  }
  return null
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
