import { type IncomingMessage, type ServerResponse } from 'node:http'

export type HealthStatus = 'ok' | 'starting' | 'draining' | 'behind'

export interface Condition {
  isListening: boolean
  isDraining: boolean
  /** Whether the change log was read to its end recently. */
  isFresh: boolean
}

/** Whether a balancer should send anybody here, and if not, why. */
export function readinessOf({ isListening, isDraining, isFresh }: Condition): HealthStatus {
  if (isDraining) return 'draining'
  if (!isListening) return 'starting'
  return isFresh ? 'ok' : 'behind'
}

/** `/health` answers as `/health/live` does: the process runs. A node without its database lives, and is not ready. */
const paths: Partial<Record<string, 'LIVE' | 'READY'>> = { '/health': 'LIVE', '/health/live': 'LIVE', '/health/ready': 'READY' }

export function isHealthRequest({ method }: IncomingMessage, path: string): boolean {
  return path in paths && (method === 'GET' || method === 'HEAD')
}

/** One word and no data, so nobody needs a token for it (S7). */
export function answerHealth(response: ServerResponse, path: string, condition: Condition): void {
  const status = paths[path] === 'READY' ? readinessOf(condition) : 'ok'
  response.writeHead(status === 'ok' ? 200 : 503, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  response.end(JSON.stringify({ status }))
}
