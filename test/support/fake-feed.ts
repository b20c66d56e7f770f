import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, type Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { encryptLease } from '../../src/catalog/lease-answer.js'
import { type LeaseSecretsInput, type OwnerInput, type ReportToolInventoryInput } from '../../src/client/index.js'
import { parseRecipientKey } from '../../src/core/recipient-key.js'
import { type EntryToolPins } from '../../src/core/tool-pin.js'
import { type Clock } from '../../src/worker/clock.js'
import { type StatusReport } from '../../src/worker/status.js'
import { type CatalogDelta, type CatalogEvent, type CatalogSnapshot } from '../../src/worker/view.js'

type WireServer = CatalogSnapshot['mcpServers'][number]
type WireAgent = CatalogSnapshot['agents'][number]
type Upserted = CatalogDelta['upserted'][number]
type Removed = CatalogDelta['removed'][number]

/** Everything is allowed that tests on loopback need; the document is as the server sends it, complete. */
export const openPolicy = {
  revision: 1,
  document: {
    transports: { stdio: 'allow', http: 'allow', sse: 'allow' },
    urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] },
    // Servers of tests change their tools as they like; what holding them does is for tests of pins.
    tools: { drift: 'accept' },
  },
}

export const cursorAt = (sequence: number, incarnation = '00000001'): string => `${incarnation}-${sequence.toString(16).padStart(14, '0')}`

const common = (id: string, name: string) => ({
  id, name, visibility: 'PRIVATE' as const, enabled: true, locked: false, status: 'ACTIVE' as const, statusReason: null,
  revision: 1, apply: 'NEXT_TURN' as const, owner: { kind: 'USER' as const, id: 'u1', displayName: 'U' }, audience: [], approval: null,
})

/** An MCP server as it comes over the wire; the digest follows from the address unless it is given. */
export function wireServer(id: string, name: string, changes: Partial<WireServer> & { url?: string } = {}): WireServer {
  const { url = `https://${id}.example.com/mcp`, ...rest } = changes
  return {
    ...common(id, name), kind: 'MCP_SERVER', description: '', timeoutMs: null, default: false, digest: `digest of ${url}`,
    transport: { __typename: 'RemoteTransport', kind: 'HTTP', url, headers: [] }, tools: { include: ['*'], exclude: [] }, ...rest,
  }
}

export function wireAgent(id: string, name: string, changes: Partial<WireAgent> = {}): WireAgent {
  const agent = {
    ...common(id, name), kind: 'AGENT' as const, description: '', prompt: 'Help.', agentTools: null, skills: [], mcpServers: [],
    inheritDefaultMcpServers: false, model: null, ...changes,
  }
  return { digest: `digest of ${agent.prompt} ${agent.mcpServers.join()}`, ...agent }
}

export interface Entries {
  mcpServers?: WireServer[]
  agents?: WireAgent[]
}

export function snapshot(cursor: string, { mcpServers = [], agents = [] }: Entries = {}, changes: Partial<CatalogSnapshot> = {}): CatalogSnapshot {
  return { __typename: 'CatalogSnapshot', cursor, trustForSeconds: 600, secretVersions: [], toolPins: [], teamPolicies: [], policy: openPolicy, mcpServers, agents, ...changes }
}

export function delta(
  cursor: string, { mcpServers = [], agents = [] }: Entries, removed: Removed[] = [], changes: Partial<CatalogDelta> = {},
): CatalogDelta {
  const upserted: Upserted[] = [
    ...mcpServers.map((server): Upserted => ({ __typename: 'McpServer', ...server })),
    ...agents.map((agent): Upserted => ({ __typename: 'Agent', ...agent })),
  ]
  return { __typename: 'CatalogDelta', cursor, trustForSeconds: 600, secretVersions: [], toolPins: [], teamPolicies: [], changedPolicy: null, upserted, removed, ...changes }
}

export function removed(id: string, name: string, changes: Partial<Removed> = {}): Removed {
  return { id, kind: 'MCP_SERVER', name, revision: 1, reason: 'DELETED', mode: 'IMMEDIATE', deadlineSeconds: null, ...changes }
}

export function bookmark(cursor: string, trustForSeconds = 600): CatalogEvent {
  return { __typename: 'CatalogBookmark', cursor, trustForSeconds }
}

/** One `catalogChanged` operation as the fake server sees it. */
export interface FakeOperation {
  owner: OwnerInput
  after: string | null
  /** Several arrive together, before anything else happens in the client, as from a server that was held up. */
  send: (...events: CatalogEvent[]) => void
  /** Ends the operation with GraphQL errors, the way graphql-ws does when a subscription cannot start. */
  fail: (code: string, message?: string) => void
  complete: () => void
  /** Closes its socket. */
  close: (code: number, reason?: string) => void
  /** Resolves when the client ended it, or its socket closed. */
  ended: Promise<void>
}

/** Taken or not, or refused with a code. */
export type ReportAnswer = { accepted: boolean } | { code: string }

/** Values by `secret:NAME` or `user:NAME`, or refused with a code. */
export type LeaseAnswer = { values: Record<string, string>; secretVersion?: number } | { code: string }

/** What the tools are held to, or refused with a code. */
export type InventoryAnswer = EntryToolPins | { code: string }

export interface FakeFeed {
  /** The HTTP address that workers are given. */
  url: string
  /** Resolves with the next operation that a client opens; each one is given once. */
  operation: () => Promise<FakeOperation>
  /** Status reports that were taken so far. */
  reports: StatusReport[]
  /** Resolves with the first report, of those to come too, of which `matches` holds. */
  report: (matches: (report: StatusReport) => boolean) => Promise<StatusReport>
  /** How reports are answered from now on. Default: accepted at once. */
  answerReports: (answer: (report: StatusReport) => ReportAnswer | Promise<ReportAnswer>) => void
  /** How leases are answered from now on. Default: refused, SECRET_NOT_FOUND. */
  answerLeases: (answer: (input: LeaseSecretsInput) => LeaseAnswer | Promise<LeaseAnswer>) => void
  /** How inventories are answered from now on. Default: the first of a digest is what its tools are held to. */
  answerInventories: (answer: (input: ReportToolInventoryInput) => InventoryAnswer | Promise<InventoryAnswer>) => void
  /** Those that came so far. */
  inventories: ReportToolInventoryInput[]
  /** Sockets opened so far. */
  sockets: () => number
  /** From now on pings stay unanswered. */
  mute: () => void
  close: () => Promise<void>
}

/**
 * The server's side of the wire and nothing behind it: graphql-transport-ws by its specification, on a free port of
 * loopback. Only `token` is let in; everybody else is closed with 4401.
 */
export async function startFakeFeed(token = 'pht_test'): Promise<FakeFeed> {
  const status = createFakeStatus(token)
  const http = createServer((request, response) => void status.handle(request, response)).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const server = new WebSocketServer({ server: http, path: '/graphql', handleProtocols: () => 'graphql-transport-ws' })
  const arrived: FakeOperation[] = []
  const waiting: Array<(operation: FakeOperation) => void> = []
  let sockets = 0
  let isMute = false

  const subscribe = (socket: WebSocket, wire: Socket, id: string, { owner, after = null }: { owner: OwnerInput; after?: string | null }) => {
    const say = (message: object) => socket.send(JSON.stringify({ id, ...message }))
    const ended = new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
      socket.on('message', (data) => {
        const message = JSON.parse((data as Buffer).toString()) as { type: string; id?: string }
        if (message.type === 'complete' && message.id === id) resolve()
      })
    })
    const operation: FakeOperation = {
      owner, after, ended,
      send: (...events) => {
        wire.cork()
        for (const event of events) say({ type: 'next', payload: { data: { catalogChanged: event } } })
        wire.uncork()
      },
      fail: (code, message = code) => {
        say({ type: 'next', payload: { data: null, errors: [{ message, extensions: { code } }] } })
        say({ type: 'complete' })
      },
      complete: () => say({ type: 'complete' }),
      close: (code, reason) => socket.close(code, reason),
    }
    const next = waiting.shift()
    if (next === undefined) arrived.push(operation)
    else next(operation)
  }

  server.on('connection', (socket, { socket: wire }) => {
    sockets += 1
    socket.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString()) as { type: string; id: string; payload?: { authorization?: string; operationName?: string; variables: { owner: OwnerInput } } }
      if (message.type === 'ping' && !isMute) socket.send(JSON.stringify({ type: 'pong' }))
      // Nobody asks for a probe here: a worker waits for one in vain.
      if (message.type === 'subscribe' && message.payload?.operationName !== 'ProbeRequested') subscribe(socket, wire, message.id, message.payload!.variables)
      if (message.type !== 'connection_init') return
      if (message.payload?.authorization === `Bearer ${token}`) socket.send(JSON.stringify({ type: 'connection_ack' }))
      else socket.close(4401, 'Unauthorized')
    })
  })
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/graphql`,
    reports: status.reports, report: status.report, answerReports: status.answerReports, answerLeases: status.answerLeases,
    inventories: status.inventories, answerInventories: status.answerInventories,
    operation: () => {
      const operation = arrived.shift()
      return operation === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(operation)
    },
    sockets: () => sockets,
    mute: () => { isMute = true },
    close: async () => {
      for (const socket of server.clients) socket.terminate()
      server.close()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

/** A lease as the catalog encrypts it. */
export function encryptedLease({ entryId, revision, owner, sessionId, recipientKey }: LeaseSecretsInput, answer: Exclude<LeaseAnswer, { code: string }>): Promise<string> {
  return encryptLease(parseRecipientKey(recipientKey), {
    typ: 'pilothouse-lease', leaseId: 'l', entryId: String(entryId), revision, owner: { kind: owner.kind, id: String(owner.id ?? '') }, sessionId: String(sessionId),
    secretVersion: answer.secretVersion ?? 1, expiresAt: '2030-01-01T00:00:00.000Z',
  }, new Map(Object.entries(answer.values)))
}

/** The mutations of workers, as GraphQL over HTTP. */
function createFakeStatus(token: string): Pick<FakeFeed, 'reports' | 'report' | 'answerReports' | 'answerLeases' | 'inventories' | 'answerInventories'> & {
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>
} {
  const reports: StatusReport[] = []
  const watchers = new Set<() => void>()
  let answer: Parameters<FakeFeed['answerReports']>[0] = () => ({ accepted: true })
  let lease: Parameters<FakeFeed['answerLeases']>[0] = () => ({ code: 'SECRET_NOT_FOUND' })
  const inventories: ReportToolInventoryInput[] = []
  const baselines = new Map<string, EntryToolPins>()
  let inventory: Parameters<FakeFeed['answerInventories']>[0] = (input) => {
    const key = `${input.entryId} ${input.digest}`
    const first = { entryId: String(input.entryId), digest: input.digest, version: 1, tools: input.tools.map(({ name, hash }) => ({ name: name ?? null, hash })) }
    if (!baselines.has(key)) baselines.set(key, first)
    return baselines.get(key)!
  }
  const refused = (code: string) => ({ data: null, errors: [{ message: code, extensions: { code } }] })
  const respond = async ({ input }: { input: StatusReport | LeaseSecretsInput | ReportToolInventoryInput }) => {
    if ('tools' in input) {
      inventories.push(input)
      const pins = await inventory(input)
      return 'code' in pins ? refused(pins.code) : { data: { reportToolInventory: { pins } } }
    }
    if ('recipientKey' in input) {
      const leased = await lease(input)
      if ('code' in leased) return refused(leased.code)
      return { data: { leaseSecrets: { id: 'l', expiresAt: '2030-01-01T00:00:00.000Z', values: await encryptedLease(input, leased) } } }
    }
    const answered = await answer(input)
    if ('code' in answered) return refused(answered.code)
    if (answered.accepted) reports.push(input)
    for (const watch of [...watchers]) watch()
    return { data: { reportWorkerStatus: answered } }
  }
  return {
    reports,
    report: (matches) => new Promise((resolve) => {
      const watch = () => {
        const found = reports.find(matches)
        if (found === undefined) return
        watchers.delete(watch)
        resolve(found)
      }
      watchers.add(watch)
      watch()
    }),
    answerReports: (next) => { answer = next },
    answerLeases: (next) => { lease = next },
    inventories,
    answerInventories: (next) => { inventory = next },
    handle: async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const isKnown = request.headers.authorization === `Bearer ${token}`
      const body = isKnown ? await respond((JSON.parse(Buffer.concat(chunks).toString()) as { variables: { input: StatusReport | LeaseSecretsInput | ReportToolInventoryInput } }).variables)
        : { errors: [{ message: 'no', extensions: { code: 'UNAUTHENTICATED' } }] }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    },
  }
}

/** A clock that is turned by hand. */
export interface HandClock extends Clock {
  /** Lets time pass; whatever falls due runs, in order. */
  advance: (ms: number) => void
  /** Resolves when something waits for time to pass. */
  armed: () => Promise<void>
}

export function handClock(): HandClock {
  let nowMs = 1_000_000
  const timers = new Set<{ dueMs: number; task: () => void }>()
  const watchers: Array<() => void> = []
  return {
    armed: () => (timers.size > 0 ? Promise.resolve() : new Promise((resolve) => watchers.push(resolve))),
    nowMs: () => nowMs,
    random: () => 0.5,
    after: (delayMs, task) => {
      const timer = { dueMs: nowMs + delayMs, task }
      timers.add(timer)
      for (const resolve of watchers.splice(0)) resolve()
      return () => { timers.delete(timer) }
    },
    advance: (ms) => {
      const untilMs = nowMs + ms
      for (;;) {
        const due = [...timers].filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0]
        if (due === undefined) break
        timers.delete(due)
        nowMs = Math.max(nowMs, due.dueMs)
        due.task()
      }
      nowMs = untilMs
    },
  }
}

/** An address where nobody listens. */
export async function freeFeedUrl(): Promise<string> {
  const feed = await startFakeFeed()
  await feed.close()
  return feed.url
}
