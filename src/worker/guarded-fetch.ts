import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { type FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js'
import { Agent, buildConnector, fetch as fetchOver, type RequestInit as FetchInit } from 'undici'
import { addressObjection, isSameAddress } from '../core/address.js'
import { type FullPolicyDocument } from '../core/policy-document.js'
import { judgeUrl, type Objection } from '../core/rules/url.js'
import { boundedResponse } from './bounded-response.js'
import { RefusedError } from './errors.js'

/** Every address of a name, in the order in which they are to be tried. */
export type Lookup = (hostname: string) => Promise<string[]>

export interface GuardedFetchOptions {
  /** The server's own address; nothing but its origin is ever spoken to. */
  url: string
  /**
   * The policies of the moment, asked at each request and each connection; each has to allow it.
   * @throws Error when there is none
   */
  policies: () => readonly FullPolicyDocument[]
  /** Default: the system's resolver. */
  lookup?: Lookup
  /** What else connections are made with, e.g. `ca`. Default: nothing. */
  connection?: buildConnector.BuildOptions
}

export interface GuardedFetch {
  /**
   * For the SDK's transports. Never follows a redirect by itself: the SDK does, within the origin, and each hop comes by here again.
   * @throws RefusedError for another origin, a URL or an address that the policy does not allow; nothing is sent then
   */
  fetch: FetchLike
  /** Ends its connections, requests in flight included. */
  close: () => Promise<void>
}

const lookupAll: Lookup = async (hostname) => (await systemLookup(hostname, { all: true, verbatim: true })).map(({ address }) => address)

/**
 * `fetch` for one MCP server of the catalog (S9): every address that its name leads to is judged, and the connection goes to those that
 * were judged and is not resolved again. TLS and `Host` keep the name. Proxies of the environment are not used: they would
 * connect in our place, unjudged.
 */
export function createGuardedFetch({ url, policies, lookup = lookupAll, connection = {} }: GuardedFetchOptions): GuardedFetch {
  const own = new URL(url)
  /** Where its connections stand. */
  const reached = new Set<string>()
  const connect: buildConnector.connector = (options, callback) => {
    const name = bare(options.hostname)
    void judged(name, policies, lookup).then((addresses) => {
      buildConnector({ ...connection, lookup: pinnedTo(addresses) })(options, (...[error, socket]) => {
        if (error !== null) return callback(error, null)
        // Whatever led here: the address at the other end is the one that counts.
        const refused = addresses.some((address) => isSameAddress(address, socket.remoteAddress)) ? null : new RefusedError(`${name} was reached at an address that nobody judged.`)
        if (refused === null) {
          reached.add(socket.remoteAddress!)
          return callback(null, socket)
        }
        socket.destroy()
        callback(refused, null)
      })
    }).catch((error: unknown) => callback(error as Error, null))
  }
  let agent = new Agent({ connect })
  /** Connections are kept, and where they lead may have been taken off the list since (S19): then all of them end, and the next one is judged anew. */
  const reviewed = (): Agent => {
    const host = bare(own.hostname)
    const allowed = policies()
    if ([...reached].every((address) => objectionTo(host, address, allowed) === null)) return agent
    reached.clear()
    void agent.destroy()
    return agent = new Agent({ connect })
  }
  return {
    fetch: async (target, init) => {
      const to = new URL(target)
      if (!isWithin(own, to)) throw new RefusedError(`${own.host} leads to another place (${to.protocol}//${to.host}), which is never followed.`)
      const [objection] = policies().flatMap((policy) => judgeUrl(to.href, policy))
      if (objection !== undefined) throw refusal(objection)
      try {
        return boundedResponse(await fetchOver(to, { ...init, redirect: 'manual', dispatcher: reviewed() } as FetchInit) as unknown as Response)
      } catch (error) {
        // undici says "fetch failed" of everything; what we refused speaks for itself.
        throw error instanceof Error && error.cause instanceof RefusedError ? error.cause : error
      }
    },
    close: () => agent.destroy(),
  }
}

/** The same scheme, host and port, or https in place of http with both on their usual ports: as the SDK follows redirects. */
function isWithin(own: URL, to: URL): boolean {
  const isUpgrade = own.protocol === 'http:' && to.protocol === 'https:' && own.port === '' && to.port === ''
  return own.hostname === to.hostname && ((own.protocol === to.protocol && own.port === to.port) || isUpgrade)
}

/** Every address, or nothing: a name that leads to one that is refused may lead there on the next try. */
async function judged(name: string, policies: GuardedFetchOptions['policies'], lookup: Lookup): Promise<string[]> {
  // Literal addresses are never looked up, and judged all the same.
  const addresses = isIP(name) === 0 ? await lookup(name) : [name]
  if (addresses.length === 0) throw new RefusedError(`${name} leads to no address.`)
  const allowed = policies()
  for (const address of addresses) {
    const objection = objectionTo(name, address, allowed)
    if (objection !== null) throw refusal(objection)
  }
  return addresses
}

function objectionTo(name: string, address: string, policies: readonly FullPolicyDocument[]): Objection | null {
  return policies.map(({ urls }) => addressObjection(name, address, urls.privateNetworks)).find((objection) => objection !== null) ?? null
}

/** In the form that `net.connect` asks, which wants all of them or the first. */
function pinnedTo(addresses: string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_, options, callback) => {
    if (options.all) callback(null, all)
    else callback(null, all[0]!.address, all[0]!.family)
  }
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

function refusal([message, mend]: Objection): RefusedError {
  return new RefusedError(`${message} ${mend}`)
}
