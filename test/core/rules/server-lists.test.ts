import { describe, expect, it } from 'vitest'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { completePolicy, parsePolicyDocument, type ServerMatcher } from '../../../src/core/policy-document.js'
import { matchesServer, serverLists, urlPatternProblem } from '../../../src/core/rules/server-lists.js'

const remote = (url: string) => parseMcpServerDefinition({ transport: { http: { url } } })
const stdio = (...line: string[]) => parseMcpServerDefinition({ transport: { stdio: { command: line[0], args: line.slice(1) } } })
const matches = (pattern: string, url: string, list: 'ALLOW' | 'DENY') => matchesServer({ serverUrl: pattern }, { name: 'x', definition: remote(url) }, list)

describe('a URL pattern', () => {
  it.each<[pattern: string, url: string, allows: boolean, denies: boolean]>([
    ['https://mcp.example.com/*', 'https://mcp.example.com/mcp', true, true],
    ['https://mcp.example.com/*', 'https://mcp.example.com/', true, true],
    ['https://mcp.example.com/*', 'https://MCP.Example.COM/mcp', true, true],
    ['https://MCP.example.com/*', 'https://mcp.example.com/mcp', true, true],
    ['https://mcp.example.com/*', 'https://mcp.example.com./mcp', true, true],
    ['https://mcp.example.com/*', 'https://mcp.example.com:443/mcp', true, true],
    ['https://mcp.example.com/*', 'https://mcp.example.com:8443/mcp', false, true],
    ['https://mcp.example.com:8443/*', 'https://mcp.example.com:8443/mcp', true, true],
    ['https://mcp.example.com:8443/*', 'https://mcp.example.com/mcp', false, false],
    ['https://mcp.example.com:*/*', 'https://mcp.example.com:1/mcp', true, true],
    ['https://mcp.example.com', 'https://mcp.example.com/', true, true],
    ['https://mcp.example.com', 'https://mcp.example.com/mcp', false, true],
    ['https://mcp.example.com/mcp', 'https://mcp.example.com/mcp', true, true],
    ['https://mcp.example.com/mcp', 'https://mcp.example.com/mcp2', false, false],
    ['https://mcp.example.com/mcp', 'https://mcp.example.com/MCP', false, false],
    ['https://mcp.example.com/mcp', 'https://mcp.example.com/mcp?tenant=1', false, true],
    ['https://mcp.example.com/mcp*', 'https://mcp.example.com/mcp?tenant=1', true, true],
    ['https://*.example.com/*', 'https://a.example.com/', true, true],
    ['https://*.example.com/*', 'https://a.b.example.com/x', true, true],
    ['https://*.example.com/*', 'https://example.com/x', false, false],
    ['https://*.example.com/*', 'https://evil.com/.example.com/', false, false],
    ['https://*.example.com/*', 'https://evil.com/x?y=a.example.com/', false, false],
    ['https://*.example.com/*', 'https://evilexample.com/', false, false],
    ['https://*.example.com/*', 'https://a.example.com.evil.com/', false, false],
    ['https://*.example.com/*', 'http://a.example.com/', false, false],
    ['*://a.example.com/*', 'http://a.example.com/x', true, true],
    ['https://*/*', 'https://anything.org/x', true, true],
    ['https://*', 'https://anything.org/x', false, true],
    ['http://[::1]:*/*', 'http://[::1]:4000/x', true, true],
    ['https://mcp.example.com/a/*/b', 'https://mcp.example.com/a/x/y/b', true, true],
    ['https://mcp.example.com/a/../b', 'https://mcp.example.com/a/../b', false, false],
    ...['/admin?q', '/%61dmin', '/%2561dmin', '/admin/', '//admin', '/x/..%2fadmin', '/%5cadmin', '/./%2e/admin'].map((path): [string, string, boolean, boolean] => ['https://x.com/admin', `https://x.com${path}`, path === '/./%2e/admin', true]),
    ...['/admin%2fy', '/%61dmin/y', '/admin//y', '/admin/'].map((path): [string, string, boolean, boolean] => ['https://x.com/admin/*', `https://x.com${path}`, path.startsWith('/admin/'), true]),
    ['https://x.com/admin/*', 'https://x.com/administration/y', false, false],
    ['https://x.com/*/public', 'https://x.com/a/public', true, true],
    ['https://x.com/*/public', 'https://x.com/admin?x=/public', false, false],
    ['https://x.com/mcp/*', 'https://x.com/mcp/..%2f..', false, false],
    ['https://x.com/mcp/*', 'https://x.com/mcp/a%2fb', false, true],
    ['https://x.com/mcp/*', 'https://x.com/mcp/a%2eb', false, true],
    ...['/admin;x=1', '/a;/../admin'].map((path): [string, string, boolean, boolean] => ['https://x.com/admin', `https://x.com${path}`, path === '/a;/../admin', true]),
    ...['..;/x', 'a%00', '%c0%ae%c0%ae/x', '%25C1%259c'].map((rest): [string, string, boolean, boolean] => ['https://x.com/mcp/*', `https://x.com/mcp/${rest}`, false, true]),
    ['https://x.com/mcp/*', 'https://x.com/mcp/v1;a=b/x', true, true],
    ['https://x.com/mcp/*', 'https://x.com/mcp/a%252fb', false, true],
    ['https://x.com/mcp/*', 'https://x.com/mcp/a%20b', true, true],
    ['https://x.com/mcp?tenant=*', 'https://x.com/mcp?tenant=1', true, true],
    ['https://x.com/mcp?tenant=*', 'https://x.com/mcp', false, false],
    ['https://x.com/mcp?tenant=a', 'https://x.com/mcp?ten%61nt=a', false, true],
    ['https://b\u00fccher.example/*', 'https://xn--bcher-kva.example/x', true, true],
    ['https://[2606:4700:0:0::1111]/*', 'https://[2606:4700::1111]/x', true, true],
    ['https://[2606:4700:0000::1111]/*', 'https://[2606:4700::1112]/x', false, false],
  ])('%s of %s: allows %s, denies %s', (pattern, url, allows, denies) => {
    expect([matches(pattern, url, 'ALLOW'), matches(pattern, url, 'DENY')]).toEqual([allows, denies])
  })

  it('never means a stdio server', () => {
    for (const list of ['ALLOW', 'DENY'] as const) expect(matchesServer({ serverUrl: '*://*/*' }, { name: 'x', definition: stdio('npx') }, list)).toBe(false)
  })

  it.each(['https://a.com', 'http://*.a.com:*/x*', '*://a', 'https://[::1]:4000/', 'https://10.0.0.1/*'])('%s is one', (text) => { expect(urlPatternProblem(text)).toBe(null) })
  it.each(['a.com', '*', 'https://', 'https:///x', 'ftp://a.com', 'https://a b/', 'https://u@a.com/', 'https://u:p@a.com/', 'https://a.com/#x', 'https://a.com?x', 'https://a.com:99999999', 'https:/a.com', 'https://a.com\\x', ''])(
    'S28: %j is none, and is refused when the policy is set', (text) => {
      expect(urlPatternProblem(text)).not.toBe(null)
      expect(() => parsePolicyDocument({ mcpServers: { deny: [{ serverUrl: text }] } })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
    })
})

it('S28: a host with * that no URL can have is refused, with the form that it has', () => {
  expect(() => parsePolicyDocument({ mcpServers: { deny: [{ serverUrl: 'https://*.b\u00fccher.example/*' }] } })).toThrow(/write \*\.xn--bcher-kva\.example/)
  expect(urlPatternProblem('https://b\u00fccher.example/*')).toBe(null)
})

describe('the lists', () => {
  const judge = (definition: ReturnType<typeof remote>, mcpServers: { allow?: ServerMatcher[]; deny?: ServerMatcher[] }, name = 'tickets') => (
    serverLists({ kind: 'MCP_SERVER', name, definition }, completePolicy({ mcpServers })).map(({ effect, field }) => `${effect} ${field}`))
  const [url, command] = ['DENY definition.transport.http.url', 'DENY definition.transport.stdio.command']
  const npx = ['npx', '-y', 'srv@1.2.3']

  it.each<[string, Parameters<typeof judge>, string[]]>([
    ['no list: everything', [remote('https://a.com/'), {}], []],
    ['an empty allowlist: nothing', [remote('https://a.com/'), { allow: [] }], [url]],
    ['an empty allowlist: nothing', [stdio(...npx), { allow: [] }], [command]],
    ['an empty denylist: everything', [remote('https://a.com/'), { deny: [] }], []],
    ['deny wins', [remote('https://a.com/x'), { allow: [{ serverUrl: 'https://a.com/*' }], deny: [{ serverUrl: 'https://a.com/*' }] }], [url]],
    ['deny by name', [remote('https://a.com/x'), { deny: [{ serverName: 'tick*' }] }], ['DENY name']],
    ['a name in another case is another', [remote('https://a.com/x'), { deny: [{ serverName: 'Tick*' }] }], []],
    ['an exact command line', [stdio(...npx), { allow: [{ serverCommand: npx }] }], []],
    ['one argument more', [stdio(...npx, '--x'), { allow: [{ serverCommand: npx }] }], [command]],
    ['one argument less', [stdio(...npx.slice(0, 2)), { allow: [{ serverCommand: npx }] }], [command]],
    ['arguments joined', [stdio('npx -y srv@1.2.3'), { allow: [{ serverCommand: npx }] }], [command]],
    ['a star in a command is a star', [stdio(...npx), { allow: [{ serverCommand: ['npx', '*', 'srv@1.2.3'] }] }], [command]],
    ['a name allows where nothing else is said of its kind', [stdio(...npx), { allow: [{ serverName: 'tickets' }] }], []],
    ['a name does not allow another command line', [stdio('npx', 'other@1.0.0'), { allow: [{ serverName: 'tickets' }, { serverCommand: npx }] }], [command]],
    ['a name does not allow another URL', [remote('https://b.com/'), { allow: [{ serverName: 'tickets' }, { serverUrl: 'https://a.com/*' }] }], [url]],
    ['URLs say nothing of stdio', [stdio(...npx), { allow: [{ serverUrl: 'https://a.com/*' }] }], [command]],
    ['URLs and a name: stdio goes by name', [stdio(...npx), { allow: [{ serverUrl: 'https://a.com/*' }, { serverName: 'tickets' }] }], []],
    ['deny a command line', [stdio(...npx), { deny: [{ serverCommand: npx }] }], [command]],
  ])('%s', (_, given, findings) => {
    expect(judge(...given)).toEqual(findings)
  })

  it('concern MCP servers only', () => {
    expect(serverLists({ kind: 'AGENT', name: 'x', definition: { prompt: 'p' } as never }, completePolicy({ mcpServers: { allow: [] } }))).toEqual([])
  })
})
