/** What people register, of every sort that the rules tell apart, as they send it; and what the default policy says of it. */
export interface SampleDefinition {
  sort: string
  kind: 'MCP_SERVER' | 'AGENT'
  name: string
  verdict: 'ALLOW' | 'NEEDS_APPROVAL' | 'DENY'
  input: Record<string, unknown>
}

const description = 'Looks up tickets, incidents and plans of a department, and says who owns them.'
const image = `registry.example.com/tools/tickets@sha256:${'3f5a9c07'.repeat(8)}`
const prompt = [
  'You look after the tickets of one department. Look a ticket up before you say anything of it, and name its number.',
  'When two tickets tell of one incident, say so and ask which of them is to stay open. Never close one by yourself.',
].join('\n\n').repeat(8)

const server = (sort: string, verdict: SampleDefinition['verdict'], transport: object, more: object = {}): SampleDefinition => (
  { sort, kind: 'MCP_SERVER', name: `tickets-${sort.replaceAll(/\W+/g, '-')}`, verdict, input: { description, transport, ...more } })
const stdio = (sort: string, verdict: SampleDefinition['verdict'], command: string, args: string[], env: Record<string, string> = {}): SampleDefinition => (
  server(sort, verdict, { stdio: { command, args, env: Object.entries(env).map(([name, value]) => ({ name, value })) } }))

const headers = [
  { name: 'Authorization', value: 'Bearer ${secret:tickets}' }, { name: 'X-Api-Version', value: '2026-07-28' }, { name: 'X-Department', value: 'Incidents and plans' },
]

export const sampleDefinitions: readonly SampleDefinition[] = [
  server('http', 'ALLOW', { http: { url: 'https://tickets.example.com/mcp' } }),
  server('http headers', 'ALLOW', { http: { url: 'https://api.tickets.example.com:8443/v2/tenants/department-17/mcp?region=europe', headers } }, {
    tools: { include: ['lookup', 'search_*', 'list_*'], exclude: ['*_delete'] }, timeoutMs: 30_000,
  }),
  server('http private', 'DENY', { http: { url: 'https://10.12.0.7/mcp', headers } }),
  server('sse', 'DENY', { sse: { url: 'https://tickets.example.com/sse', headers: headers.slice(0, 1) } }),
  stdio('npx', 'NEEDS_APPROVAL', 'npx', ['-y', '@example/tickets-server@2.11.0', '--region', 'europe', '--page-size', '50'], { TICKETS_TOKEN: '${secret:tickets}', LOG_LEVEL: 'info' }),
  stdio('npx unpinned', 'DENY', 'npx', ['-y', '@example/tickets-server@latest']),
  stdio('uvx', 'NEEDS_APPROVAL', 'uvx', ['--python', '3.12', '--with', 'extra==1.0.4', 'mcp-server-git==2025.1.14', '--repository', '/srv/repositories/tickets']),
  stdio('node', 'NEEDS_APPROVAL', 'node', ['--max-old-space-size=512', '--enable-source-maps', '/srv/mcp/tickets/dist/server.js', '--port', '0'], { TICKETS_URL: 'https://tickets.example.com' }),
  stdio('python', 'NEEDS_APPROVAL', 'python3', ['/srv/mcp/tickets/server.py', '--verbose'], { TICKETS_TOKEN: '${user:tickets}' }),
  stdio('docker', 'NEEDS_APPROVAL', 'docker', [
    'run', '-i', '--rm', '--init', '--read-only', '--network', 'bridge', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--user', '1000:1000', '--memory=512m',
    '--cpus', '1.5', '--pids-limit', '100', '--tmpfs', '/tmp:size=64m', '-e', 'TICKETS_TOKEN', image, '--region', 'europe',
  ], { TICKETS_TOKEN: '${secret:tickets}' }),
  stdio('docker unpinned', 'DENY', 'docker', ['run', '-i', '--rm', '-v', '/:/host', 'registry.example.com/tools/tickets:latest']),
  stdio('executable', 'NEEDS_APPROVAL', '/opt/mcp/bin/tickets', ['serve', '--config', '/etc/tickets/config.yaml']),
  {
    sort: 'agent', kind: 'AGENT', name: 'ticket-keeper', verdict: 'ALLOW',
    input: { description, prompt, tools: ['tickets-lookup', 'tickets-search'], skills: ['summaries'], mcpServers: ['tickets', 'plans', 'people'], model: 'a-model' },
  },
]
