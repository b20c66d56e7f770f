import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RawAnswer, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
beforeAll(async () => { server = await startTestServer() })
afterAll(() => server.close())

const send = (target: string | URL, init: RequestInit = {}) => (
  fetch(target, { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), authorization: `Bearer ${server.admin.token}` } })
)

describe("graphql-http's audits of a server", () => {
  const audits = serverAudits({ url: () => server.url, fetchFn: send })

  it('are all there', () => expect(audits.length).toBeGreaterThan(60))

  // What SHOULD and MAY be is asked for like what MUST be.
  it.each(audits.map(({ id, name, fn }) => [id, name, fn] as const))('%s: it %s', async (_id, _name, audit) => {
    const result = await audit()
    expect(result.status === 'ok' ? 'ok' : `${result.status}: ${result.reason}`).toBe('ok')
  })

  it('fail where nobody speaks GraphQL', async () => {
    const elsewhere = serverAudits({ url: () => server.url.replace('/graphql', '/health'), fetchFn: send })
    const results = await Promise.all(elsewhere.map(({ fn }) => fn()))
    expect(results.filter(({ status }) => status !== 'ok').length).toBeGreaterThan(20)
  })
})

const json = { 'content-type': 'application/json' }
const post = (body: string, headers: Record<string, string> = json): RequestInit => ({ method: 'POST', headers, body })
const query = '{"query":"{ __typename }"}'
const subscription = '{"query":"subscription { catalogChanged(owner: { kind: USER }) { __typename } }"}'
const accept = (type: string) => ({ ...json, accept: type })

describe('every refusal of a request has a code, the field and the mend', () => {
  it.each<[what: string, search: string, init: RequestInit, status: number, field: string]>([
    ['another method', '', { method: 'PUT', headers: json, body: query }, 405, 'method'],
    ['OPTIONS', '', { method: 'OPTIONS' }, 405, 'method'],
    ['a mutation in a GET', '?query=mutation{__typename}', {}, 405, 'method'],
    ['no media type', '', { method: 'POST', body: new TextEncoder().encode(query) }, 415, 'content-type'],
    ['a media type that is not read', '', post(query, { 'content-type': 'text/plain' }), 415, 'content-type'],
    ['files', '', post('--x--', { 'content-type': 'multipart/form-data; boundary=x' }), 415, 'content-type'],
    ['an answer as a picture', '', post(query, accept('image/png')), 406, 'accept'],
    ['a mistake, answered as a picture', '', post('{', accept('image/png')), 406, 'accept'],
    ['no body', '', { method: 'POST', headers: json }, 400, 'body'],
    ['a body that is no JSON', '', post('{'), 400, 'body'],
    ['a body that is no JSON, for another media type', '', post('{', accept('application/graphql-response+json')), 400, 'body'],
    ['a body that is no object', '', post('1'), 400, 'body'],
    ['a batch', '', post(`[${query}]`), 400, 'body'],
    ['no query', '', post('{}'), 400, 'query'],
    ['a query that is no text', '', post('{"query":1}'), 400, 'query'],
    ['an unknown parameter', '', post('{"query":"{__typename}","doc_id":"1"}'), 400, 'doc_id'],
    ['variables that are no object', '', post('{"query":"{__typename}","variables":[]}'), 400, 'variables'],
    ['extensions that are no object', '', post('{"query":"{__typename}","extensions":"x"}'), 400, 'extensions'],
    ['an unknown operation', '', post('{"query":"{__typename}","operationName":"X"}'), 400, 'operationName'],
    ['several operations and no name', '', post('{"query":"query A{__typename} query B{__typename}"}'), 400, 'operationName'],
    ['variables of a GET that are no JSON', '?query={__typename}&variables={', {}, 400, 'body'],
    ['extensions of a GET that are no JSON', '?query={__typename}&extensions=[', {}, 400, 'body'],
    ['a form', '', post('query={__typename}', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'content-type'],
    ['a document that is none', '', post('{"query":"{"}', accept('application/graphql-response+json')), 400, 'query'],
    ['a document that is none, for clients of old', '', post('{"query":"{"}', accept('application/json')), 200, 'query'],
    ['a subscription', '', post(subscription, accept('application/json')), 200, 'query'],
    ['a subscription, for another media type', '', post(subscription, accept('application/graphql-response+json')), 400, 'query'],
    ['a subscription in parts', '', post(subscription, accept('multipart/mixed;subscriptionSpec=1.0, application/json')), 200, 'query'],
    ['another path', '/x', {}, 404, 'path'],
  ])('%s', async (_what, search, init, status, field) => {
    const response = await send(server.url + search, init)
    expect(response.headers.get('content-type')).toMatch(/^application\/(graphql-response\+)?json; charset=utf-8$/)
    const answer = await response.json() as RawAnswer
    expect({ status: response.status, answer }).toMatchObject({
      status, answer: { errors: [{ extensions: { code: field === 'path' ? 'NOT_FOUND' : 'INVALID_INPUT', field, mend: expect.stringMatching(/^[A-Z].+\.$/) as string } }] },
    })
    expect(answer).not.toHaveProperty('data')
    expect(JSON.stringify(answer)).not.toContain('"http"')
  })

  it('what is too large is refused, whether or not its size was said, and a connection with the rest of it is not used again', async () => {
    const large = 'x'.repeat(5_000_000)
    const streamed = { method: 'POST', headers: json, body: new Blob([large]).stream(), duplex: 'half' } as RequestInit
    const answers = [await send(server.url, post(large)), await send(server.url, streamed)]
    expect(answers.map(({ status }) => status)).toEqual([413, 413])
    expect(answers[1]!.headers.get('connection')).toBe('close')
    for (const answer of answers) {
      expect(await answer.json() as RawAnswer).toMatchObject({ errors: [{ extensions: { code: 'LIMIT_EXCEEDED', field: 'body', mend: 'Send it in parts.' } }] })
    }
  })

  it.each([
    [undefined, 'application/json; charset=utf-8'], ['*/*', 'application/json; charset=utf-8'],
    ['application/graphql-response+json, application/json;q=0.9', 'application/graphql-response+json; charset=utf-8'],
  ])('S7: who accepts %s is refused without a token as %s', async (accepted, type) => {
    const response = await fetch(server.url, post(query, { ...json, ...(accepted !== undefined && { accept: accepted }) }))
    expect([response.status, response.headers.get('content-type'), response.headers.get('www-authenticate')]).toEqual([401, type, 'Bearer'])
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED', field: 'authorization' } }] })
  })
})
