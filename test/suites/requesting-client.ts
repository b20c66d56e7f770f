import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RegisterMcpServerInput } from '../../src/client/index.js'
import { startTestServer, type TestServer } from '../support/server.js'
import { type ClientOptions } from './subscribing-client.js'

/** An answer in the client's own shape, brought to one: data, the GraphQL errors, or why there is neither. */
export interface Answer {
  data?: unknown
  errors?: ReadonlyArray<{ message: string; extensions?: Record<string, unknown> }>
  failure?: string
}

export interface RequestingClient {
  viewer: () => Promise<Answer>
  register: (input: RegisterMcpServerInput) => Promise<Answer>
}

export interface RequestingOptions extends ClientOptions {
  fetch: typeof fetch
}

const code = ({ errors, failure, data }: Answer) => (
  errors === undefined ? failure ?? JSON.stringify(data) : errors.map(({ extensions }) => `${String(extensions?.code)} at ${String(extensions?.field)}`).join()
)

/** Queries and mutations with whatever the client sends by itself: its method, its headers, its body. */
export function describeRequestingClient(name: string, connect: (options: RequestingOptions) => RequestingClient, sent: { query: string; mutation: string }): void {
  describe(`${name} over HTTP`, () => {
    let server: TestServer
    beforeAll(async () => { server = await startTestServer() })
    afterAll(() => server.close())

    const open = (token: string) => {
      const requests: string[] = []
      const client = connect({
        url: server.url, webSocketUrl: server.webSocketUrl, token,
        fetch: (target, init) => {
          const body = typeof init?.body === 'string' ? Object.keys(JSON.parse(init.body) as object) : [...new URL(target as string).searchParams.keys()]
          requests.push(`${init?.method} ${new Headers(init?.headers).get('accept')} ${body.sort().join()}`)
          return fetch(target, init)
        },
      })
      return { ...client, requests }
    }

    it('asks and changes', async () => {
      const { viewer, register, requests } = open(server.admin.token)
      expect(await viewer()).toEqual({ data: { kind: 'USER', id: server.admin.id } })
      expect(await register({ owner: { kind: 'USER' }, name: 'tickets', definition: { transport: { http: { url: 'https://t.example.com/mcp' } } } }))
        .toEqual({ data: { name: 'tickets', revision: 1 } })
      expect(requests).toEqual([sent.query, sent.mutation])
    })

    it('is told why something is refused', async () => {
      const { register } = open(server.admin.token)
      const definition = { transport: { http: { url: 'https://t.example.com/mcp' } } }
      expect(code(await register({ owner: { kind: 'USER' }, name: 'tickets', definition }))).toBe('NAME_TAKEN at name')
      expect(code(await register({ owner: { kind: 'USER' }, name: 'inside', definition: { transport: { http: { url: 'http://127.0.0.1/' } } } })))
        .toMatch(/^POLICY_DENIED at definition/)
      expect(code(await register({ owner: { kind: 'USER' }, name: 1 as never, definition }))).toBe('INVALID_INPUT at input.name')
    })

    it('is told that its token opens nothing, in the same shape', async () => {
      const { viewer } = open('pht_nothing')
      expect(code(await viewer())).toBe('UNAUTHENTICATED at authorization')
    })
  })
}
