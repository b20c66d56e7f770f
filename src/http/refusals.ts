import { GraphQLError } from 'graphql'
import { type Plugin } from 'graphql-yoga'
import { type ErrorCode } from '../core/errors.js'

interface Refusal {
  code: ErrorCode
  message: string
  field: string
  mend: string
  limit?: string
  most?: number
}

/** Bytes of one request. A worker with all the sessions that it may have needs as much to report them. */
export const maxBodyBytes = 4_194_304

export const tooLarge = {
  code: 'LIMIT_EXCEEDED', message: `A request has at most ${maxBodyBytes} bytes.`, field: 'body', mend: 'Send it in parts.', limit: 'bytes', most: maxBodyBytes,
} as const satisfies Refusal

const parameters = 'Send a JSON object with query and, if needed, variables, operationName and extensions.'

/**
 * What Yoga refuses before GraphQL begins (a body that is no JSON, a method, a size), with a code of the closed list. Such a
 * request is no GraphQL request, so its status holds whatever the client accepts: `spec`, which would turn it into a 200 for
 * `application/json`, is left out.
 * @returns null for every other error
 */
export function requestRefusal(error: unknown): GraphQLError | null {
  if (!(error instanceof GraphQLError)) return null
  const { status, headers } = error.extensions.http ?? {}
  const refusal = status === undefined ? null : refusalOf(error, status)
  if (refusal === null) return null
  const { message, ...extensions } = refusal
  return new GraphQLError(message, { extensions: { ...extensions, http: { status, headers } } })
}

function refusalOf({ message, extensions }: GraphQLError, status: number): Refusal | null {
  if (extensions.code === 'REQUEST_ENTITY_TOO_LARGE') return tooLarge
  if (extensions.code === 'OPERATION_RESOLUTION_FAILURE') {
    return { code: 'INVALID_INPUT', message: 'The document has no such operation.', field: 'operationName', mend: 'Name one of its operations.' }
  }
  if (extensions.code !== 'BAD_REQUEST') return null
  if (status === 405) return { code: 'INVALID_INPUT', message, field: 'method', mend: 'Send a POST request; queries may come with GET too.' }
  return { code: 'INVALID_INPUT', message, field: parameterOf(message), mend: parameters }
}

/** Yoga names the parameter in its message alone. */
function parameterOf(message: string): string {
  if (message === 'Must provide query string.') return 'query'
  return /"(\w{1,40})" param to be|^Unexpected parameter "(\w{1,40})"/.exec(message)?.slice(1).find(Boolean) ?? 'body'
}

/** Refusals that Yoga answers with a bare status, because the client's own header was wrong. */
const ofHeaders: Partial<Record<number, Refusal>> = {
  406: {
    code: 'INVALID_INPUT', message: 'The answer has none of the media types that the request accepts.', field: 'accept',
    mend: 'Accept application/graphql-response+json or application/json.',
  },
  415: { code: 'INVALID_INPUT', message: 'The body has a media type that is not read here.', field: 'content-type', mend: 'Send application/json.' },
}

const webSocketOnly: Refusal = {
  code: 'INVALID_INPUT', message: 'Subscriptions are served over WebSocket.', field: 'query',
  mend: 'Connect with graphql-transport-ws at the same path, or run `pilothouse watch`.',
}

/** The plugin for Yoga that lets no refusal leave without a code, a field and a mend. */
export function codedRefusals(): Plugin {
  return {
    // Parameters of a query string are parsed without a guard, and a mistake of the client would be reported as one of ours.
    onRequestParse: ({ requestParser, setRequestParser }) => {
      if (requestParser === undefined) return
      setRequestParser(async (request) => {
        try {
          return await requestParser(request)
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error
          throw new GraphQLError('The variables or extensions are no JSON.', { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } })
        }
      })
    },
    // Here rather than in the stream: as a plain result it suits every media type, so that no client is told 406 instead.
    onSubscribe: (execution) => {
      const { message, ...extensions } = webSocketOnly
      execution.setResultAndStopExecution({ errors: [new GraphQLError(message, { extensions: { ...extensions, http: { status: 400, spec: true } } })] })
    },
    onResponse: (event) => {
      const { response, fetchAPI } = event
      // The rest of a body that was too large stays on its connection, and the next request would wait behind it.
      if (response.status === 413) response.headers.set('connection', 'close')
      const refusal = ofHeaders[response.status]
      if (refusal === undefined || response.body !== null) return
      const { message, ...extensions } = refusal
      event.setResponse(new fetchAPI.Response(JSON.stringify({ errors: [{ message, extensions }] }), {
        status: response.status, headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
      }))
    },
  }
}
