import { print as printDocument } from 'graphql/language/printer.js'
import { type Command } from 'commander'
import { CatalogChangedDocument, type CatalogChangedSubscription, CatalogRequestError } from '../client/index.js'
import { type Connection, connectionOf, type ConnectionOptions, parseOwner, print, printable, warn } from './session.js'

type CatalogEvent = CatalogChangedSubscription['catalogChanged']

interface WatchOptions extends ConnectionOptions {
  owner: string
  after?: string
  json?: boolean
  bookmarks?: boolean
}

export function addWatch(program: Command): void {
  program.command('watch')
    .description("follow an owner's set: each change as it arrives")
    .option('--owner <owner>', 'me, deployment, team:SLUG, user:ID or user:PROVIDER/SUBJECT', 'me')
    .option('--after <cursor>', 'begin with what changed since this cursor')
    .option('--bookmarks', 'print bookmarks too')
    .option('--json', 'print each event as one line of JSON')
    .option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
    .action((options: WatchOptions) => watch(options))
}

/** Follows until it is interrupted; a dropped connection is taken up again at the last cursor. */
async function watch(options: WatchOptions): Promise<void> {
  const connection = connectionOf(options)
  const owner = parseOwner(options.owner)
  let cursor = options.after ?? null
  const client = await createSocketClient(connection)
  const stop = () => void client.dispose()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  for (let failures = 0, isStopped = false; !isStopped;) {
    try {
      const events = client.iterate<CatalogChangedSubscription>({ query: printDocument(CatalogChangedDocument), variables: { owner, after: cursor } })
      for await (const { data, errors } of events) {
        if (errors !== undefined) throw refusal(errors)
        if (!data) continue
        failures = 0
        cursor = data.catalogChanged.cursor
        show(data.catalogChanged, options)
      }
      isStopped = true
    } catch (error) {
      failures = await waitOrThrow(error, failures, connection.url)
    }
  }
}

/** What only this command needs is loaded by it alone. */
async function createSocketClient({ url, token }: Connection) {
  const [{ createClient }, { WebSocket }] = await Promise.all([import('graphql-ws'), import('ws')])
  return createClient({
    url: url.replace(/^http/, 'ws'), webSocketImpl: WebSocket, retryAttempts: 0, keepAlive: 10_000,
    connectionParams: { authorization: `Bearer ${token}` },
  })
}

/** Close codes after which trying again cannot help: the token ended, or the right did. */
const finalCodes: Record<number, [message: string, code: string]> = {
  4401: ['The token is unknown, expired or revoked.', 'UNAUTHENTICATED'],
  4403: ['This owner may not be read any more.', 'FORBIDDEN'],
  4429: ['Too many sockets are open for this token.', 'LIMIT_EXCEEDED'],
}

type Refused = ReadonlyArray<{ message: string; extensions?: Record<string, unknown> }>

function refusal([error]: Refused): CatalogRequestError {
  const { message = 'refused', extensions } = error ?? {}
  return new CatalogRequestError(message, typeof extensions?.code === 'string' ? extensions.code : 'INTERNAL', extensions)
}

async function waitOrThrow(error: unknown, failures: number, url: string): Promise<number> {
  if (error instanceof CatalogRequestError) throw error
  if (Array.isArray(error)) throw refusal(error as Refused)
  const code = (error as { code?: unknown }).code
  const final = typeof code === 'number' ? finalCodes[code] : undefined
  if (final !== undefined) throw new CatalogRequestError(...final)
  if (failures === 0) warn(`The connection to ${url} is gone; trying again …`)
  const delayMs = Math.random() * Math.min(30_000, 250 * 2 ** failures)
  await new Promise((resolve) => setTimeout(resolve, delayMs))
  return Math.min(failures + 1, 10)
}

function show(event: CatalogEvent, { json, bookmarks }: WatchOptions): void {
  if (event.__typename === 'CatalogBookmark' && !bookmarks) return
  if (json) return print(JSON.stringify(event))
  const time = new Date().toISOString().slice(11, 23)
  for (const line of describe(event)) print(`${time}  ${line}`)
}

type Upserted = { kind: string; name: string; revision: number; owner: { kind: string; displayName: string } }

const noun = (kind: string) => (kind === 'AGENT' ? 'agent' : 'server')
const line = (sign: string, { kind, name, revision, owner }: Upserted) =>
  `${sign} ${noun(kind).padEnd(6)} ${printable(name)}  revision ${revision}, ${owner.kind === 'DEPLOYMENT' ? 'deployment' : `${owner.kind.toLowerCase()} ${printable(owner.displayName)}`}`

function describe(event: CatalogEvent): string[] {
  switch (event.__typename) {
    case 'CatalogBookmark': return [`· nothing changed up to ${event.cursor}`]
    case 'CatalogSnapshot': {
      const entries = [...event.mcpServers, ...event.agents]
      return [`= ${entries.length} entr${entries.length === 1 ? 'y' : 'ies'} at ${event.cursor}`, ...entries.map((entry) => line(' ', entry))]
    }
    case 'CatalogDelta': return [
      ...(event.changedPolicy ? [`! policy revision ${event.changedPolicy.revision}`] : []),
      ...event.removed.map(({ kind, name, reason }) => `- ${noun(kind).padEnd(6)} ${printable(name)}  ${reason}`),
      ...event.upserted.map((entry) => line('+', entry)),
    ]
  }
}
