import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../../src/db/free-port.js'
import { cursorAt, delta, type FakeFeed, wireServer } from '../support/fake-feed.js'
import { openFakeSession } from '../support/fake-session.js'
import { startTestMcpServer } from '../support/mcp-servers.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

const entryAt = (url: string, revision: number) => wireServer('1', 'a', {
  revision, digest: `d${revision}`, transport: { __typename: 'RemoteTransport', kind: 'HTTP', url, headers: [{ name: 'X-Key', value: '${secret:A}' }] },
})

/** A session that calls `a` with a leased header. */
async function calling() {
  const server = await startTestMcpServer([{ name: 'x' }])
  cleanups.push(server.close)
  const opened = await openFakeSession({ mcpServers: [entryAt(server.url, 1)] })
  cleanups.push(opened.close)
  opened.feed.answerLeases(() => ({ values: { 'secret:A': 'canary-value' }, secretVersion: 9 }))
  opened.operation.send(delta(cursorAt(2), {}, [], { secretVersions: [{ entryId: '1', version: 1 }] }))
  await opened.session.settled(cursorAt(2))
  await opened.host.callTool('a-x')
  return { server, ...opened }
}

/** From now on the catalog answers no lease. Resolves when it was asked for one. */
const silentLeases = (feed: FakeFeed) => new Promise<void>((resolve) => feed.answerLeases(() => {
  resolve()
  return new Promise(() => {})
}))

describe('S24: after an edit of where values go, the earlier place gets no request more', () => {
  it('where the new one does not come up', async () => {
    const { server, session, host, operation, reasonOf } = await calling()
    const sent = server.requests.length
    operation.send(delta(cursorAt(3), { mcpServers: [entryAt(`http://127.0.0.1:${await freePort()}/mcp`, 2)] }, [], { secretVersions: [{ entryId: '1', version: 2 }] }))
    await session.settled(cursorAt(3))
    await expect(host.callTool('a-x')).rejects.toMatchObject({ name: 'ToolCallError' })
    expect(reasonOf('a')).toContain('ECONNREFUSED')
    expect(server.requests.slice(sent)).toEqual([])
  })

  it('before the catalog answers, in a turn neither', async () => {
    for (const isInTurn of [false, true]) {
      const { server, feed, session, host, operation } = await calling()
      const check = async () => {
        const sent = server.requests.length
        const asked = silentLeases(feed)
        operation.send(delta(cursorAt(3), { mcpServers: [entryAt(`${server.url}/other`, 2)] }, [], { secretVersions: [{ entryId: '1', version: 2 }] }))
        await asked
        await expect(host.callTool('a-x')).rejects.toMatchObject({ name: 'ToolCallError' })
        expect(server.requests.slice(sent)).toEqual([])
      }
      await (isInTurn ? session.turn(check) : check())
    }
  })
})
