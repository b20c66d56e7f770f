import { addressOf, isListedNetwork, type Objection, privateReason } from './rules/url.js'

/** Somebody's own network. All other ranges that are not public (link-local with its metadata, unspecified, translated …) are never meant by a name. */
const ownNetworks = ['private', 'uniqueLocal', 'loopback', 'carrierGradeNat']

/**
 * The second half of S9: whether a connection to `hostname` may go to `address`. Public addresses always; others when they, or a
 * network around them, are listed. A listed name leads into networks of somebody's own, and no further.
 * @param hostname as the URL has it; of a literal address the address itself
 * @param address as a resolver gives it; what is no address is refused
 * @param privateNetworks `urls.privateNetworks` of the policy
 */
export function addressObjection(hostname: string, address: string, privateNetworks: string[]): Objection | null {
  // ::8.8.8.8 is deprecated, leads nowhere, and is read as 8.8.8.8 by the parser (RFC 4291 section 2.5.5.1).
  const parsed = /^::\d+\.\d/.test(address) ? null : addressOf(address)
  if (parsed === null) return [`${hostname} leads to something that is no address.`, 'Ask whoever runs the name server of that host.']
  const plain = parsed.toString()
  const reason = privateReason(plain)
  if (reason === null || isListedNetwork(plain, privateNetworks)) return null
  if (ownNetworks.includes(parsed.range()) && isListedNetwork(hostname, privateNetworks)) return null
  return [
    `${hostname} leads to ${plain}, which is ${reason}.`,
    'Use a host with public addresses only, or ask an admin to list the network in urls.privateNetworks.',
  ]
}

/** Whether two texts are one address, in whatever form they are written. */
export function isSameAddress(one: string, other: string | undefined): boolean {
  const [a, b] = [addressOf(one), addressOf(other ?? '')]
  return a !== null && a.toString() === b?.toString()
}
