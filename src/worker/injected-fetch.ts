import { type FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js'
import { type NameValue } from '../core/mcp-server.js'

/**
 * Sets headers on each request as they are at that moment, so that another value needs no other connection. They go to the origin of `url` and nowhere
 * else: whatever leads away from it, be it the step from http to https, goes without them.
 */
export function createInjectedFetch(fetch: FetchLike, url: string, injected: () => NameValue[]): FetchLike {
  const { origin } = new URL(url)
  return async (target, init) => {
    if (new URL(target).origin !== origin) return fetch(target, init)
    const headers = new Headers(init?.headers)
    for (const { name, value } of injected()) headers.set(name, value)
    return fetch(target, { ...init, headers })
  }
}
