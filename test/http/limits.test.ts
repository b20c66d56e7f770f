import { once } from 'node:events'
import { getIntrospectionQuery, Kind, type OperationDefinitionNode, parse, print } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import * as generated from '../../src/client/generated/graphql.js'
import { noObserver } from '../../src/catalog/observer.js'
import { documentLimits, measure } from '../../src/graphql/limits.js'
import { repeatsOf } from '../../src/graphql/repeats.js'
import { schema } from '../../src/graphql/schema.js'
import { createDocuments } from '../../src/http/documents.js'
import { type RawAnswer, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let socket: WebSocket
beforeAll(async () => {
  server = await startTestServer({ maxSilentSockets: 3 })
  socket = await speaker()
})
afterAll(async () => {
  socket.close()
  await server.close()
})

async function speaker(): Promise<WebSocket> {
  const opened = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
  await once(opened, 'open')
  opened.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${server.admin.token}` } }))
  await once(opened, 'message')
  return opened
}

type Errors = RawAnswer['errors']
interface Payload { query: string; variables?: Record<string, unknown>; operationName?: string }

/** Every way by which a document comes in; each answers the errors. */
const ways: Record<string, (payload: Payload) => Promise<Errors>> = {
  'plain JSON': async (payload) => (await (await post(payload, 'application/json')).json() as RawAnswer).errors,
  'JSON for the newer media type': async (payload) => {
    const answer = await post(payload, 'application/graphql-response+json')
    const { errors, data } = await answer.json() as RawAnswer
    if (data === undefined) expect(answer.status).toBe(400)
    return errors
  },
  'a socket': async (payload) => {
    const id = Math.random().toString(36)
    socket.send(JSON.stringify({ type: 'subscribe', id, payload }))
    for (;;) {
      const message = JSON.parse(String((await once(socket, 'message'))[0])) as { id: string; type: string; payload: unknown }
      if (message.id !== id) continue
      socket.send(JSON.stringify({ type: 'complete', id }))
      return message.type === 'error' ? message.payload as Errors : (message.payload as RawAnswer).errors
    }
  },
}

function post(payload: Payload, accept: string) {
  return fetch(server.url, {
    method: 'POST', headers: { 'content-type': 'application/json', accept, authorization: `Bearer ${server.admin.token}` }, body: JSON.stringify(payload),
  })
}

const times = (count: number, text: (at: number) => string) => Array.from({ length: count }, (_, at) => text(at)).join(' ')
const nest = (depth: number, open: string, inner: string) => `${`${open}{`.repeat(depth)}${inner}${'}'.repeat(depth)}`
const sessions = 'sessions(first: 500) { nodes { worker {'
const widest = `{ workers { ${times(3, () => sessions)} id ${'}'.repeat(9)} } }`

describe('S21: a document that asks for too much is refused before anything of it runs', () => {
  const over: Array<[what: string, limit: keyof typeof documentLimits, payload: Payload]> = [
    ['deep introspection', 'depth', { query: `{ __schema { types { ${nest(18, 'ofType', 'name')} } } }` }],
    ['introspection in a circle', 'depth', { query: `{ __schema { types { ${nest(9, 'fields { type', 'name')}${'}'.repeat(9)} } } }` }],
    ['levels in inline fragments', 'depth', { query: `{ workers { ${nest(8, '... on Worker { sessions { nodes { worker', 'id')}${'}'.repeat(24)} } }` }],
    ['levels spread over fragments', 'depth', {
      query: `{ workers { ...f0 } } ${times(8, (at) => `fragment f${at} on Worker { sessions { nodes { worker { ...f${at + 1} } } } }`)} fragment f8 on Worker { id }`,
    }],
    ['a subscription too deep', 'depth', { query: `subscription { catalogChanged(owner: { kind: USER }) { ${nest(20, '... on CatalogDelta { x: removed', 'name')}${'}'.repeat(20)} } }` }],
    ['one field under many names', 'aliases', { query: `{ ${times(51, (at) => `a${at}: viewer { principal { id } }`)} }` }],
    ['a change many times', 'aliases', { query: `mutation { ${times(51, (at) => `t${at}: createTeam(slug: "team-${at}", displayName: "x") { id }`)} }` }],
    ['aliases that fragments multiply', 'aliases', {
      query: `{ viewer { ...a } ${times(9, (at) => `v${at}: viewer { ...a }`)} } fragment a on Viewer { ${times(6, (at) => `o${at}: owners { id }`)} }`,
    }],
    ['fragments that double at each step', 'aliases', {
      query: `{ viewer { principal { ...f0 } } } ${times(30, (at) => `fragment f${at} on Principal { a${at}: id ...f${at + 1} ...f${at + 1} }`)} fragment f30 on Principal { id }`,
    }],
    ['aliases of a subscription', 'aliases', { query: `subscription { catalogChanged(owner: { kind: USER }) { ... on CatalogSnapshot { agents { ${times(51, (at) => `p${at}: prompt`)} } } } }` }],
    ['aliases of an operation that is not the one asked for', 'aliases', { query: `query A { viewer { principal { id } } } query B { ${times(51, (at) => `a${at}: viewer { principal { id } }`)} }`, operationName: 'A' }],
    ['many directives', 'directives', { query: `{ viewer { principal { ${times(51, () => 'id @include(if: true)')} } } }` }],
    ['directives that nobody knows', 'directives', { query: `{ __typename ${'@a '.repeat(600)} }` }],
    ['directives of variables', 'directives', { query: `query (${times(60, (at) => `$v${at}: Int @x`)}) { __typename }` }],
    ['many fields', 'tokens', { query: `{ viewer { principal { ${'id '.repeat(5_000)} } } }` }],
    ['many operations', 'tokens', { query: times(1_000, (at) => `query q${at} { __typename }`), operationName: 'q1' }],
    ['many fragments', 'tokens', { query: `{ __typename } ${times(500, (at) => `fragment f${at} on Principal { id }`)}` }],
    ['many variables', 'tokens', { query: `query (${times(1_000, (at) => `$v${at}: Int`)}) { __typename }` }],
    ['comments without end', 'characters', { query: `${'# x\n'.repeat(70_000)}{ __typename }` }],
    ['white space without end', 'characters', { query: `{${' ,'.repeat(140_000)}__typename }` }],
    ['a long literal', 'characters', { query: `{ mcpServers(search: "${'x'.repeat(270_000)}") { nodes { id } } }` }],
    ['one field again and again', 'repeats', { query: `{ ${times(51, () => 'viewer { principal { kind } }')} }` }],
    ['one field again and again under one alias', 'repeats', { query: `{ ${times(50, () => 'v: viewer { principal { kind } }')} v: viewer { principal { id } } }` }],
    ['one field of fields that are one', 'repeats', { query: `{ ${times(11, () => `viewer { principal { ${times(5, () => 'kind')} } }`)} }` }],
    ['one field in fragments', 'repeats', { query: `{ viewer { ${times(26, (at) => `...f${at}`)} } } ${times(26, (at) => `fragment f${at} on Viewer { principal { id } ... { principal { id } } }`)}` }],
    ['one field in a fragment that is not used', 'repeats', { query: `{ __typename } fragment f on Query { ${times(51, () => 'viewer { principal { kind } }')} }` }],
    ['one field of a subscription', 'repeats', { query: `subscription { catalogChanged(owner: { kind: USER }) { ${times(51, () => '__typename')} } }` }],
    ['fields that fragments multiply', 'fields', {
      query: `{ __schema { types { ...f0 } } } ${times(13, (at) => `fragment f${at} on __Type { ofType { ...f${at + 1} } interfaces { ...f${at + 1} } }`)} fragment f13 on __Type { name }`,
    }],
    ['the schema three times', 'introspections', { query: '{ a: __schema { queryType { name } } b: __schema { queryType { name } } __schema { queryType { name } } }' }],
    ['pages of pages of pages', 'cost', { query: widest }],
    ['pages whose size is a variable', 'cost', { query: widest.replace('(first: 500)', '(first: $n)').replace('{', 'query ($n: Int) {'), variables: { n: 500 } }],
    ['pages whose size is the default of a variable', 'cost', { query: widest.replace('(first: 500)', '(first: $n)').replace('{', 'query ($n: Int = 500) {') }],
    ['pages of a size that is none', 'cost', { query: widest.replace('(first: 500)', '(first: $n)').replace('{', 'query ($n: Int) {'), variables: { n: 2_000_000 } }],
    ['pages in a fragment', 'cost', { query: `{ workers { ...s } } fragment s on Worker { ${times(3, () => sessions)} id ${'}'.repeat(9)} }` }],
  ]

  describe.each(Object.keys(ways))('by %s', (way) => {
    it.each(over)('%s', async (_what, limit, payload) => {
      const errors = await ways[way]!(payload)
      expect(errors?.map(({ extensions }) => extensions)).toContainEqual(expect.objectContaining({
        code: 'LIMIT_EXCEEDED', field: 'query', limit, most: documentLimits[limit], mend: expect.stringMatching(/^[A-Z].+\.$/) as string,
      }))
    })
  })

  it.each<[what: string, limit: string, i: unknown]>([
    ['many members that nobody knows', 'members', Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, 0]))],
    ['many members further down', 'members', { owner: { kind: 'USER' }, name: 'x', definition: { transport: { http: Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`k${at}`, 0])) } } }],
    ['levels of lists', 'levels', JSON.parse(`${'['.repeat(101)}${']'.repeat(101)}`)], ['levels without end', 'levels', JSON.parse(`${'{"a":['.repeat(1_000)}${']}'.repeat(1_000)}`)],
  ])('variables with %s, by every way: graphql-js would repeat them in each of its complaints', async (_what, limit, i) => {
    const query = 'mutation ($i: RegisterMcpServerInput!) { registerMcpServer(input: $i) { cursor } }'
    for (const way of Object.values(ways)) {
      expect(await way({ query, variables: { i } })).toMatchObject([{ message: expect.stringContaining('The variable "i"') as string, extensions: { code: 'LIMIT_EXCEEDED', field: 'i', limit, most: 100, mend: 'Write the variables as schema.graphql says.' } }])
    }
  })

  it('of mistakes in variables ten are told, by every way', async () => {
    const query = 'mutation ($i: RegisterMcpServerInput!) { registerMcpServer(input: $i) { cursor } }'
    const i = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`k${at}`, 0]))
    const [plain, newer] = await Promise.all(['application/json', 'application/graphql-response+json'].map(async (accept) => (await (await post({ query, variables: { i } }, accept)).json() as RawAnswer).errors))
    for (const errors of [plain, newer, await ways['a socket']!({ query, variables: { i } })]) expect(errors?.map(({ extensions: { code } }) => code)).toEqual(Array.from({ length: 11 }, () => 'INVALID_INPUT'))
  })

  // How far the parser gets depends on the stack.
  it.each<[what: string, query: string]>([
    ['levels beyond any stack', `{${nest(50_000, 'a', 'a')}}`], ['levels of a value', `{ mcpServers(search: ${'['.repeat(20_000)}${']'.repeat(20_000)}) { nodes { id } } }`],
    ['levels of a type', `query ($a: ${'['.repeat(20_000)}Int${']'.repeat(20_000)}) { __typename }`],
  ])('%s, by every way', async (_what, query) => {
    for (const way of Object.values(ways)) {
      expect(await way({ query })).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED', field: 'query', limit: expect.stringMatching(/^(depth|tokens)$/) as string } }])
    }
  })

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', '__typename'])('%s is a name like any other', async (name) => {
    for (const way of Object.values(ways)) {
      const errors = await way({ query: `query ($${name}: Int) { ${name} { ...${name} } mcpServers(first: $${name}) { ${name} { id } } } fragment ${name} on ${name} { id }` })
      expect(new Set(errors?.map(({ extensions }) => extensions.code))).toEqual(new Set(['INVALID_INPUT']))
    }
  })

  it('and with a GET', async () => {
    const query = encodeURIComponent(`{ ${times(51, (at) => `a${at}: viewer { principal { id } }`)} }`)
    const answer = await fetch(`${server.url}?query=${query}`, { headers: { authorization: `Bearer ${server.admin.token}` } })
    expect((await answer.json() as RawAnswer).errors).toMatchObject([{ message: 'A document has at most 50 aliases; this one has 51.', extensions: { limit: 'aliases', most: 50, found: 51 } }])
  })

  it('nothing was changed by any of them', async () => {
    expect((await server.admin.raw('{ teams { slug } }')).data).toEqual({ teams: [] })
  })
})

describe('what people and programs send', () => {
  const documents = createDocuments(documentLimits, noObserver)
  const own: Array<[name: string, text: string]> = Object.entries(generated).flatMap(([name, value]) => {
    const isOperation = typeof value === 'object' && 'definitions' in value && value.definitions.some((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    return isOperation ? [[name, print(value)]] : []
  })
  const introspection = getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true, specifiedByUrl: true, oneOf: true })

  it('are many', () => expect(own.length).toBeGreaterThan(30))

  it.each<[name: string, text: string]>([...own, ['the introspection of GraphiQL', introspection]])(
    '%s is far from every limit, with the largest pages', (_name, text) => {
      const read = documents.read(text)
      expect(read.problems).toEqual([])
      for (const [operation, { depth, aliases, cost }] of read.operations) {
        expect(documents.costOf(read, operation, {})).toEqual({ cost, problem: null })
        expect([depth <= 15, aliases <= 25, cost <= 600_000]).toEqual([true, true, true])
      }
      expect(parse(text).tokenCount).toBeLessThan(1_000)
    })

  it.each(Object.keys(ways))('fifty aliases, twenty levels and fifty directives pass by %s', async (way) => {
    for (const query of [
      `{ ${times(50, (at) => `a${at}: viewer { principal { id } }`)} }`,
      `{ __type(name: "Query") { fields { type { fields { type { ${nest(14, 'ofType', 'name')} } } } } } }`,
      `{ viewer { principal { ${times(50, () => 'id @include(if: true)')} } } }`,
      `query ($n: Int) { workers { ${times(3, () => sessions.replace('500', '$n'))} id ${'}'.repeat(9)} } }`,
    ]) expect(await ways[way]!({ query, variables: { n: 3 } })).toBeUndefined()
  })

  it('a known document is measured once, and a page whose size is a variable only when it could be too much', () => {
    const text = 'query ($first: Int) { mcpServers(first: $first) { nodes { id name } edges { node { id } } } }'
    const read = documents.read(text)
    expect(documents.read(text)).toBe(read)
    const [operation, { cost }] = [...read.operations][0]!
    expect(cost).toBe(1 + 500 * (1 + 2 + (1 + (1 + 1))))
    expect(measure(schema, read.document, operation, { first: 3 }).cost).toBe(1 + 3 * 6)
    expect(measure(schema, read.document, operation, {}).cost).toBe(1 + 50 * 6)
  })
})

describe('S21: reading a document', () => {
  it('has a price before, by its length, unless it is remembered', () => {
    const documents = createDocuments(documentLimits, noObserver)
    const text = '{ viewer { principal { id } } }'
    expect([documents.priceOf(text), documents.priceOf(text.padEnd(1_001)), documents.priceOf(text.padEnd(200_000)), documents.priceOf(text.padEnd(300_000))]).toEqual([1, 6, 50, 1])
    documents.read(text)
    expect(documents.priceOf(text)).toBe(0)
  })

  it('is remembered for what is used, however much else comes', () => {
    const documents = createDocuments(documentLimits, noObserver)
    const [used, unused] = ['query Used { __typename }', 'query Unused { __typename }']
    documents.read(unused)
    const read = documents.read(used)
    for (let at = 0; at < 200; at++) {
      documents.read(`query q${at} { __typename }`)
      expect(documents.read(used)).toBe(read)
    }
    expect(documents.priceOf(unused)).toBe(1)
  })

  it('takes the list of all types for as long as it is', () => {
    const document = parse('{ __schema { types { name kind } } }')
    const [operation] = document.definitions
    expect(measure(schema, document, operation as OperationDefinitionNode).cost).toBe(2 + 2 * Object.keys(schema.getTypeMap()).length)
  })

  it('counts what fragments put in one place, in a time that grows with the document alone', () => {
    const shared = parse('{ viewer { ...a } } fragment a on Viewer { ...b principal { id } } fragment b on Viewer { principal { id } }')
    expect(repeatsOf(shared, documentLimits)).toEqual({ repeats: 2, fields: 5 + 4 + 2 })
    // Validation says what is wrong with that.
    expect(repeatsOf(parse('{ ...a } fragment a on Query { ...a viewer { ...a } }'), documentLimits).fields).toBeLessThan(100)
    const deep = parse(`{ ...f0 } ${times(200, (at) => `fragment f${at} on Query { a { ...f${at + 1} } b { ...f${at + 1} } }`)} fragment f200 on Query { id }`)
    expect(repeatsOf(deep, documentLimits).fields).toBe(documentLimits.fields + 1)
  })
})

describe('S21: what one connection may hold', () => {
  it('sockets that do not say who they are give way, the oldest first, and nobody who did', async () => {
    const silent = await Promise.all(Array.from({ length: 3 }, async () => {
      const one = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
      await once(one, 'open')
      return one
    }))
    const closed = Promise.race(silent.map(async (one, at) => [at, (await once(one, 'close'))[0] as number]))
    const newcomer = await speaker()
    const [at, code] = await closed
    expect(code).toBe(4408)
    expect(socket.readyState).toBe(WebSocket.OPEN)
    expect(newcomer.readyState).toBe(WebSocket.OPEN)
    const text = await (await fetch(new URL('/metrics', server.url), { headers: { authorization: `Bearer ${server.admin.token}` } })).text()
    expect(text).toContain('\npilothouse_refused_total{type="silent_sockets"} 1\n')
    const rest = [...silent.filter((_, place) => place !== at), newcomer]
    for (const one of rest) one.close()
    await Promise.all(rest.map((one) => once(one, 'close')))
  })

  it('one answer for all pings of who does not read', async () => {
    const flooder = await speaker()
    flooder.pause()
    for (let at = 0; at < 30; at++) flooder.send(JSON.stringify({ type: 'ping', payload: { filler: 'x'.repeat(900_000) } }))
    flooder.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: 'mutation { createTeam(slug: "after-pings", displayName: "x") { id } }' } }))
    while (JSON.stringify((await server.admin.raw('{ teams { slug } }')).data) !== '{"teams":[{"slug":"after-pings"}]}');
    const text = await (await fetch(new URL('/metrics', server.url), { headers: { authorization: `Bearer ${server.admin.token}` } })).text()
    expect(Number(/^pilothouse_waiting_max_bytes (\d+)$/m.exec(text)?.[1])).toBeLessThan(3_000_000)
    const pongs: string[] = []
    flooder.on('message', (data: Buffer) => pongs.push(String(data)))
    flooder.resume()
    while (pongs.at(-1) !== '{"type":"pong"}') await once(flooder, 'message')
    expect(pongs.length).toBeLessThan(20)
    flooder.close()
    await once(flooder, 'close')
  })

  it('nothing large of who has not said who they are, and no echo', async () => {
    const stranger = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
    await once(stranger, 'open')
    stranger.send(JSON.stringify({ type: 'ping', payload: { filler: 'x'.repeat(10_000) } }))
    expect(String((await once(stranger, 'message'))[0])).toBe('{"type":"pong"}')
    stranger.send(JSON.stringify({ type: 'ping', payload: { filler: 'x'.repeat(21_000) } }))
    expect((await once(stranger, 'close'))[0]).toBe(1009)
  })

  it('no long id, which would be kept', async () => {
    const other = await speaker()
    other.send(JSON.stringify({ type: 'subscribe', id: 'x'.repeat(201), payload: { query: '{ __typename }' } }))
    expect((await once(other, 'close'))[0]).toBe(4400)
  })
})
