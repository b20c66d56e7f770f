import { once } from 'node:events'
import { type Client, createClient } from 'graphql-ws'
import { print } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import {
  ApprovalsDocument, CreateAccessTokenDocument, DecideApprovalDocument, DeskChangedDocument, type DeskChangedSubscription, RegisterMcpServerDocument, RemoveTeamMemberDocument,
  RequestProbeDocument, RevocationDocument, RevokeAccessTokenDocument, RevokeEntryDocument,
} from '../../src/client/index.js'
import { openBrowser } from '../support/browser.js'
import { applied, report, sessionOf } from '../support/reporting.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

let server: TestServer
let deaf: TestNode
/** Its clock goes before. */
let later: TestNode
let aheadMs = 0
const clients: Client[] = []
beforeAll(async () => {
  server = await startTestServer({ desk: { reportedMs: 20 } })
  // It learns of nothing but by reading.
  ;[deaf, later] = await Promise.all([server.node({ listens: false, pollMs: 20, desk: { reportedMs: 20 } }), server.node({ now: () => new Date(Date.now() + aheadMs), desk: { reportedMs: 20 } })])
})
afterAll(async () => {
  for (const client of clients) await client.dispose()
  await server.close()
})

interface Desk {
  /** The next event of that kind; those before it are passed over. */
  next: (kind: string) => Promise<string | null>
  /** Everything so far. */
  heard: string[]
  ended: Promise<{ errors: ReadonlyArray<{ extensions?: Record<string, unknown> }> | null; code: number | null }>
}

/** @param headers a browser's, instead of a token */
async function look(url: string, token: string | null, headers: Record<string, string> = {}): Promise<Desk> {
  class Socket extends WebSocket {
    constructor(address: string, protocol: string) { super(address, protocol, { headers }) }
  }
  const client = createClient({ url: url.replace('http', 'ws'), retryAttempts: 0, webSocketImpl: Socket, connectionParams: token === null ? {} : { authorization: `Bearer ${token}` } })
  clients.push(client)
  const events: DeskChangedSubscription['deskChanged'][] = []
  const waiting = new Set<() => void>()
  const heard: string[] = []
  const ended = new Promise<Awaited<Desk['ended']>>((resolve) => {
    client.subscribe<DeskChangedSubscription>({ query: print(DeskChangedDocument) }, {
      next: ({ data }) => {
        events.push(data!.deskChanged)
        heard.push(`${data!.deskChanged.kind} ${data!.deskChanged.id}`)
        waiting.forEach((wake) => wake())
      },
      error: (error) => resolve({ errors: Array.isArray(error) ? error : null, code: (error as { code?: number }).code ?? null }),
      complete: () => resolve({ errors: null, code: null }),
    })
  })
  const next = async (kind: string): Promise<string | null> => {
    for (;;) {
      const place = events.findIndex((event) => event.kind === kind)
      if (place >= 0) return events.splice(0, place + 1).at(-1)!.id
      await new Promise<void>((resolve) => { waiting.add(resolve) })
    }
  }
  return { next, heard, ended }
}

async function looking(who: Person, url = server.url): Promise<Desk> {
  const desk = await look(url, who.token)
  await desk.next('EVERYTHING')
  return desk
}

const stdio = { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'] } }, tools: { include: ['read'] } }
const register = async (who: Person, name: string) => (await who.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name, definition: stdio } })).registerMcpServer.mcpServer.id

describe('S21: the desk tells', () => {
  it('on every node what was asked for, decided and reported, to those whom it concerns', async () => {
    const [ada, bob, worker] = [await server.user('ada'), await server.user('bob'), await server.worker()]
    const [own, admin, other] = [await looking(ada, deaf.url), await looking(server.admin), await looking(bob)]
    // Whoever looks first at a node is told what was reported before, in case it came meanwhile.
    for (const desk of [own, admin]) for (const kind of ['WORKER', 'PROBE']) await desk.next(kind)
    const id = await register(ada, 'files')
    expect(await own.next('ENTRY')).toBe(id)
    const asked = await admin.next('APPROVAL')
    const { approvals } = await server.admin.client.execute(ApprovalsDocument, { state: 'PENDING' })
    expect(approvals.nodes).toMatchObject([{ id: asked }])
    await server.admin.client.execute(DecideApprovalDocument, { input: { id: asked!, digest: approvals.nodes[0]!.digest, decision: 'APPROVE' } })
    expect(await own.next('APPROVAL')).toBe(asked)
    await report(worker, 'w1', 1, [sessionOf(ada, 's', { entries: [applied('files')] })])
    for (const desk of [own, admin]) expect(await desk.next('WORKER')).toBeNull()
    await ada.client.execute(RequestProbeDocument, { input: { entryId: id } })
    for (const desk of [own, admin]) expect(await desk.next('PROBE')).toBeNull()
    // An admin hears of the request and not of the entry, and a stranger of neither, but only of having come themselves.
    expect(admin.heard.filter((event) => event.startsWith('ENTRY'))).toEqual([])
    expect(other.heard.filter((event) => !/^(EVERYTHING|WORKER|TOOLS|PROBE) null$|^(PEOPLE|TOKEN) /.test(event))).toEqual([])
  })

  it('S13: what a receipt comes to, by reports and by the clock, so that nobody has to ask again and again', async () => {
    const [ivy, worker] = [await server.user('ivy'), await server.worker()]
    const { id, cursor } = await server.register(ivy, 'taken')
    const sessions = ['s1', 's2'].map((name) => sessionOf(ivy, name, { cursor, entries: [applied('taken', { entryId: id })] }))
    await report(worker, 'fills', 1, sessions)
    const { revokeEntry } = await ivy.client.execute(RevokeEntryDocument, { input: { id, reason: 'stolen' } })
    const desk = await looking(ivy, later.url)
    const receipt = async () => (await later.as(ivy).client.execute(RevocationDocument, { id: revokeEntry.revocation.id })).revocation
    const states = async () => (await receipt())!.targets.nodes.map(({ state }) => state)
    await desk.next('WORKER')
    await report(worker, 'fills', 2, [sessionOf(ivy, 's1', { cursor: revokeEntry.cursor, entries: [] }), sessions[1]!])
    expect(await receipt()).toMatchObject({ stoppedCount: 1 })
    // Whoever hears of this has heard of all that was reported before.
    await ivy.client.execute(RequestProbeDocument, { input: { entryId: (await server.register(ivy, 'probed')).id } })
    await desk.next('PROBE')
    await desk.next('PROBE')
    for (const [seconds, expected] of [[46, 'UNREACHABLE'], [800, 'UNREACHABLE']] as const) {
      const told = desk.heard.length
      aheadMs = seconds * 1_000
      await expect.poll(() => desk.heard.slice(told), { timeout: 10_000 }).toContain('WORKER null')
      expect(await states()).toContain(expected)
    }
    expect(await receipt()).toMatchObject({ state: 'OVERDUE', stoppedCount: 1 })
  })

  it('once for what is done at once, and names few', async () => {
    const user = await server.user('importer')
    const desk = await looking(user)
    const names = Array.from({ length: 30 }, (_, at) => `imported-${at}`)
    const { errors } = await user.raw('mutation($input: ImportCatalogInput!) { importCatalog(input: $input) { cursor } }', {
      input: { owner: { kind: 'USER' }, format: 'MCP_JSON', text: JSON.stringify({ mcpServers: Object.fromEntries(names.map((name) => [name, { type: 'http', url: `https://${name}.example.com/mcp` }])) }) },
    })
    expect(errors).toBeUndefined()
    await desk.next('ENTRY')
    expect(desk.heard.filter((event) => event.startsWith('ENTRY'))).toEqual(['ENTRY null'])
  })

  it('by the rights of the moment, and that they are others now', async () => {
    const user = await server.user('mover')
    const team = await server.team('moving', [[user, 'MEMBER']])
    const desk = await looking(user)
    const inTeam = { owner: { kind: 'TEAM' as const, id: team } }
    const { id } = await server.register(server.admin, 'seen', inTeam)
    expect(await desk.next('ENTRY')).toBe(id)
    await server.admin.client.execute(RemoveTeamMemberDocument, { team: 'moving', userId: user.id })
    await desk.next('EVERYTHING')
    const { id: hidden } = await server.register(server.admin, 'unseen', inTeam)
    const { id: own } = await server.register(user, 'own')
    expect(await desk.next('ENTRY')).toBe(own)
    expect(desk.heard).not.toContain(`ENTRY ${hidden}`)
  })

  it('a browser by its cookie, until it signs out', async () => {
    const user = await server.user('browser')
    const browser = openBrowser(server.url)
    await browser.signIn(user.token)
    const origin = new URL(server.url).origin
    const desk = await look(server.url, null, { cookie: browser.cookie()!, origin })
    await desk.next('EVERYTHING')
    const { id } = await server.register(user, 'by-cookie')
    expect(await desk.next('ENTRY')).toBe(id)
    await browser.signOut()
    expect(await desk.ended).toMatchObject({ code: 4401 })
  })

  it('nobody whose token has ended, and no worker', async () => {
    const user = await server.user('ended')
    const { accessToken, secret } = (await user.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'second' } })).createAccessToken
    const desk = await looking({ ...user, token: secret }, deaf.url)
    await user.client.execute(RevokeAccessTokenDocument, { id: accessToken.id })
    expect(await desk.ended).toMatchObject({ code: 4401 })
    const refused = await look(server.url, (await server.worker()).token)
    expect((await refused.ended).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', field: 'deskChanged' })
    expect(refused.heard).toEqual([])
  })
})

it('S21: over HTTP it says where it is to be had', async () => {
  const { errors } = await server.admin.raw('subscription { deskChanged { kind } }')
  expect(errors).toMatchObject([{ message: 'Subscriptions are served over WebSocket.' }])
  const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: 'subscription { deskChanged { kind } }' } }))
  expect((await once(socket, 'close'))[0]).toBe(4401)
})
