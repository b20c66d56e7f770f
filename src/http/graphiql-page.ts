import { type IncomingMessage, type ServerResponse } from 'node:http'
import { answerStatic, makeStatic, type StaticBody } from './static-body.js'

/** Its scripts stand in it, so it says nothing of those; it shares its origin with the console, so nobody frames it, and no form in it goes elsewhere. */
const headers = {
  'cache-control': 'no-cache', 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin', 'content-security-policy': "frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'self'",
}

/** Answers with the page of GraphiQL, which is the same for everybody and carries no data. */
export type AnswerPage = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/**
 * The page has 9 MB, of one package: nothing is loaded from elsewhere. It is made when it is first asked for, once, and all answers share its bytes: a
 * caller who does not read holds a connection, and no copy.
 */
export function createGraphiqlPage(render: () => Promise<string>): AnswerPage {
  let made: Promise<StaticBody> | null = null
  return async (request, response) => {
    made ??= render().then((html) => makeStatic(Buffer.from(html)))
    made.catch(() => { made = null })
    answerStatic(request, response, await made, headers)
  }
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
