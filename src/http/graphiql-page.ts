import { createHash } from 'node:crypto'
import { type IncomingMessage, type ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** The page as it is sent to everybody. */
interface Page {
  identity: Buffer
  compressed: Buffer
  etag: string
}

/** Answers with the page of GraphiQL, which is the same for everybody and carries no data. */
export type AnswerPage = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/**
 * The page has 9 MB, of one package: nothing is loaded from elsewhere. It is made when it is first asked for, once, and all answers share its bytes: a
 * caller who does not read holds a connection, and no copy.
 */
export function createGraphiqlPage(render: () => Promise<string>): AnswerPage {
  let made: Promise<Page> | null = null
  return async (request, response) => {
    made ??= makePage(render)
    made.catch(() => { made = null })
    const { identity, compressed, etag } = await made
    const head = { etag, 'cache-control': 'no-cache', vary: 'accept-encoding' }
    if ((request.headers['if-none-match'] ?? '').includes(etag)) return void response.writeHead(304, head).end()
    const isCompressed = takesGzip(request.headers['accept-encoding'])
    const body = isCompressed ? compressed : identity
    response.writeHead(200, { ...head, ...(isCompressed && { 'content-encoding': 'gzip' }), 'content-type': 'text/html; charset=utf-8', 'content-length': body.length })
    response.end(body)
  }
}

async function makePage(render: () => Promise<string>): Promise<Page> {
  const identity = Buffer.from(await render())
  // Weak: both encodings have it.
  return { identity, compressed: await promisify(gzip)(identity), etag: `W/"${createHash('sha256').update(identity).digest('base64url')}"` }
}

/** `gzip;q=0` says no, whatever a `*` beside it says. */
function takesGzip(accepted: string | string[] | undefined): boolean {
  const parts = String(accepted ?? '').split(',').map((part) => part.toLowerCase().replace(/\s/g, ''))
  const said = parts.find((part) => /^gzip(;|$)/.test(part)) ?? parts.find((part) => /^\*(;|$)/.test(part))
  return said !== undefined && !/;q=0(\.0*)?$/.test(said)
}

/** GraphiQL as a person finds it at the path of the API. Over WebSocket it would not send the token: its Headers tab reaches HTTP only. */
export async function renderGraphiql(): Promise<string> {
  // Large, so it is read when it is asked for.
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  return renderGraphiQL({ title: 'Pilothouse', subscriptionsProtocol: 'SSE', defaultQuery: hint })
}

const hint = `# Put your token into the Headers tab below:  {"authorization": "Bearer pht_…"}
{
  viewer { principal { kind displayName } owners { kind id displayName } }
}
`
