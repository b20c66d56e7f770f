import { type Command } from 'commander'
import {
  type CatalogClient, type OwnerInput, type WorkerFieldsFragment, type WorkerSessionFieldsFragment, WorkersDocument, WorkerSessionsDocument,
} from '../client/index.js'
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

async function listSessions({ owner, json, ...options }: ListOptions & { owner?: string }): Promise<void> {
  const workers = await readWorkers(connectionOf(options).client, owner === undefined ? null : parseOwner(owner))
  const sessions = workers.flatMap((worker) => worker.sessions.map((session) => ({ worker, session })))
  if (json) return print(JSON.stringify(sessions.map(({ worker, session }) => ({ worker: worker.name, connected: worker.connected, ...session }))))
  if (sessions.length === 0) return print('No worker has reported a session that you may see.')
  print(sessions.map(({ worker, session }) => describe(worker, session)).join('\n\n'))
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

function describe(worker: WorkerFieldsFragment, { id, owner, agent, entries }: WorkerSessionFieldsFragment): string {
  const whose = owner.kind === 'DEPLOYMENT' ? 'the deployment' : `${owner.kind.toLowerCase()} ${printable(owner.displayName)}`
  const head = `${printable(id)} on ${printable(worker.name)}${worker.connected ? '' : ' (not connected)'}, for ${whose}${agent ? `, agent ${printable(agent)}` : ''}`
  const rows = entries.map(({ entryId, name, kind, origin, revision, state, reason }) => [
    `  ${kind === 'AGENT' ? 'agent' : 'server'}`, printable(name), entryId === null ? printable(origin) : `revision ${revision ?? '?'}`, state.toLowerCase(), printable(reason ?? ''),
  ])
  return rows.length === 0 ? `${head}\n  nothing` : `${head}\n${table(rows)}`
}
