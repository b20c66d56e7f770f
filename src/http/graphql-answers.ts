import { type IncomingMessage, type ServerResponse } from 'node:http'
import { type Principal } from '../core/access.js'
import { CatalogError, invalid } from '../core/errors.js'
import { type CatalogContext, type CatalogServices } from '../catalog/context.js'
import { type Desk } from '../feed/desk.js'
import { type Hub } from '../feed/hub.js'
import { admit, type Admission, chargeBytes, chargeUnusual, readPaid } from './admission.js'
import { isReadableType } from './hosts.js'
import { answerPlainJson, isPlainJson, readBody } from './json-request.js'
import { maxBodyBytes, tooLarge } from './refusals.js'
import { type RequestTrace } from './trace.js'
import { createGraphQLServer, graphqlPath, type RequestContext } from './yoga.js'

export interface GraphQLAnswersOptions {
  services: CatalogServices
  hub: Hub
  desk: Desk
  admission: Admission
}

/** What is answered at the path of the API, over HTTP. */
export interface GraphQLAnswers {
  /** @throws CatalogError for what is refused before it is read, and RATE_LIMITED */
  answer: (request: IncomingMessage, response: ServerResponse, caller: CatalogContext, principal: Principal, trace: RequestTrace) => Promise<void>
}

export function createGraphQLAnswers({ services, hub, desk, admission }: GraphQLAnswersOptions): GraphQLAnswers {
  const yoga = createGraphQLServer(admission.documents)

  function contextOf(caller: CatalogContext, principal: Principal, trace: RequestTrace): RequestContext {
    let points = 0
    return {
      index: services.index, hub, desk, caller, trace,
      read: async (text) => {
        const paid = await readPaid(admission, principal, text)
        points += paid.points
        return paid.read
      },
      admit: (read, operation, variables) => admit(admission, principal, { read, points }, operation, variables),
    }
  }

  /** What was read already, and turned out to be no plain request. */
  async function answerRead(request: IncomingMessage, response: ServerResponse, body: string, context: RequestContext): Promise<void> {
    const headers = { 'content-type': 'application/json', accept: request.headers.accept ?? '*/*' }
    const answer = await yoga.fetch(`http://localhost${graphqlPath}`, { method: 'POST', headers, body }, context)
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.end(await answer.text())
  }

  function refuseUnread({ method, headers }: IncomingMessage): void {
    if (Number(headers['content-length'] ?? 0) > maxBodyBytes) {
      services.observer.refused('body')
      const { code, message, ...details } = tooLarge
      throw new CatalogError(code, message, details)
    }
    if (method === 'POST' && !isReadableType(headers['content-type'])) {
      services.observer.refused('media_type')
      throw invalid('content-type', 'The body has a media type that is not read here.', 'Send application/json.')
    }
  }

  return {
    answer: async (request, response, caller, principal, trace) => {
      refuseUnread(request)
      const context = contextOf(caller, principal, trace)
      // What does not say how long it is may be as long as anything.
      await chargeBytes(admission, principal, Number(request.headers['content-length'] ?? (request.method === 'POST' ? maxBodyBytes : 0)))
      const body = isPlainJson(request) ? await readBody(request) : null
      if (body !== null && await answerPlainJson(response, body, context)) return
      await chargeUnusual(admission, principal)
      if (body !== null) return answerRead(request, response, body, context)
      await yoga.handle(request, response, context)
      if (response.statusCode === 413) services.observer.refused('body')
    },
  }
}
