import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse } from 'node:http'
import { type DocumentNode, getOperationAST } from 'graphql'
import { type Logger } from 'pino'
import { type Principal } from '../core/access.js'
import { maskTokens } from '../core/redact.js'
import { tokenIn } from '../core/secret-forms.js'
import { type AccessEvent, actorOf } from '../catalog/context.js'
import { type Observer } from '../catalog/observer.js'
import { type ReportMasked } from '../graphql/errors.js'
import { pathOf } from './yoga.js'

/** What is known of one request, for its line in the log. It leaves as one line when the request ends. */
export interface RequestTrace {
  /** Masked errors of this request, with its id and its principal. */
  report: ReportMasked
  admitted: (principal: Principal) => void
  operation: (document: DocumentNode, name: string | null | undefined) => void
  /** The code of an error that is answered. */
  refused: (code: unknown) => void
}

/** What the log tells of a socket. There are many, so nothing more is kept of each. */
export interface TracedSocket {
  id: string
  /** Milliseconds of the monotonic clock. */
  openedAt: number
  /** Operations so far. */
  asked: number
  authenticated: { principal: Principal } | null
}

export interface Tracer {
  /** @param isQuiet for what comes every few seconds and says nothing: logged at debug, and not counted */
  request: (request: IncomingMessage, response: ServerResponse, isQuiet: boolean) => RequestTrace
  socketOpened: (socket: TracedSocket) => void
  socketClosed: (socket: TracedSocket, code: number) => void
  /** Masked errors of a socket, with its id and its principal. */
  reportOf: (socket: TracedSocket) => ReportMasked
  /** Masked errors of what is done for many at once, such as rendering an event. */
  report: ReportMasked
  /** What went wrong and concerns no caller. */
  fault: (error: unknown, message: string) => void
}

/** A name from outside that may stand in a log. What begins like an access token is none, and no other known token is, wherever somebody put it. */
const isPlainName = (text: string) => /^(?!ph[ctw]_)[A-Za-z0-9._-]{1,64}$/.test(text) && tokenIn(text) === null

export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && isPlainName(given) ? given : randomUUID()
}

/** A path that we do not know is anybody's text. */
function loggablePath(request: IncomingMessage): string {
  return maskTokens(pathOf(request)).slice(0, 100).replaceAll(/ph[ctw]_[\w-]+/g, 'ph…')
}

/**
 * Ids, lines and counts for everything that comes in. A line is made of known fields only: no header besides the request id,
 * no query, no variable and no answer can get into it (S14).
 */
export function createTracer(log: Logger, observer: Observer): Tracer {
  return {
    report: (error) => reported(log, { requestId: randomUUID() }, error),
    fault: (error, message) => log.error({ err: error }, message),
    request: (request, response, isQuiet) => traceRequest(log, observer, request, response, isQuiet),
    socketOpened: ({ id, authenticated }) => log.info({ socketId: id, principal: refOf(authenticated) }, 'socket opened'),
    socketClosed: ({ id, openedAt, asked, authenticated }, code) => {
      log.info({ socketId: id, principal: refOf(authenticated), code, ms: rounded(performance.now() - openedAt), operations: asked }, 'socket closed')
      observer.socketClosed(code)
    },
    reportOf: ({ id, authenticated }) => (error) => reported(log, { requestId: id, socketId: id, principal: refOf(authenticated) }, error),
  }
}

function traceRequest(log: Logger, observer: Observer, request: IncomingMessage, response: ServerResponse, isQuiet: boolean): RequestTrace {
  const requestId = requestIdOf(request)
  const began = performance.now()
  let principal: ReturnType<typeof actorOf> | null = null
  let operation: { kind: string; name: string | null } | null = null
  const codes = new Set<string>()
  response.setHeader('x-request-id', requestId)
  response.once('close', () => {
    const ms = performance.now() - began
    const status = response.writableFinished ? response.statusCode : null
    if (!isQuiet) observer.requested(status, ms / 1_000)
    const level = isQuiet ? 'debug' : 'info'
    if (!log.isLevelEnabled(level)) return
    const line = { requestId, method: request.method, path: loggablePath(request), status, ms: rounded(ms), principal, operation, codes: [...codes] }
    log[level](line, 'request')
  })
  return {
    report: (error) => reported(log, { requestId, principal }, error),
    admitted: (who) => { principal = actorOf(who) },
    operation: (document, name) => {
      const found = getOperationAST(document, name)
      const known = found?.name?.value
      if (found) operation = { kind: found.operation, name: known !== undefined && isPlainName(known) ? known : null }
    },
    refused: (code) => { codes.add(String(code)) },
  }
}

/** What was asked for may be any text. The access chain keeps it; the log takes what is an id of ours. */
const ownId = /^([A-Z]+:)?((srv|agt|usr|team|tok)_[0-9a-f]{24}|deployment)$/

/** Denials and break-glass, once the access chain has them. */
export function traceAccess(log: Logger, observer: Observer): (event: AccessEvent) => void {
  return (event) => {
    const { actor, action, outcome, target } = event
    log.info({ actor, action, outcome, target: ownId.test(target) ? target : null }, 'access')
    observer.access(event)
  }
}

function reported(log: Logger, where: { requestId: string; [more: string]: unknown }, error: unknown): { requestId: string } {
  log.error({ ...where, err: error }, 'masked error')
  return { requestId: where.requestId }
}

const refOf = (authenticated: { principal: Principal } | null) => (authenticated === null ? null : actorOf(authenticated.principal))

const rounded = (ms: number) => Math.round(ms * 10) / 10
