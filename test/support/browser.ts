import { once } from 'node:events'
import { WebSocket } from 'ws'
import { rawRequest, type RawAnswer } from './raw-http.js'

/** What a browser with the console open sends: its Origin, the header against CSRF, and the cookies that it was given. */
export interface Browser {
  cookie: () => string | null
  request: (first: string, more?: { headers?: readonly string[]; body?: string; without?: RegExp }) => Promise<RawAnswer>
  signIn: (token: string) => Promise<RawAnswer>
  signOut: () => Promise<RawAnswer>
  /** Status and, if there was one, the code of the first error or the id of who asks. */
  whoAmI: (more?: { headers?: readonly string[]; without?: RegExp }) => Promise<[status: number, what: string | undefined]>
  /** A socket with the cookie, that has sent `connection_init`: what it was answered, or the code of its end. */
  socket: (headers?: Record<string, string>, payload?: object) => Promise<{ answer: unknown; ended: Promise<number>; socket: WebSocket }>
}

export function openBrowser(apiUrl: string, { host = new URL(apiUrl).host, scheme = 'http', cookie: given = null as string | null } = {}): Browser {
  const port = Number(new URL(apiUrl).port)
  let cookie = given
  const origin = `${scheme}://${host}`
  const own = () => [`Host: ${host}`, `Origin: ${origin}`, 'Sec-Fetch-Site: same-origin', 'x-pilothouse-csrf: 1', 'Content-Type: application/json', ...cookie === null ? [] : [`Cookie: ${cookie}`]]
  const request: Browser['request'] = async (first, { headers = [], body = '', without = /^$/ } = {}) => {
    const answer = await rawRequest(port, [`${first} HTTP/1.1`, ...own().filter((line) => !without.test(line)), ...headers], body)
    const set = answer.headers['set-cookie']
    if (set !== undefined) cookie = set.includes('Max-Age=0') ? null : set.split(';')[0]!
    return answer
  }
  return {
    cookie: () => cookie, request,
    signIn: (token) => request('POST /session', { body: JSON.stringify({ token }) }),
    signOut: () => request('DELETE /session'),
    whoAmI: async (more) => {
      const { status, body } = await request('POST /graphql', { ...more, body: '{"query":"{ viewer { principal { id } } }"}' })
      const { data, errors } = JSON.parse(body) as { data?: { viewer: { principal: { id: string } } }; errors?: Array<{ extensions: { code: string } }> }
      return [status, errors?.[0]?.extensions.code ?? data?.viewer.principal.id]
    },
    socket: async (headers = { origin }, payload = undefined) => {
      const socket = new WebSocket(apiUrl.replace('http', 'ws'), 'graphql-transport-ws', { headers: { host, ...cookie !== null && { cookie }, ...headers } })
      const ended = new Promise<number>((resolve) => { socket.once('close', resolve) })
      await once(socket, 'open')
      socket.send(JSON.stringify({ type: 'connection_init', payload }))
      const answer = await Promise.race([new Promise((resolve) => { socket.once('message', (data: Buffer) => resolve(JSON.parse(data.toString()))) }), ended])
      return { answer, ended, socket }
    },
  }
}
