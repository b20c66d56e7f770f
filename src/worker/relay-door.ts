import { createHash, timingSafeEqual } from 'node:crypto'

/** What of a request decides whether it is let in. */
export interface RequestHead {
  /** The request target as it was sent. */
  target: string
  /** Names and values in turn, as they were sent: what Node folds together can hide a second Host. */
  rawHeaders: readonly string[]
}

/**
 * Whether a request is meant for this listener (S8). A page that had its name pointed at loopback sends that name as Host,
 * and every page sends an Origin; MCP clients send our address, and no Origin at all.
 */
export function isOwnRequest({ target, rawHeaders }: RequestHead, port: number): boolean {
  const valuesOf = (name: string) => rawHeaders.filter((_, place) => place % 2 === 1 && rawHeaders[place - 1]!.toLowerCase() === name)
  const hosts = valuesOf('host')
  const origins = valuesOf('origin')
  const own = `127.0.0.1:${port}`
  // A target with a host of its own would count before the header.
  return target.startsWith('/') && !target.startsWith('//') && hosts.length === 1 && hosts[0] === own
    && (origins.length === 0 || (origins.length === 1 && origins[0] === `http://${own}`))
}

/** `/<secret>` or `/<secret>/<segment>`; null for any other path, also one with a query. */
export function partsOf(target: string): { secret: string; segment: string | null } | null {
  const match = /^\/([A-Za-z0-9_-]{1,100})(?:\/([^/?#]*))?$/.exec(target)
  return match === null ? null : { secret: match[1]!, segment: match[2] ?? null }
}

/** A server's part of the path. Clients and proxies take dots for steps, and a name may have anything in it. */
export function segmentOf(serverName: string): string {
  const segment = encodeURIComponent(serverName.toWellFormed()).replace(/^~/, '%7E')
  return /^\.\.?$/.test(segment) ? `~${segment}` : segment
}

export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** The one whose secret it is; every one is compared, in the same time whether it is near or not. */
export function findBySecret<Holder extends { digest: Buffer }>(holders: Iterable<Holder>, secret: string): Holder | null {
  const presented = digestOf(secret)
  let found: Holder | null = null
  for (const holder of holders) if (timingSafeEqual(holder.digest, presented)) found = holder
  return found
}
