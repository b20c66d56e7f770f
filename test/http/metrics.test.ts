import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { DeleteEntryDocument, RegisterAgentDocument } from '../../src/client/index.js'
import { createMetrics, isMetricsToken } from '../../src/http/metrics.js'
import { root } from '../support/process.js'
import { report, sessionOf } from '../support/reporting.js'
import { post, startTestServer, type TestServer } from '../support/server.js'

const metricsToken = 'scraper-token-with-forty-two-characters-00'
let server: TestServer
beforeAll(async () => { server = await startTestServer({}, { metricsToken }) })
afterAll(() => server.close())

const ask = (token: string | null, init: RequestInit = {}) => (
  fetch(new URL('/metrics', server.url), { ...init, headers: token === null ? {} : { authorization: `Bearer ${token}` } }))

/** Every sample by its name with labels. */
async function scrape(): Promise<Map<string, number>> {
  const text = await (await ask(metricsToken)).text()
  return new Map(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const at = line.lastIndexOf(' ')
    return [line.slice(0, at), Number(line.slice(at + 1))]
  }))
}

/** How much each sample grew, zeros left out. */
async function growth(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await scrape()
  await work()
  const after = await scrape()
  return Object.fromEntries([...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const).filter(([, value]) => value !== 0))
}

describe('S7: metrics need a token', () => {
  it('of an admin, or the one that is set for it', async () => {
    for (const token of [server.admin.token, metricsToken]) {
      const response = await ask(token)
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
      expect(await response.text()).toContain('\npilothouse_sockets 0\n')
      expect((await ask(token, { method: 'HEAD' })).status).toBe(200)
    }
  })

  it.each([null, '', metricsToken.slice(0, -1), `${metricsToken}x`, metricsToken.toUpperCase(), `pht_${'x'.repeat(43)}`])('%j opens nothing', async (token) => {
    const response = await ask(token)
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
  })

  it('refuses everybody else, and keeps that', async () => {
    for (const { token } of [await server.user('canary-curious'), await server.worker()]) {
      const response = await ask(token)
      expect(response.status).toBe(403)
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN', mend: expect.any(String) as string } }] })
    }
    expect((await scrape()).get('pilothouse_denials_total{action="READ_METRICS"}')).toBe(2)
  })

  it('the token for it opens nothing else', async () => {
    expect((await post(server.url, metricsToken, { query: '{ viewer { principal { id } } }' })).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    expect((await ask(metricsToken, { method: 'POST' })).status).toBe(401)
    expect((await ask(server.admin.token, { method: 'POST' })).status).toBe(404)
    const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${metricsToken}` } }))
    expect((await once(socket, 'close'))[0]).toBe(4401)
  })

  it('without a token that is set, none is it', () => {
    expect(isMetricsToken(null, null)).toBe(false)
    expect(isMetricsToken('', null)).toBe(false)
    expect(isMetricsToken(metricsToken, null)).toBe(false)
    expect(isMetricsToken(metricsToken, metricsToken)).toBe(true)
  })
})

describe('what is counted', () => {
  it('writes, by outcome, and denials, by action', async () => {
    const user = await server.user('canary-writer')
    const other = await server.user('canary-stranger')
    const grown = await growth(async () => {
      const { id } = await server.register(user, 'canary-one')
      await expect(server.register(user, 'canary-one')).rejects.toMatchObject({ code: 'NAME_TAKEN' })
      await expect(server.register(user, 'canary-bad', { url: 'http://169.254.169.254/' })).rejects.toMatchObject({ code: 'POLICY_DENIED' })
      await expect(other.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await user.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })
    })
    expect(grown).toMatchObject({
      'pilothouse_mutations_total{mutation="registerMcpServer",outcome="ok"}': 1,
      'pilothouse_mutations_total{mutation="registerMcpServer",outcome="conflict"}': 1,
      'pilothouse_mutations_total{mutation="registerMcpServer",outcome="denied"}': 1,
      'pilothouse_mutations_total{mutation="deleteEntry",outcome="denied"}': 1,
      'pilothouse_mutations_total{mutation="deleteEntry",outcome="ok"}': 1,
      'pilothouse_commit_seconds_count{outcome="ok"}': 2,
      'pilothouse_commit_seconds_count{outcome="conflict"}': 1,
      'pilothouse_denials_total{action="WRITE_ENTRIES"}': 1,
      'pilothouse_http_request_seconds_count{status="2xx"}': 5,
      pilothouse_index_sequence: 2,
    })
    expect(grown).not.toHaveProperty('pilothouse_commits_in_flight')
  })

  it('a worker that may not write, and an admin who looks at what is private', async () => {
    const user = await server.user('canary-watched')
    const { id } = await server.register(user, 'canary-private')
    const worker = await server.worker()
    const grown = await growth(async () => {
      await worker.raw('mutation { createTeam(slug: "x", displayName: "x") { id } }')
      await server.admin.raw('query Q($id: ID!) { mcpServer(id: $id) { id } }', { id })
    })
    expect(grown).toMatchObject({
      'pilothouse_mutations_total{mutation="createTeam",outcome="denied"}': 1, 'pilothouse_denials_total{action="createTeam"}': 1,
      'pilothouse_break_glass_total{action="SEE_ENTRIES"}': 1,
    })
  })

  it('sockets, subscriptions and groups, what they got, and how they ended', async () => {
    const [user, other] = [await server.user('canary-reader'), await server.user('canary-other-reader')]
    const subscribers = [await user.watch(), await user.watch(), await other.watch()]
    const joined = await growth(async () => {
      await Promise.all(subscribers.map((subscriber) => subscriber.nextSnapshot()))
    })
    const now = await scrape()
    expect([now.get('pilothouse_sockets'), now.get('pilothouse_subscriptions'), now.get('pilothouse_groups')]).toEqual([3, 3, 2])
    expect(joined).not.toHaveProperty('pilothouse_waiting_bytes')
    const live = await growth(async () => {
      await server.register(user, 'canary-news')
      await Promise.all([subscribers[0]!.nextDelta(), subscribers[1]!.nextDelta()])
    })
    expect(live).toMatchObject({ 'pilothouse_events_rendered_total{type="delta"}': 1, pilothouse_events_delivered_total: 2 })
    const size = live.pilothouse_events_delivered_bytes_total! / 2
    expect(size).toBeGreaterThan(200)
    expect(size).toBeLessThan(2_000)
    const ended = await growth(async () => {
      await subscribers[2]!.close()
      const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
      await once(socket, 'open')
      socket.close(4777)
      await once(socket, 'close')
      while ((await scrape()).get('pilothouse_sockets') !== 2);
    })
    expect(ended).toMatchObject({
      'pilothouse_sockets_closed_total{code="1000"}': 1, 'pilothouse_sockets_closed_total{code="other"}': 1,
      pilothouse_sockets: -1, pilothouse_subscriptions: -1, pilothouse_groups: -1,
    })
    await Promise.all(subscribers.map((subscriber) => subscriber.close()))
  })

  it('bytes that wait for whoever does not read', async () => {
    const user = await server.user('canary-stalled')
    await user.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name: 'canary-large', definition: { prompt: 'x'.repeat(190_000) } } })
    const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${user.token}` } }))
    await once(socket, 'message')
    socket.pause()
    const aliases = Array.from({ length: 40 }, (_, at) => `p${at}: prompt`).join(' ')
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: `subscription { catalogChanged(owner: { kind: USER }) { ... on CatalogSnapshot { agents { ${aliases} } } } }` } }))
    let now = await scrape()
    while (now.get('pilothouse_waiting_bytes') === 0) now = await scrape()
    expect(now.get('pilothouse_waiting_bytes')).toBe(now.get('pilothouse_waiting_max_bytes'))
    socket.terminate()
    while ((await scrape()).get('pilothouse_sockets') !== 0);
  })

  it('workers that report, and their sessions', async () => {
    const [user, worker] = [await server.user('canary-hosted'), await server.worker()]
    const grown = await growth(() => report(worker, 'canary-worker', 1, [sessionOf(user, 'canary-a'), sessionOf(user, 'canary-b')]))
    expect(grown).toMatchObject({ pilothouse_workers_connected: 1, pilothouse_worker_sessions: 2, 'pilothouse_mutations_total{mutation="reportWorkerStatus",outcome="ok"}': 1 })
    expect(grown).not.toHaveProperty('pilothouse_denials_total{action="CLAIM_WORKER"}')
    expect(grown).not.toHaveProperty('pilothouse_break_glass_total{action="CLAIM_WORKER"}')
  })

  it('requests whose client was gone', async () => {
    const metrics = createMetrics()
    metrics.observer.requested(null, 0.2)
    expect(await metrics.text()).toContain('pilothouse_http_request_seconds_count{status="aborted"} 1')
  })
})

describe('the text', () => {
  it('S14: has words and numbers of ours only: no id, no name, no token', async () => {
    const text = await (await ask(metricsToken)).text()
    expect(text).not.toMatch(/(usr|tok|srv|agt|team)_[0-9a-f]{24}|ph[tw]_|canary/)
    expect(text).not.toContain(metricsToken)
    const ours = text.split('\n').filter((line) => line.startsWith('pilothouse_'))
    const labels = new Set(ours.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map(([, name]) => name)))
    expect([...labels].sort()).toEqual(['action', 'code', 'le', 'mutation', 'outcome', 'status', 'type'])
  })

  it('is described in docs/operating.md, all of it', async () => {
    const text = await (await ask(metricsToken)).text()
    const named = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name!)
    expect(named.filter((name) => !/^(pilothouse|process|nodejs)_/.test(name))).toEqual([])
    const told = [...readFileSync(`${root}docs/operating.md`, 'utf8').matchAll(/^\| `(pilothouse_\w+)/gm)].map(([, name]) => name!)
    expect(told.sort()).toEqual(named.filter((name) => name.startsWith('pilothouse_')).sort())
  })

  it('has nothing of another app in the same process', async () => {
    const metrics = createMetrics()
    expect(await metrics.text()).not.toMatch(/^pilothouse_mutations_total\{/m)
    expect(await metrics.text()).toMatch(/^process_resident_memory_bytes \d/m)
  })
})
