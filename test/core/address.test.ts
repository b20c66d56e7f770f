import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it } from 'vitest'
import { addressObjection, isSameAddress } from '../../src/core/address.js'

const judge = (address: string, listed: string[] = [], hostname = 'mcp.example.com') => addressObjection(hostname, address, listed)?.[0] ?? null

describe('S9: addresses that a name may lead to', () => {
  it.each([
    '8.8.8.8', '11.0.0.1', '172.32.0.1', '192.169.0.1', '100.128.0.1', '223.255.255.255', '2606:4700:4700::1111', '2a00:1450:4001::1', '3fff:1000::1',
    '::ffff:8.8.8.8', '::ffff:808:808',
  ])('%s', (address) => { expect(judge(address)).toBeNull() })

  it.each<[string, string[]]>([
    ['10.2.3.4', ['10.2.0.0/16']], ['10.2.3.4', ['10.2.3.4']], ['::ffff:10.2.3.4', ['10.2.0.0/16']], ['::ffff:10.2.3.4', ['10.2.3.4']], ['127.0.0.1', ['127.0.0.0/8']],
    ['::1', ['::1']], ['fd00::1', ['fd00::/8']], ['169.254.169.254', ['169.254.0.0/16']],
    // A listed name leads into somebody's own network.
    ['10.2.3.4', ['mcp.example.com']], ['10.2.3.4', ['*.example.com']], ['127.0.0.1', ['MCP.example.com']], ['fd00::1', ['*.example.com']], ['100.64.0.1', ['mcp.example.com']],
  ])('%s when the policy lists %j', (address, listed) => { expect(judge(address, listed)).toBeNull() })

  it('both loopback addresses of localhost when one is listed', () => {
    expect([judge('127.0.0.1', ['127.0.0.0/8'], 'localhost'), judge('::1', ['127.0.0.0/8'], 'localhost'), judge('::1', ['127.0.0.0/8'])?.slice(0, 15)]).toEqual([null, null, 'mcp.example.com'])
  })
})

describe('S9: addresses that are refused', () => {
  it.each<[string, string[]?]>([
    // this host and loopback
    ['0.0.0.0'], ['0.1.2.3'], ['127.0.0.1'], ['127.255.255.254'], ['::'], ['::1'],
    // networks of one's own
    ['10.0.0.1'], ['172.16.0.1'], ['172.31.255.255'], ['192.168.1.1'], ['100.64.0.1'], ['fc00::1'], ['fd12:3456::1'], ['fec0::1'],
    // link-local, and what clouds serve there and elsewhere
    ['169.254.0.1'], ['169.254.169.254'], ['169.254.170.2'], ['fe80::1'], ['fe80::1%eth0'], ['fd00:ec2::254'], ['100.100.100.200'], ['168.63.129.16'], ['192.0.0.192'],
    // IPv4 inside IPv6
    ['::ffff:127.0.0.1'], ['::ffff:7f00:1'], ['::ffff:10.0.0.1'], ['::ffff:169.254.169.254'], ['::127.0.0.1'], ['::8.8.8.8'], ['0:0:0:0:0:ffff:a00:1'],
    ['64:ff9b::7f00:1'], ['64:ff9b::10.0.0.1'], ['64:ff9b::8.8.8.8'], ['64:ff9b:1::1'], ['2002:7f00:1::1'], ['2002:a00:1::'], ['2001::1'],
    // nobody's
    ['192.0.2.1'], ['198.51.100.1'], ['203.0.113.1'], ['198.18.0.1'], ['224.0.0.1'], ['239.255.255.255'], ['240.0.0.1'], ['255.255.255.255'], ['ff02::1'],
    ['2001:db8::1'], ['100::1'], ['4000::1'], ['::2'],
    // no addresses at all
    [''], ['example.com'], ['10.0.0'], ['10.0.0.1.2'], ['10.0.0.1:80'], ['[::1]'], ['8.8.8.8 '], ['8.8.8.8\n'],
    // listed is another network
    ['10.3.0.1', ['10.2.0.0/16']], ['10.2.3.4', ['10.2.3.5']], ['::1', ['127.0.0.0/8']], ['10.2.3.4', ['other.example.com', 'example.com', '*.com.example']],
    // what no name is ever meant to lead to
    ['169.254.169.254', ['mcp.example.com']], ['168.63.129.16', ['*.example.com']], ['0.0.0.0', ['mcp.example.com']], ['::', ['mcp.example.com']], ['64:ff9b::10.0.0.1', ['*.example.com']],
    ['224.0.0.1', ['mcp.example.com']], ['fe80::1', ['mcp.example.com']],
  ])('%s%j', (address, listed = []) => { expect(judge(address, listed)).toMatch(/^mcp\.example\.com leads to /) })

  it('with the host, the address, its range and the mend', () => {
    expect(addressObjection('mcp.example.com', '10.0.0.1', [])).toEqual([
      'mcp.example.com leads to 10.0.0.1, which is not a public address (private).',
      'Use a host with public addresses only, or ask an admin to list the network in urls.privateNetworks.',
    ])
  })

  it('in whatever form they are written', () => {
    fc.assert(fc.property(fc.ipV4().filter((address) => ipaddr.parse(address).range() !== 'unicast'), (address) => {
      const mapped = ipaddr.IPv4.parse(address).toIPv4MappedAddress()
      return [address, mapped.toString(), mapped.toNormalizedString(), `::ffff:${address}`].every((form) => judge(form) !== null)
    }))
  })
})

describe('one address', () => {
  it.each<[string, string | undefined, boolean]>([
    ['127.0.0.1', '::ffff:127.0.0.1', true], ['::1', '0:0:0:0:0:0:0:1', true], ['8.8.8.8', '8.8.4.4', false], ['', '', false], ['8.8.8.8', undefined, false], ['x', 'x', false],
  ])('%s and %s: %s', (one, other, expected) => { expect(isSameAddress(one, other)).toBe(expected) })
})
