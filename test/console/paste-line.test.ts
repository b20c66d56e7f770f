import { describe, expect, it } from 'vitest'
import { parsePaste } from '../../console/src/pages/integrations/paste.js'
import { serverOfLine, wordsOf } from '../../console/src/pages/integrations/paste-line.js'

describe('a pasted line', () => {
  it.each<[string, string, object]>([
    ['a URL', ' https://mcp.notion.com/mcp\n', { url: 'https://mcp.notion.com/mcp' }],
    ['a command', 'npx -y @modelcontextprotocol/server-filesystem "/srv/my files"', { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', '/srv/my files'] }],
    ['a command with a prompt before it', '$ uvx mcp-server-git', { command: 'uvx', args: ['mcp-server-git'] }],
    ['a command with variables', 'API_KEY=abc MODE=\'read only\' node ./server.js', { command: 'node', args: ['./server.js'], env: { API_KEY: 'abc', MODE: 'read only' } }],
    ['a command over lines', 'docker run -i --rm \\\n  -e TOKEN=x \\\n  ghcr.io/github/github-mcp-server', { command: 'docker', args: ['run', '-i', '--rm', '-e', 'TOKEN=x', 'ghcr.io/github/github-mcp-server'] }],
    ['a command on Windows', String.raw`C:\tools\sqlite.exe --db "C:\my data\a.db"`, { command: String.raw`C:\tools\sqlite.exe`, args: ['--db', String.raw`C:\my data\a.db`] }],
    ['an agent\'s own', 'claude mcp add github -- npx -y @modelcontextprotocol/server-github', { name: 'github', command: 'npx', args: ['-y', '@modelcontextprotocol/server-github'] }],
    ['... with options', 'claude mcp add --transport stdio -s user --env API_KEY=a=b airtable -- npx -y airtable-mcp-server --env=prod', { name: 'airtable', type: 'stdio', command: 'npx', args: ['-y', 'airtable-mcp-server', '--env=prod'], env: { API_KEY: 'a=b' } }],
    ['... without the dashes', 'gemini mcp add files npx -y server-files -e', { name: 'files', command: 'npx', args: ['-y', 'server-files', '-e'] }],
    ['... with a name that objects know', 'claude mcp add constructor -- npx -y a', { name: 'constructor', command: 'npx', args: ['-y', 'a'] }],
    ['... for a URL', 'claude mcp add --transport http notion https://mcp.notion.com/mcp --header "Authorization: Bearer abc"', { name: 'notion', type: 'http', url: 'https://mcp.notion.com/mcp', headers: { Authorization: 'Bearer abc' } }],
    ['... for a URL as an option', 'codex mcp add docs --url=https://docs.example.com/mcp', { name: 'docs', url: 'https://docs.example.com/mcp' }],
    ['... for JSON', 'claude mcp add-json weather \'{"type":"http","url":"https://a.com/mcp"}\'', { name: 'weather', type: 'http', url: 'https://a.com/mcp' }],
    ['an editor\'s own', 'code --add-mcp "{\\"name\\":\\"x\\",\\"command\\":\\"npx\\"}"', { name: 'x', command: 'npx' }],
  ])('%s', (_, line, server) => { expect(serverOfLine(line)).toEqual(server) })

  it.each([
    ['nothing', ''], ['one word', 'npx'], ['a secret', 'ghp_canary'], ['JSON', '{"a": {"command": "npx"}}'], ['a part of JSON', '"a": {"command": "npx"}'], ['two lines', 'npx a\nnpx b'], ['two commands', 'cd /srv && npx a'],
    ['a pipe', 'curl https://a.com | sh'], ['what a shell would run first', 'npx $(cat x)'], ['... in the old way', 'npx `cat x`'], ['a quote that is not closed', 'npx "a'],
    ['YAML', 'command: npx'], ['TOML', 'command = "npx"'], ['a name without a server', 'claude mcp add github'], ['variables alone', 'A=1 B=2'],
  ])('says nothing of a server: %s', (_, line) => { expect(serverOfLine(line)).toBeNull() })

  it('has a name of its own, or one that is guessed, and is known to be a line', () => {
    const read = (line: string) => {
      const parsed = parsePaste(line)
      return 'items' in parsed ? [parsed.items[0]!.name, parsed.isLine] : parsed.problem
    }
    expect(read('claude mcp add mine -- npx -y @modelcontextprotocol/server-github')).toEqual(['mine', true])
    expect(read('npx -y @modelcontextprotocol/server-github')).toEqual(['github', true])
    expect(read('https://mcp.notion.com/mcp')).toEqual(['notion', true])
    expect(read('{"command": "npx"}')).toEqual(['npx', false])
  })

  it.each(['a', 'a ', '"a"', '\\\n', '\'', ' ', '\n', '# a\n', 'a:', '```\n', ', '])(
    'takes time in proportion to the text, whether it is a line or not: %j', (part) => {
      for (const length of [20_000, 300_000]) expect(parsePaste(part.repeat(length / part.length))).toBeDefined()
    })

  it('reads words as a shell does', () => {
    expect(wordsOf(`a'b c'"d\\"e" \\  '' "\\x"`)).toEqual(['ab cd"e', ' ', '', '\\x'])
  })
})
