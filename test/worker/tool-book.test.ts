import { describe, expect, it } from 'vitest'
import { createToolBook } from '../../src/worker/tool-book.js'
import { cursorAt, delta, openPolicy, wireServer } from '../support/fake-feed.js'
import { openFakeSession } from '../support/fake-session.js'
import { startTestMcpServer } from '../support/mcp-servers.js'

const toolsOf = (...names: string[]) => names.map((name) => ({ name, inputSchema: { type: 'object' as const } }))

function bookOf(include: string[], exclude: string[], limit = { most: 3 }) {
  const book = createToolBook({ include, exclude }, () => limit.most)
  return { book, limit, names: () => book.offered().map(({ name }) => name).join() }
}

describe('what a server offers', () => {
  it.each<[listed: string[], include: string[], exclude: string[], offered: string, note: RegExp | null]>([
    [['c', 'a', 'b'], ['*'], [], 'c,a,b', null],
    [['c', 'a', 'b', 'd'], ['*'], [], 'c,a,b', /^Withheld: d; 4 tools are selected, and the policy lets a server offer 3\. .* raise tools\.maxPerMcpServer\.$/],
    [['c', 'a', 'b', 'd'], ['*'], ['a'], 'c,b,d', null],
    [['c', 'a', 'b', 'd'], ['d', 'a'], [], 'a,d', null],
    [['a', 'a', 'b', 'a', 'c'], ['*'], [], 'a,b,c', null],
    [['1', '2', '3', '4', '5', '6', '7', '8', '9'], ['*'], [], '1,2,3', /^Withheld: 4, 5, 6, 7, 8 and 1 more;/],
    [['a'], [], [], '', null],
  ])('S18, S28: of %j with %j without %j is %j', (listed, include, exclude, offered, note) => {
    const { book, names } = bookOf(include, exclude)
    book.list(toolsOf(...listed))
    expect(names()).toBe(offered)
    if (note === null) expect(book.note()).toBeNull()
    else expect(book.note()).toMatch(note)
    for (const name of new Set(listed)) {
      if (offered.split(',').includes(name)) expect(() => book.check(name)).not.toThrow()
      else expect(() => book.check(name)).toThrow(expect.objectContaining({ code: 'UNKNOWN_TOOL' }))
    }
  })

  it('tells when it is another, and only then', () => {
    const { book, limit, names } = bookOf(['*'], ['x'])
    let told = 0
    const unlisten = book.listen(() => { told += 1 })
    book.list(toolsOf('a', 'b', 'c'))
    book.list(toolsOf('a', 'b', 'c', 'd'))
    book.list(toolsOf('a', 'b', 'c', 'x'))
    expect(told).toBe(1)
    limit.most = 1
    expect(names()).toBe('a')
    book.review()
    book.review()
    expect(told).toBe(2)
    unlisten()
    book.list([])
    expect([told, names()]).toEqual([2, ''])
  })
})

describe('tools.maxPerMcpServer in a session', () => {
  it('S19, S28: withholds what is over the limit of this moment, says so, and refuses the calls; a static server has none', async () => {
    const upstream = await startTestMcpServer(['one', 'two', 'three'].map((name) => ({ name })))
    const own = { inline: { mcpServers: { own: { type: 'http', url: upstream.url } } } }
    const { session, host, operation, tools, reasonOf, close } = await openFakeSession({ mcpServers: [wireServer('1', 's', { url: upstream.url })] }, { static: own }, { grants: 'SET' })
    const ofStatic = ['own-one', 'own-two', 'own-three']
    expect(await tools()).toEqual([...ofStatic, 's-one', 's-two', 's-three'])
    let told = 0
    host.onToolsChanged(() => { told += 1 })
    const policyOf = (revision: number, maxPerMcpServer: number) => ({ revision, document: { ...openPolicy.document, tools: { drift: 'accept', maxPerMcpServer } } })
    operation.send(delta(cursorAt(2), {}, [], { changedPolicy: policyOf(2, 2) }))
    await session.settled(cursorAt(2))
    expect([await tools(), told]).toEqual([[...ofStatic, 's-one', 's-two'], 1])
    expect(reasonOf('s')).toMatch(/^Withheld: three; 3 tools are selected, and the policy lets a server offer 2\./)
    expect(reasonOf('own')).toBeNull()
    await expect(host.callTool('s-three')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
    expect(upstream.calls).toEqual([])
    operation.send(delta(cursorAt(3), {}, [], { changedPolicy: policyOf(3, 3) }))
    await session.settled(cursorAt(3))
    expect([await tools(), told, reasonOf('s')]).toEqual([[...ofStatic, 's-one', 's-two', 's-three'], 2, null])
    await host.callTool('s-three')
    await close()
    await upstream.close()
  })
})
