import ipaddr from 'ipaddr.js'
import { type McpServerDefinition } from '../mcp-server.js'
import { type Rule, type RuleFinding } from '../policy.js'
import { type FullPolicyDocument } from '../policy-document.js'

/** The WHATWG parser, present in Node and browsers; declared here because `core` is checked without either's types. */
declare const URL: {
  new (text: string): {
    protocol: string; hostname: string; host: string; username: string; password: string; hash: string; port: string; href: string
  }
}

/** Names that lead into somebody's own network (RFC 6761, 6762, 8375 and common practice). */
const privateSuffixes = ['localhost', 'local', 'internal', 'intranet', 'lan', 'corp', 'home', 'private', 'home.arpa', 'localdomain']
/** Names that the public DNS never has, and that something else on the machine may answer (RFC 2606, 6761, 7686, 9476; .svc is Kubernetes'). */
const unresolvedSuffixes = ['test', 'invalid', 'onion', 'alt', 'svc']

/** Clouds serve a machine's own credentials here; the other such addresses lie in private ranges. (Azure) */
const metadataAddresses = ['168.63.129.16']

/** The only part of IPv6 that is handed out; the rest holds ::127.0.0.1 and whatever comes next. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * The form of a URL and where it may lead (S9, first half): https unless listed, no userinfo, no fragment, the host written
 * the way it is understood (so no decimal, octal, hexadecimal, percent-encoded or dotted-away addresses), no literal private
 * address and no special name unless listed. Names are never resolved here: the worker's connector judges every address.
 */
export const url: Rule = (subject, policy) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const { transport } = subject.definition as McpServerDefinition
  if (transport.kind === 'STDIO') return []
  const field = `definition.transport.${transport.kind.toLowerCase()}.url`
  return judgeUrl(transport.url, policy).map(([message, mend]): RuleFinding => ({ rule: 'url', effect: 'DENY', field, message, mend }))
}

export type Objection = [message: string, mend: string]

export function judgeUrl(text: string, policy: FullPolicyDocument): Objection[] {
  // The parser drops tabs and newlines, trims spaces and reads \ as /: what it would change silently is refused.
  if (/[\s\\]/.test(text)) return [['The URL holds white space or a backslash.', 'Percent-encode it or take it out.']]
  let url
  try {
    url = new URL(text)
  } catch {
    return [['This is not an absolute URL.', 'Write it as https://host/path.']]
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return [[`${url.protocol} is not a protocol for MCP servers.`, 'Use https.']]
  }
  const objections: Objection[] = []
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1] ?? ''
  if (url.username !== '' || url.password !== '' || authority.includes('@')) {
    objections.push(['A URL must not carry a user name or password.', 'Put credentials into a header, as a reference.'])
  } else if (authority.replace(/:\d*$/, '').toLowerCase() !== plainHost(url.hostname)) {
    const plain = plainHost(url.hostname)
    objections.push([`The host is written in another form than it is understood (${plain}).`, `Write the host as ${plain}.`])
  }
  const [sent, written] = [afterAuthority(url.href), afterAuthority(text)]
  if (sent !== (written.startsWith('/') ? written : `/${written}`)) {
    objections.push(['The URL is sent in another form than it is written in.', `Write its path and query as ${sent}.`])
  }
  if (text.includes('#')) objections.push(['A fragment is never sent to a server.', 'Leave out # and what follows it.'])
  if (url.protocol === 'http:' && !isListed(url.hostname, policy.urls.insecureHttp)) {
    objections.push([
      `http to ${url.hostname} is not encrypted.`, 'Use https, or ask an admin to list the host in urls.insecureHttp.',
    ])
  }
  const special = privateReason(url.hostname)
  if (special !== null && !isListedNetwork(url.hostname, policy.urls.privateNetworks)) {
    objections.push([
      `${url.hostname} is ${special}.`, 'Use a public host, or ask an admin to list the network in urls.privateNetworks.',
    ])
  }
  return objections
}

/** Path and query. */
function afterAuthority(text: string): string {
  return text.replace(/^[^/]*\/\/[^/?#]*/, '').replace(/#.*$/, '')
}

export function addressOf(hostname: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  // Every form of an address begins with a digit or has a colon; asking ipaddr of each name is dear.
  return /^\d|:/.test(bare) && ipaddr.isValid(bare) ? ipaddr.process(bare) : null
}

/** An IPv4 address inside an IPv6 one is understood as the IPv4 address. */
function plainHost(hostname: string): string {
  const address = addressOf(hostname)
  return address?.kind() === 'ipv4' ? address.toString() : hostname
}

/** Why the host is not public, or null. */
export function privateReason(hostname: string): string | null {
  const address = addressOf(hostname)
  if (address !== null) {
    const range = address.range()
    if (metadataAddresses.includes(address.toString())) return 'not a public address (metadata)'
    const isGlobal = range === 'unicast' && (address.kind() === 'ipv4' || address.match(globalUnicast))
    return isGlobal ? null : `not a public address (${range === 'unicast' ? 'unassigned' : range})`
  }
  if (hostname.endsWith('.')) return 'a name with a trailing dot'
  const isSpecial = privateSuffixes.some((suffix) => hostname === suffix || hostname.endsWith(`.${suffix}`))
  if (isSpecial) return 'a name of a private network'
  if (unresolvedSuffixes.some((suffix) => hostname === suffix || hostname.endsWith(`.${suffix}`))) return 'a name that public name servers do not have'
  return hostname.includes('.') ? null : 'a name without a domain'
}

const hostPattern = /^(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i

/** What `urls.insecureHttp` takes: a host name, an address, or `*.domain`; no scheme, port or path. */
export function isHostItem(item: string): boolean {
  return ipaddr.isValid(item.replace(/^\[|\]$/g, '')) || (hostPattern.test(item) && !ipaddr.isValidCIDR(item))
}

/** What `urls.privateNetworks` takes besides: a network in CIDR form. */
export function isNetworkItem(item: string): boolean {
  return isHostItem(item) || ipaddr.isValidCIDR(item)
}

/** A host, or `*.domain` for every host below it. */
export function isListed(hostname: string, list: string[]): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '')
  return list.some((item) => {
    const listed = item.toLowerCase().replace(/^\[|\]$/g, '')
    return listed === bare || (listed.startsWith('*.') && bare.endsWith(listed.slice(1)))
  })
}

/** An address in a listed CIDR, or a listed name. `localhost` stands for both loopback addresses. */
export function isListedNetwork(hostname: string, list: string[]): boolean {
  if (isListed(hostname, list)) return true
  if (hostname === 'localhost') return ['127.0.0.1', '::1'].some((address) => isListedNetwork(address, list))
  const address = addressOf(hostname)
  if (address === null) return false
  return list.some((item) => {
    if (!ipaddr.isValidCIDR(item)) return false
    const [network, bits] = ipaddr.parseCIDR(item)
    return network.kind() === address.kind() && address.match(network, bits)
  })
}
