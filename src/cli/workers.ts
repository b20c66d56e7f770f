import { type Command } from 'commander'
import {
  type CatalogClient, EntrySessionsDocument, type EntrySessionsQuery, type OwnerInput, type WorkerFieldsFragment, type WorkerSessionFieldsFragment, WorkersDocument, WorkerSessionsDocument,
} from '../client/index.js'
import { findEntry } from './find-entry.js'
import { connectionOf, type ConnectionOptions, parseOwner, print, printable, table } from './session.js'

interface ListOptions extends ConnectionOptions {
  json?: boolean
}

type SeenWorker = WorkerFieldsFragment & { sessions: WorkerSessionFieldsFragment[] }

const pageSize = 200
const urlOption = ['--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)'] as const

export function addWorkers(program: Command): void {
  program.command('workers').description('workers, how far they are, and what their sessions have; for admins all, for others those with sessions of theirs')
    .option('--json', 'print JSON').option(...urlOption).action(listWorkers)
  program.command('sessions').description('what each session has, and why not; static entries with where they come from')
    .option('--owner <owner>', 'only of: me, deployment, team:SLUG, user:ID or user:PROVIDER/SUBJECT')
    .option('--entry <entry>', 'only what they say of this server or agent: its id, or its name, and with --owner whose it is (default: me)')
    .option('--json', 'print JSON').option(...urlOption).action(listSessions)
}

async function listWorkers(options: ListOptions): Promise<void> {
  const workers = await readWorkers(connectionOf(options).client, null)
  if (options.json) return print(JSON.stringify(workers.map(({ sessions, ...worker }) => ({ ...worker, sessions: sessions.length, states: statesOf(sessions) }))))
  if (workers.length === 0) return print('No worker has reported a session that you may see.')
  print(table([
    ['WORKER', 'CONNECTED', 'LAST SEEN', 'LAG', 'SESSIONS', 'STATES'],
    ...workers.map(({ name, connected, lastSeenAt, lagSeconds, sessions }) => [
      printable(name), connected ? 'yes' : 'no', lastSeenAt.slice(0, 19), sessions.length === 0 ? '' : lagSeconds === null ? 'current' : `${Math.ceil(lagSeconds)} s`,
      String(sessions.length), Object.entries(statesOf(sessions)).map(([state, count]) => `${count} ${state.toLowerCase()}`).join(', '),
    ]),
  ]))
}

async function listSessions({ owner, entry, json, ...options }: ListOptions & { owner?: string; entry?: string }): Promise<void> {
  if (entry !== undefined) return listOfEntry(entry, owner ?? 'me', { json, ...options })
  const workers = await readWorkers(connectionOf(options).client, owner === undefined ? null : parseOwner(owner))
  const sessions = workers.flatMap((worker) => worker.sessions.map((session) => ({ worker, session })))
  if (json) return print(JSON.stringify(sessions.map(({ worker, session }) => ({ worker: worker.name, connected: worker.connected, ...session }))))
  if (sessions.length === 0) return print('No worker has reported a session that you may see.')
  print(sessions.map(({ worker, session }) => describe(worker, session)).join('\n\n'))
}

/** Where one entry runs, and where it was refused or failed and why. */
async function listOfEntry(nameOrId: string, owner: string, { json, ...options }: ListOptions): Promise<void> {
  const { client } = connectionOf(options)
  const entryId = await findEntry(client, nameOrId, owner)
  const sessions: EntrySessionsQuery['entrySessions']['nodes'] = []
  for (let after: string | null = null, isMore = true; isMore;) {
    const { entrySessions: { nodes, pageInfo } }: EntrySessionsQuery = await client.execute(EntrySessionsDocument, { entryId, first: pageSize, after })
    sessions.push(...nodes.map((session) => ({ ...session, entries: session.entries.filter((each) => each.entryId === entryId) })))
    after = pageInfo.endCursor
    isMore = pageInfo.hasNextPage
  }
  if (json) return print(JSON.stringify(sessions))
  if (sessions.length === 0) return print('No session that you may see says anything of it.')
  print(sessions.map((session) => describe(session.worker, session)).join('\n\n'))
}

/** Every worker with all of its sessions, page by page. */
async function readWorkers(client: CatalogClient, owner: OwnerInput | null): Promise<SeenWorker[]> {
  const { workers } = await client.execute(WorkersDocument, { owner, first: pageSize })
  const seen: SeenWorker[] = []
  for (const { sessions: { nodes, pageInfo }, ...worker } of workers) {
    const sessions = [...nodes]
    let { hasNextPage, endCursor } = pageInfo
    while (hasNextPage) {
      const { node } = await client.execute(WorkerSessionsDocument, { id: worker.id, owner, first: pageSize, after: endCursor })
      // It may be gone by now.
      if (!node || !('sessions' in node)) break
      sessions.push(...node.sessions.nodes);
      ({ hasNextPage, endCursor } = node.sessions.pageInfo)
    }
    seen.push({ ...worker, sessions })
  }
  return seen
}

function statesOf(sessions: readonly WorkerSessionFieldsFragment[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { state } of sessions.flatMap(({ entries }) => entries)) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

function describe(worker: Pick<WorkerFieldsFragment, 'name' | 'connected'>, { id, owner, agent, entries }: WorkerSessionFieldsFragment): string {
  const whose = owner.kind === 'DEPLOYMENT' ? 'the deployment' : `${owner.kind.toLowerCase()} ${printable(owner.displayName)}`
  const head = `${printable(id)} on ${printable(worker.name)}${worker.connected ? '' : ' (not connected)'}, for ${whose}${agent ? `, agent ${printable(agent)}` : ''}`
  const rows = entries.map(({ entryId, name, kind, origin, revision, state, reason }) => [
    `  ${kind === 'AGENT' ? 'agent' : 'server'}`, printable(name), entryId === null ? printable(origin) : `revision ${revision ?? '?'}`, state.toLowerCase(), printable(reason ?? ''),
  ])
  return rows.length === 0 ? `${head}\n  nothing` : `${head}\n${table(rows)}`
}
