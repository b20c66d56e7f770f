import { describe, expect, it } from 'vitest'
import { type Definition, type EntryKind } from '../../src/core/entry.js'
import { parseAgentDefinition } from '../../src/core/agent.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { completePolicy, defaultPolicy, type PolicyDocument } from '../../src/core/policy-document.js'
import { policyWarnings } from '../../src/core/policy-warnings.js'

const server = (name: string, transport: object) => ({ kind: 'MCP_SERVER' as EntryKind, name, definition: parseMcpServerDefinition({ transport }) as Definition })
const http = (name: string, url: string, headers: object[] = []) => server(name, { http: { url, headers } })
const agent = (name: string) => ({ kind: 'AGENT' as EntryKind, name, definition: parseAgentDefinition({ prompt: 'Do.' }) })

const entries = [
  http('public', 'https://mcp.example.com/a'), http('plain', 'http://mcp.lan/'), http('inside', 'https://10.2.3.4/'), http('loop', 'http://localhost:8080/'),
  http('headed', 'https://h.example.net/', [{ name: 'x-team-id', value: '7' }]), server('tool', { stdio: { command: '/srv/mcp/tool', env: [{ name: 'API_KEY', value: '${secret:k}' }] } }), server('local', { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'] } }),
  server('sse', { sse: { url: 'https://sse.corp/events' } }), agent('helper'),
]
const told = (document: PolicyDocument, deployment: PolicyDocument | null = null) => (
  policyWarnings(document, deployment && completePolicy(deployment), entries).map(({ rule, field }) => `${rule} ${field}`))

describe('S28: items that match nothing', () => {
  it.each<[string, PolicyDocument, string[]]>([
    ['nothing set', {}, []],
    ['an exception in use', { urls: { insecureHttp: ['mcp.lan'], privateNetworks: ['10.2.0.0/16', 'localhost', '*.corp'] } }, []],
    ['... though the transport is denied as a whole', { transports: { http: 'deny', sse: 'deny' }, urls: { privateNetworks: ['10.2.0.0/16', '*.corp'] } }, []],
    ['... though another item lists it too', { urls: { privateNetworks: ['10.0.0.0/8', '10.2.0.0/16', '10.2.3.4'] } }, []],
    ['a network with a typo', { urls: { privateNetworks: ['10.2.0.0/16', '10.22.0.0/16'] } }, ['matches-nothing document.urls.privateNetworks.1']],
    ['a host that needs no exception', { urls: { insecureHttp: ['mcp.example.com'] } }, ['matches-nothing document.urls.insecureHttp.0']],
    ['a deny with a typo', { mcpServers: { deny: [{ serverName: 'publc' }, { serverName: 'pub*' }, { serverUrl: 'https://*.exmaple.com/*' }] } }, ['matches-nothing document.mcpServers.deny.0', 'matches-nothing document.mcpServers.deny.2']],
    ['an allow with a typo', { mcpServers: { allow: [{ serverUrl: 'https://mcp.example.com/*' }, { serverUrl: 'https://mcp.example.org/*' }, { serverCommand: ['npx', '-y', 'srv@1.2.3'] }] } }, ['matches-nothing document.mcpServers.allow.1']],
    ['an allow that is denied', { mcpServers: { allow: [{ serverUrl: 'https://mcp.example.com/*' }, { serverUrl: 'https://10.2.3.4/*' }], deny: [{ serverUrl: 'https://*.example.com/*' }] } }, ['shadowed document.mcpServers.allow.0']],
    ['a denied header', { headers: { deny: ['X-Team-*', 'x-tean-*'] } }, ['matches-nothing document.headers.deny.1']],
    ['launchers', { stdio: { launchers: ['npx', 'uvx', 'bun'] } }, ['matches-nothing document.stdio.launchers.1', 'matches-nothing document.stdio.launchers.2']],
    ['folders', { stdio: { directories: ['/srv/mcp', '/srv/mpc'] } }, ['matches-nothing document.stdio.directories.1']],
    ['command lines', { stdio: { preapproved: [['npx', '-y', 'srv@1.2.3'], ['npx', '-y', 'srv@1.2.4'], { command: ['/srv/mcp/tool'], env: ['API_KEY'] }] } }, ['matches-nothing document.stdio.preapproved.1']],
    ['variables', { env: { deny: ['api_*', 'AWS_*'] } }, ['matches-nothing document.env.deny.1']],
    ['overrides of static entries', { static: { overridable: ['pub*', 'public', 'helper', 'Public'] } }, ['matches-nothing document.static.overridable.0', 'matches-nothing document.static.overridable.3']],
    ['pins', { tools: { drift: 'hold' } }, []],
  ])('%s', (_, document, warnings) => expect(told(document)).toEqual(warnings))

  it('tells at most 100', () => {
    const privateNetworks = Array.from({ length: 300 }, (_, at) => `10.9.${Math.trunc(at / 250)}.${at % 250}`)
    expect(told({ urls: { privateNetworks } })).toHaveLength(100)
  })

  it('each with a mend, and of a document that cannot be read that alone', () => {
    for (const warning of policyWarnings({ urls: { insecureHttp: ['x.y'] }, static: { overridable: ['z'] } }, null, entries)) {
      expect(Object.keys(warning).sort()).toEqual(['effect', 'field', 'mend', 'message', 'rule'])
      expect(warning.effect).toBe('WARN')
      expect(warning.mend).not.toBe('')
    }
    expect(policyWarnings({ urls: 1 }, null, entries)).toMatchObject([{ rule: 'unreadable', field: 'document' }])
  })
})

describe('S28: a team can only narrow', () => {
  const inEffect = { urls: { insecureHttp: ['mcp.lan'], privateNetworks: ['10.2.0.0/16'] }, stdio: { preapproved: [['npx', '-y', 'srv@1.2.3']], directories: ['/srv/mcp'] } }

  it.each<[string, PolicyDocument, PolicyDocument, string[]]>([
    ['nothing set', {}, {}, []],
    ['the same again', { transports: { stdio: 'approve', http: 'allow', sse: 'deny' }, quotas: { entriesPerTeam: 5000 } }, {}, []],
    ['stricter everywhere', { transports: { http: 'approve' }, tools: { maxPerMcpServer: 5 }, quotas: { entriesPerTeam: 3 }, approval: { pendingExpiresAfterDays: 1 } }, {}, []],
    ['looser transports', { transports: { stdio: 'allow', http: 'allow', sse: 'approve' } }, { transports: { http: 'approve' } }, ['transports.stdio', 'transports.http', 'transports.sse']],
    ['looser approval', { approval: { allowSelf: true, approvers: 'maintainers', pendingExpiresAfterDays: 31 } }, {}, ['approval.allowSelf', 'approval.approvers', 'approval.pendingExpiresAfterDays']],
    ['... where the deployment has it so', { approval: { allowSelf: true, approvers: 'maintainers' } }, { approval: { allowSelf: true, approvers: 'maintainers' } }, []],
    ['larger numbers', { tools: { maxPerMcpServer: 129 }, quotas: { entriesPerTeam: 5001 } }, {}, ['tools.maxPerMcpServer', 'quotas.entriesPerTeam']],
    ['exceptions that the deployment lacks', { urls: { insecureHttp: ['mcp.lan'], privateNetworks: ['10.2.3.0/24'] } }, {}, ['urls.insecureHttp.0', 'urls.privateNetworks.0']],
    ['... or has, itself or around them', { urls: { insecureHttp: ['MCP.lan'], privateNetworks: ['10.2.3.0/24'] } }, inEffect, []],
    ['launchers and folders', { stdio: { launchers: ['npx', 'bun'], directories: ['/srv/mcp/tools', '/srv/mcpx'] } }, inEffect, ['stdio.launchers.1', 'stdio.directories.1']],
    ['command lines', { stdio: { preapproved: [['npx', '-y', 'srv@1.2.3'], ['npx', '-y', 'srv@1.2.4']] } }, inEffect, ['stdio.preapproved.1']],
    ['what is the deployment\'s alone', { quotas: { entriesPerUser: 1 }, static: { overridable: ['public'] }, staleAfterSeconds: 60 }, {}, ['quotas.entriesPerUser', 'static', 'staleAfterSeconds']],
    ['tools let in that the deployment holds', { tools: { drift: 'accept' } }, { tools: { drift: 'hold' } }, ['tools.drift']],
    ['... that it lets in too, and tools held that it lets in', { tools: { drift: 'accept' } }, { tools: { drift: 'accept' } }, []],
    ['tools held that the deployment lets in', { tools: { drift: 'hold' } }, { tools: { drift: 'accept' } }, []],
  ])('%s', (_, document, deployment, fields) => {
    expect(told(document, deployment).filter((text) => text.startsWith('no-effect'))).toEqual(fields.map((field) => `no-effect document.${field}`))
  })

  it('and is told what counts', () => {
    const [warning] = policyWarnings({ transports: { sse: 'allow' } }, defaultPolicy, entries)
    expect(warning).toMatchObject({ message: expect.stringContaining('"deny"') as string, mend: expect.stringContaining('transports.sse') as string })
  })
})
