import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { DeleteEntryDocument, RemoveTeamMemberDocument, RevokeAccessTokenDocument, type OwnerInput } from '../../src/client/index.js'
import { type CatalogEvent } from '../support/subscriber.js'
import { type Proxy, startProxy } from '../support/proxy.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

export interface ClientOptions {
  url: string
  webSocketUrl: string
  token: string
}

/** What a client tells its user, in its own words; the suite turns it into lines. */
export interface Listener {
  event: (event: CatalogEvent) => void
  /** The list of GraphQL errors, from wherever the client keeps it. */
  errors: (errors: ReadonlyArray<{ message: string; extensions?: Record<string, unknown> }>) => void
  /** The socket is gone for good, in the client's words. */
  failed: (reason: string) => void
}

export interface SubscribingClient {
  subscribe: (owner: OwnerInput, listener: Listener) => () => void
  close: () => Promise<void>
}

/** Everything that was heard, one line each; waits for lines, never for time. */
function createTranscript() {
  const lines: string[] = []
  const checks = new Set<() => void>()
  const say = (line: string) => {
    lines.push(line)
    checks.forEach((check) => check())
  }
  return {
    lines, say,
    reaches: (count: number) => new Promise<void>((resolve) => {
      const check = () => { if (lines.length >= count && checks.delete(check)) resolve() }
      checks.add(check)
      check()
    }),
    listener: {
      event: (event) => {
        if (event.__typename !== 'CatalogBookmark') say(lineOf(event))
      },
      errors: ([error]) => say(`error ${String(error?.extensions?.code)} at ${String(error?.extensions?.field)}: ${error?.message}`),
      failed: (reason) => say(`closed: ${reason}`),
    } satisfies Listener,
  }
}

function lineOf(event: Exclude<CatalogEvent, { __typename: 'CatalogBookmark' }>): string {
  const added = event.__typename === 'CatalogSnapshot' ? event.mcpServers : event.upserted
  const removed = event.__typename === 'CatalogSnapshot' ? [] : event.removed
  return [event.__typename, ...added.map(({ name, revision }) => `+${name}@${revision}`), ...removed.map(({ name, reason }) => `-${name} ${reason}`)].join(' ')
}

/** What any GraphQL client must be able to do with the feed, as it comes from the registry. */
export function describeSubscribingClient(name: string, connect: (options: ClientOptions) => SubscribingClient): void {
  describe(`${name} over WebSocket`, () => {
    let server: TestServer
    let proxy: Proxy
    const clients: SubscribingClient[] = []
    beforeAll(async () => {
      server = await startTestServer()
      proxy = await startProxy(server.url)
    })
    afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())))
    afterAll(async () => {
      await proxy.close()
      await server.close()
    })

    const watch = (who: Person, owner: OwnerInput) => {
      const client = connect({ url: server.url, webSocketUrl: proxy.through(server.webSocketUrl), token: who.token })
      clients.push(client)
      const transcript = createTranscript()
      return { ...transcript, leave: client.subscribe(owner, transcript.listener) }
    }

    it('hears the snapshot, then each change, and after a dropped connection only what it missed', async () => {
      const user = await server.user('listener')
      await server.register(user, 'first')
      const { lines, reaches, leave } = watch(user, { kind: 'USER' })
      await reaches(1)
      const second = await server.register(user, 'second')
      await reaches(2)
      proxy.interrupt()
      await server.register(user, 'missed')
      await user.client.execute(DeleteEntryDocument, { input: { id: second.id, expectedRevision: 1 } })
      proxy.restore()
      await reaches(3)
      await server.register(user, 'after')
      await reaches(4)
      expect(lines).toEqual(['CatalogSnapshot +first@1', 'CatalogDelta +second@1', 'CatalogDelta +missed@1 -second DELETED', 'CatalogDelta +after@1'])
      leave()
      while (server.app.hub.size() > 0) await server.register(user, `gone-${Math.random().toString(36).slice(2)}`)
      expect(lines).toHaveLength(4)
    })

    it('hears why it is refused', async () => {
      const { lines, reaches } = watch(await server.user('nosy'), { kind: 'DEPLOYMENT' })
      await reaches(1)
      expect(lines).toEqual([expect.stringMatching(/^error FORBIDDEN at owner: .+\.$/)])
    })

    it('F2: hears that a right was lost, and nothing after it', async () => {
      const user = await server.user('leaver')
      await server.team('crew', [[user, 'MEMBER']])
      const { lines, reaches } = watch(user, { kind: 'TEAM', id: 'crew' })
      await reaches(1)
      await server.admin.client.execute(RemoveTeamMemberDocument, { team: 'crew', userId: user.id })
      await reaches(2)
      while (server.app.hub.size() > 0) await server.register(user, `more-${Math.random().toString(36).slice(2)}`)
      expect(lines).toEqual(['CatalogSnapshot', expect.stringMatching(/^error FORBIDDEN at owner: /)])
    })

    it('stops when its token was revoked', async () => {
      const user = await server.user('revoked')
      const { lines, reaches } = watch(user, { kind: 'USER' })
      await reaches(1)
      const { data } = await user.raw('{ accessTokens { nodes { id } } }') as { data: { accessTokens: { nodes: Array<{ id: string }> } } }
      await server.admin.client.execute(RevokeAccessTokenDocument, { id: data.accessTokens.nodes[0]!.id })
      await reaches(2)
      expect(lines).toEqual(['CatalogSnapshot', expect.stringMatching(/^closed: .*4401.*Token ended/)])
    })
  })
}
