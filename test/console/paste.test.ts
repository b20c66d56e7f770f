import { describe, expect, it } from 'vitest'
import { guessedName, namePart, parsePaste } from '../../console/src/pages/integrations/paste.js'

const namesOf = (text: string) => {
  const parsed = parsePaste(text)
  return 'items' in parsed ? parsed.items.map(({ name }) => name) : parsed.problem
}
const problemOf = (text: string) => {
  const parsed = parsePaste(text)
  return 'problem' in parsed ? parsed.problem : null
}
const server = { command: 'npx', args: ['-y', '@modelcontextprotocol/server-github@1.2.3'] }

describe('what people paste', () => {
  it.each<[string, unknown, string[]]>([
    ['a .mcp.json', { mcpServers: { github: server } }, ['github']],
    ['VS Code\'s mcp.json', { servers: { github: server }, inputs: [] }, ['github']],
    ['VS Code\'s settings', { mcp: { servers: { github: server, other: server } } }, ['github', 'other']],
    ['PilotSwarm\'s', { github: server, other: { type: 'http', url: 'https://a.com/mcp', tools: ['*'] } }, ['github', 'other']],
    ['a server that is called mcp', { mcp: server }, ['mcp']],
    ['one server', server, ['github']],
    ['one server with its name', { name: 'mine', ...server }, ['mine']],
    ['one by URL', { type: 'http', url: 'https://mcp.notion.com/mcp' }, ['notion']],
    ['names that only objects know', { mcpServers: JSON.parse('{"__proto__": {"command": "npx"}, "constructor": {"command": "npx"}}') as object }, ['__proto__', 'constructor']],
  ])('%s', (_, value, names) => { expect(namesOf(JSON.stringify(value, null, 2))).toEqual(names) })

  it.each<[string, string, string[]]>([
    ['one member', `"github": ${JSON.stringify(server)}`, ['github']],
    ['members with the comma after them', `"a": ${JSON.stringify(server)},\n  "b": ${JSON.stringify(server)},\n`, ['a', 'b']],
    ['a whole wrapper without its braces', `"mcpServers": {"github": ${JSON.stringify(server)}}`, ['github']],
    ['a byte order mark', `\ufeff${JSON.stringify({ a: server })}`, ['a']],
  ])('cut out: %s', (_, text, names) => { expect(namesOf(text)).toEqual(names) })

  it.each<[string, string, string[]]>([
    ['with notes and commas too many', '{\n  // mine\n  "servers": {\n    "github": { "url": "https://api.githubcopilot.com/mcp/", /* now */ },\n  },\n}', ['github']],
    ['cut out, with a note before it', '// mine\n"github": {"command": "npx"},', ['github']],
    ['in the fence of a page', '```json\n{"mcpServers": {"github": {"command": "npx"}}}\n```\n', ['github']],
    ['with blanks of a page', '{\u00a0"mcpServers": {"github":\u00a0{"command": "npx"}}}', ['github']],
    ['of another agent', '{"mcp": {"github": {"type": "remote", "url": "https://api.githubcopilot.com/mcp/"}}}', ['github']],
    ['one server by another word', '{"serverUrl": "https://mcp.notion.com/mcp"}', ['notion']],
  ])('%s', (_, text, names) => { expect(namesOf(text)).toEqual(names) })

  it.each<[string, string, RegExp]>([
    ['no JSON', '{\n  "a": {"command": "npx"}\n  "b": {}\n}', /line 3, column 3: a comma/],
    ['a member cut short', '"a": {"command": "npx"', /line 1, column 24: the text ends before it is complete/],
    ['a text', '"canary', /line 1, column 1: this text is never closed/],
    ['no JSON behind a note', '{\n  // mine\n  "a": {"command": "npx"}\n  "b": {}\n}', /line 4, column 3: a comma/],
    ['no JSON in a fence', '```json\n{\n  "a": oops\n}\n```', /line 3, column 8/],
    ['YAML', 'mcpServers:\n  github:\n    command: npx\n', /looks like YAML.*Fill in the form/],
    ['YAML behind a note', '# mine\n---\ncommand: npx', /looks like YAML/],
    ['TOML', '[mcp_servers.github]\ncommand = "npx"\n', /looks like TOML.*Fill in the form/],
    ['TOML of one line', 'command = "npx"', /looks like TOML/],
    ['one word, which may be a secret', 'ghp_canary', /not JSON: line 1, column 1/],
    ['a list', '[1]', /not a JSON object/],
    ['nothing', '{}', /no server in it/],
    ['an empty wrapper', '{"mcpServers": {}}', /no server in it/],
    ['too long', `{"a": "${'x'.repeat(1_000_000)}"}`, /1,000,009 characters, and 1,000,000/],
    ['too many', JSON.stringify(Object.fromEntries(Array.from({ length: 501 }, (_, at) => [`s${at}`, server]))), /501 servers in it, and 500/],
  ])('%s is told of', (_, text, problem) => { expect(problemOf(text)).toMatch(problem) })

  it('takes depth without falling over', () => {
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
    expect(namesOf(`{"mcpServers": {"github": {"command": "npx", "hooks": ${deep}}}}`)).toEqual(['github'])
    expect(problemOf('['.repeat(100_000))).toMatch(/line 1, column 100001/)
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['a package with scope and version', { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem@2025.1.1', '/data'] }, 'filesystem'],
    ['a package by its name', { command: 'uvx', args: ['mcp-server-git', '--repository', 'x'] }, 'git'],
    ['an image', { command: 'docker', args: ['run', '-i', '--rm', '-e', 'TOKEN=x', 'ghcr.io/github/github-mcp-server:v1'] }, 'github'],
    ['a script', { command: 'node', args: ['/srv/Weather.js'] }, 'weather'],
    ['a program on Windows', { command: 'C:\\tools\\sqlite.exe' }, 'sqlite'],
    ['a host', { url: 'https://api.githubcopilot.com/mcp/' }, 'githubcopilot'],
    ['a machine', { url: 'http://localhost:3000/mcp' }, 'localhost'],
    ['an address', { url: 'http://127.0.0.1:3000/mcp' }, '127-0-0-1'],
    ['nothing to go by', { command: 'mcp' }, 'server'],
    ['arguments of another kind', { command: 'npx', args: 7 }, 'npx'],
  ])('guesses a name from %s', (_, value, name) => { expect(guessedName(value)).toBe(name) })

  it.each([['GitHub MCP', 'github-mcp'], ['Ünïcode', 'unicode'], ['--x--', 'x'], ['日本', ''], ['a'.repeat(60), 'a'.repeat(40)], ['g\u0456thub', 'g-thub']])(
    '%j comes near %j', (text, name) => { expect(namePart(text)).toBe(name) })
})
