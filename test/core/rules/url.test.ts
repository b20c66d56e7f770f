import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { completePolicy, type PolicyDocument } from '../../../src/core/policy-document.js'
import { url } from '../../../src/core/rules/url.js'

/** Built by hand, so that what the parser refuses already is judged here too. */
const judge = (text: string, urls: PolicyDocument['urls'] = {}, kind: 'HTTP' | 'SSE' = 'HTTP') => url({
  kind: 'MCP_SERVER', name: 'x',
  definition: {
    description: '', transport: { kind, url: text, headers: [] }, tools: { include: ['*'], exclude: [] }, timeoutMs: null, default: false,
  },
}, completePolicy({ urls }))
const messages = (text: string, urls: PolicyDocument['urls'] = {}) => judge(text, urls).map(({ message }) => message)

describe('S9: forms that are taken', () => {
  it.each([
    'https://example.com', 'https://example.com/', 'https://example.com/mcp', 'https://example.com:8443/mcp', 'https://example.com:443/',
    'https://example.com:/', 'https://a.b.c.example.co.uk/x?y=z', 'https://sub_domain.example.com/', 'https://xn--exmple-cua.com/',
    'https://8.8.8.8/', 'https://8.8.8.8:9443/', 'https://11.0.0.1/', 'https://172.32.0.1/', 'https://172.15.255.255/', 'https://192.169.0.1/',
    'https://100.63.0.1/', 'https://100.128.0.1/', 'https://169.253.0.1/', 'https://223.255.255.255/',
    'https://[2606:4700:4700::1111]/', 'https://[2606:4700:4700::1111]:8443/', 'https://[2a00:1450:4001::1]/',
    'https://example.com/@scope/pkg', 'https://example.com/?next=https://x@y', 'https://example.com/a%20b%40c', 'https://example.com//x',
    // Names that only begin like special ones.
    'https://localhost.example.com/', 'https://internal.example.com/', 'https://local.dev/', 'https://127.0.0.1.example.com/', 'https://10.example.com/',
    'https://mylocalhost.com/', 'https://notlocal.com/', 'https://home.arpa.example.com/',
    // The case of scheme, host and hexadecimal digits is a plain form.
    'HTTPS://example.com/', 'https://Example.COM/', 'https://EXAMPLE.com:443/Mcp', 'https://[2A00:1450:4001::1]/',
  ])('%s', (text) => { expect(messages(text)).toEqual([]) })
})

const form = /another form/
const address = /not a public address/
const special = /private network/

describe('S9: forms that are refused', () => {
  it.each<[string, RegExp]>([
    // user names and passwords
    ['https://user@example.com/', /user name/], ['https://user:pw@example.com/', /user name/], ['https://:pw@example.com/', /user name/],
    ['https://@example.com/', /user name/], ['https://:@example.com/', /user name/], ['https://example.com@evil.org/', /user name/],
    ['https://example.com%40evil.org@127.0.0.1/', /user name/], ['https:/user@example.com/', /user name/],
    // fragments
    ['https://example.com/#', /fragment/], ['https://example.com/#x', /fragment/], ['https://example.com#@evil.org/', /fragment/],
    // white space, backslashes, controls
    [' https://example.com/', /white space/], ['https://example.com/ ', /white space/], ['https://exa\tmple.com/', /white space/],
    ['https://exa\nmple.com/', /white space/], ['https://example.com/a\r\nHost: evil', /white space/], ['https:\\\\example.com\\', /white space/],
    ['https://example.com\\@evil.org/', /white space/], ['https://example.com/a b', /white space/], ['https://example.com/\u00a0', /white space/],
    ['https://example.com/\u2028', /white space/], ['\ufeffhttps://example.com/', /white space/], ['\u0000https://example.com/', form],
    // other protocols, other shapes
    ['ftp://example.com/', /ftp: is not a protocol/], ['file:///etc/passwd', /file:/], ['javascript:alert(1)', /javascript:/],
    ['data:text/plain,x', /data:/], ['ws://example.com/', /ws:/], ['wss://example.com/', /wss:/], ['unix:/run/x.sock', /unix:/],
    ['blob:https://example.com/x', /blob:/], ['gopher://example.com/', /gopher:/], ['view-source:https://example.com', /view-source:/],
    ['', /absolute/], ['example.com', /absolute/], ['example.com:443/x', /protocol/], ['//example.com/', /absolute/], ['/mcp', /absolute/],
    ['https://', /absolute/], ['https://?x', /absolute/], ['https://:443/', /absolute/], ['https://example.com:99999/', /absolute/],
    ['https://example.com:8o/', /absolute/], ['https://exa mple.com/', /white space/], ['https://exa<mple.com/', /absolute/],
    ['https:example.com', form], ['https:/example.com/', form], ['https:///example.com/', form], ['https:////example.com/', form],
    // addresses in disguise
    ['https://2130706433/', form], ['https://134744072/', form], ['https://0x7f000001/', form], ['https://0x7f.1/', form],
    ['https://0177.0.0.1/', form], ['https://127.1/', form], ['https://127.0.1/', form], ['https://8.8.2056/', form], ['https://8.8.8.8./', form],
    ['https://010.8.8.8/', form], ['https://%31%32%37.0.0.1/', form], ['https://\uff11\uff12\uff17.0.0.1/', form], ['https://127\u3002\u0030.0.1/', form],
    ['https://256.256.256.256/', /absolute/], ['https://1.2.3.4.5/', /absolute/], ['https://example.0x1/', /absolute/], ['https://4294967296/', /absolute/],
    ['https://[2606:4700:0:0:0:0:0:1111]/', form], ['https://[2606:4700:4700::8.8.8.8]/', form],
    ['https://[::ffff:8.8.8.8]/', form], ['https://[::ffff:808:808]/', form], ['https://[::ffff:127.0.0.1]/', address], ['https://[::ffff:7f00:1]/', address],
    ['https://[fe80::1%25eth0]/', /absolute/], ['https://[::1', /absolute/], ['https://::1/', /absolute/],
    // hosts in disguise
    ['https://ex%61mple.com/', form], ['https://%6cocalhost/', form], ['https://ex\u00e4mple.com/', form], ['https://ex\u0430mple.com/', form],
    ['https://\uff45xample.com/', form], ['https://exam\u00adple.com/', form], ['https://exam\u200bple.com/', form], ['https://example\u3002com/', form],
    ['https://\u24c1ocalhost/', form], ['https://xn--/', /absolute/],
  ])('%j', (text, reason) => { expect(messages(text).join(' ')).toMatch(reason) })
})

describe('S9: addresses that are not public', () => {
  it.each([
    '0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.100.100.200', '100.127.255.255', '127.0.0.1', '127.255.255.254',
    '169.254.0.1', '169.254.169.254', '169.254.170.2', '172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.0.192', '192.0.2.1', '192.88.99.1',
    '192.168.0.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255',
    '168.63.129.16',
    '[::]', '[::1]', '[::7f00:1]', '[::a00:1]', '[fe80::1]', '[febf::1]', '[fec0::1]', '[fc00::1]', '[fd00:ec2::254]', '[fdff::1]', '[ff02::1]',
    '[ff0e::1]', '[64:ff9b::7f00:1]', '[64:ff9b::808:808]', '[64:ff9b:1::a9fe:a9fe]', '[2002:7f00:1::]', '[2002:a9fe:a9fe::1]',
    '[2001::1]', '[2001:0:4136:e378:8000:63bf:3fff:fdd2]', '[2001:2::1]', '[2001:db8::1]', '[2001:10::1]', '[2001:20::1]', '[3fff::1]',
    '[100::1]', '[::ffff:0:7f00:1]', '[5f00::1]', '[4000::1]', '[8000::1]', '[1::1]',
  ])('%s', (host) => {
    expect(messages(`https://${host}/`)).toEqual([expect.stringMatching(address)])
    expect(messages(`https://${host}:8443/mcp`)).toEqual([expect.stringMatching(address)])
  })

  it('... nor anything else outside 2000::/3', () => {
    const group = fc.integer({ min: 0, max: 0xffff })
    fc.assert(fc.property(group.filter((first) => first >> 13 !== 1), fc.array(group, { minLength: 7, maxLength: 7 }), (first, rest) => {
      const host = new URL(`https://[${[first, ...rest].map((part) => part.toString(16)).join(':')}]/`).hostname
      expect(messages(`https://${host}/`).join(' ')).toMatch(/not a public address|another form/)
    }))
  })
})

describe('S9: names that are not public', () => {
  it.each<[string, RegExp]>([
    ['localhost', special], ['LOCALHOST', special], ['LocalHost', special], ['a.localhost', special], ['a.b.localhost', special], ['printer.local', special],
    ['metadata.google.internal', special], ['instance-data.ec2.internal', special], ['host.docker.internal', special],
    ['db.svc.cluster.local', special], ['x.intranet', special], ['x.lan', special], ['x.corp', special], ['x.home', special], ['x.private', special],
    ['router.home.arpa', special], ['localhost.localdomain', special], ['internal', special],
    ['localhost.', /trailing dot/], ['a.localhost.', /trailing dot/], ['example.com.', /trailing dot/], ['metadata', /without a domain/],
    ['kubernetes', /without a domain/], ['intranet2', /without a domain/], ['example.com..', /trailing dot/],
  ])('%s', (host, reason) => { expect(messages(`https://${host}/`)).toEqual([expect.stringMatching(reason)]) })
})

describe('plain http', () => {
  it.each<[string, string[], boolean]>([
    ['http://example.com/', [], false],
    ['HTTP://example.com/', [], false],
    ['http://example.com:443/', [], false],
    ['http://example.com/', ['example.com'], true],
    ['http://Example.COM/', ['example.com'], true],
    ['http://example.com/', ['EXAMPLE.com'], true],
    ['http://example.com:8080/', ['example.com'], true],
    ['http://sub.example.com/', ['example.com'], false],
    ['http://notexample.com/', ['example.com'], false],
    ['http://example.com.evil.org/', ['example.com'], false],
    ['http://sub.example.com/', ['*.example.com'], true],
    ['http://a.b.example.com/', ['*.example.com'], true],
    ['http://example.com/', ['*.example.com'], false],
    ['http://evilexample.com/', ['*.example.com'], false],
    ['http://example.com/', ['*'], false],
    ['http://example.com/', ['*.*'], false],
    ['http://example.com/', ['ex*.com'], false],
    ['http://8.8.8.8/', ['8.8.8.8'], true],
    ['http://8.8.8.8/', ['8.8.8.0/24'], false],
    ['http://[2606:4700:4700::1111]/', ['2606:4700:4700::1111'], true],
    ['http://[2606:4700:4700::1111]/', ['[2606:4700:4700::1111]'], true],
  ])('%s with %j: %s', (text, insecureHttp, allowed) => {
    expect(messages(text, { insecureHttp })).toEqual(allowed ? [] : [expect.stringMatching(/not encrypted/)])
  })

  it('is no exception to the rule about networks', () => {
    expect(messages('http://127.0.0.1/', { insecureHttp: ['127.0.0.1'] })).toEqual([expect.stringMatching(address)])
    expect(messages('http://127.0.0.1/', { privateNetworks: ['127.0.0.0/8'] })).toEqual([expect.stringMatching(/not encrypted/)])
    expect(messages('http://127.0.0.1:8080/mcp', { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] })).toEqual([])
  })
})

describe('private networks', () => {
  it.each<[string, string[], boolean]>([
    ['10.2.3.4', ['10.2.0.0/16'], true],
    ['10.3.3.4', ['10.2.0.0/16'], false],
    ['10.2.3.4', ['10.2.3.4'], true],
    ['10.2.3.4', ['10.2.3.4/32'], true],
    ['10.2.3.5', ['10.2.3.4/32'], false],
    ['10.2.3.4', ['10.2.0.0/33', 'nonsense', '10.2', '/', '10.2.0.0/', '10.2.0.0/-1', ''], false],
    ['10.2.3.4', ['0.0.0.0/0'], true],
    ['10.2.3.4', ['::/0'], false],
    ['[::1]', ['::1/128'], true],
    ['[::1]', ['::1'], true],
    ['[::1]', ['[::1]'], true],
    ['[::1]', ['127.0.0.0/8'], false],
    ['[::1]', ['0.0.0.0/0'], false],
    ['[fd00::5]', ['fd00::/8'], true],
    ['[fd00::5]', ['fd00::/16'], true],
    ['[fe80::5]', ['fd00::/8'], false],
    ['[64:ff9b::a02:304]', ['10.2.0.0/16'], false],
    ['[2002:a02:304::]', ['10.2.0.0/16'], false],
    ['localhost', ['127.0.0.0/8'], true],
    ['LOCALHOST', ['127.0.0.0/8'], true],
    ['localhost', ['127.0.0.1'], true],
    ['localhost', ['::1/128'], true],
    ['localhost', ['localhost'], true],
    ['localhost', ['10.0.0.0/8', '128.0.0.0/8'], false],
    ['localhost.', ['127.0.0.0/8', 'localhost'], false],
    ['a.localhost', ['127.0.0.0/8'], false],
    ['a.localhost', ['*.localhost'], true],
    ['localhost', ['*.localhost'], false],
    ['srv.internal', ['srv.internal'], true],
    ['srv.internal', ['*.internal'], true],
    ['metadata.google.internal', ['srv.internal'], false],
    ['srv.internal', ['10.0.0.0/8', '0.0.0.0/0', '::/0'], false],
    ['kubernetes', ['kubernetes'], true],
    ['kubernetes', ['*'], false],
    ['168.63.129.16', ['168.63.129.16/32'], true],
  ])('%s with %j: %s', (host, privateNetworks, allowed) => {
    const found = messages(`https://${host}/`, { privateNetworks })
    if (allowed) expect(found).toEqual([])
    else expect(found).not.toEqual([])
  })

  it('S9: listing a network excuses no disguise', () => {
    const urls = { privateNetworks: ['127.0.0.0/8', '::/0', 'localhost'], insecureHttp: ['127.0.0.1', 'localhost'] }
    for (const host of ['2130706433', '0x7f.1', '127.1', '0177.0.0.1', '127.0.0.1.', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '%6cocalhost', 'user@127.0.0.1']) {
      expect(messages(`http://${host}/`, urls)).not.toEqual([])
    }
  })
})

describe('the rule', () => {
  it('names the field of the transport, denies, and says what to do', () => {
    expect(judge('https://127.0.0.1/', {}, 'SSE')).toEqual([{
      rule: 'url', effect: 'DENY', field: 'definition.transport.sse.url', message: '127.0.0.1 is not a public address (loopback).',
      mend: 'Use a public host, or ask an admin to list the network in urls.privateNetworks.',
    }])
  })

  it('reports everything at once', () => { expect(messages('http://user@127.0.0.1/#x')).toHaveLength(4) })

  it('S14: repeats neither user name, password, path nor query', () => {
    for (const text of ['https://canary:canary@127.0.0.1/canary?canary#canary', 'http://canary@x/canary', 'canary', 'https://8.8.2056/?canary']) {
      expect(JSON.stringify(judge(text))).not.toContain('canary')
    }
  })

  it('has no opinion on stdio servers and agents', () => {
    const stdio = parseMcpServerDefinition({ transport: { stdio: { command: 'http://127.0.0.1' } } })
    expect(url({ kind: 'MCP_SERVER', name: 'x', definition: stdio }, completePolicy({}))).toEqual([])
    const agent = { description: '', prompt: 'http://127.0.0.1', tools: null, skills: [], mcpServers: [], inheritDefaultMcpServers: false, model: null }
    expect(url({ kind: 'AGENT', name: 'x', definition: agent }, completePolicy({}))).toEqual([])
  })

  it('S9: whatever it takes, the platform reads in the same way, and never throws', () => {
    const piece = fc.constantFrom('https://', 'http:', '//', '/', '@', ':', '.', '127.0.0.1', 'localhost', 'example', 'com', '[::1]', '%2e', '0x7f', '#', '?', '\\', '\t', '\u3002', '1')
    fc.assert(fc.property(fc.oneof(fc.webUrl(), fc.string(), fc.array(piece).map((parts) => parts.join('')), fc.array(piece).map((parts) => `https://${parts.join('')}`)), (text) => {
      if (messages(text).length > 0) return
      const { hostname, username, password, hash, protocol } = new URL(text)
      expect([username, password, hash, protocol]).toEqual(['', '', '', 'https:'])
      expect(text.toLowerCase().startsWith(`https://${hostname}`)).toBe(true)
      expect(hostname).not.toMatch(/(^|\.)localhost$|\.$|^127(\.\d+){3}$|^\[::/)
    }), { numRuns: 1000 })
  })
})
