import { describe, expect, it } from 'vitest'
import { type AgentDefinition, parseAgentDefinition } from '../../src/core/agent.js'
import { CatalogError } from '../../src/core/errors.js'

function refusedField(input: unknown): unknown {
  try {
    parseAgentDefinition(input)
  } catch (error) {
    if (error instanceof CatalogError && error.code === 'INVALID_INPUT') return error.details.field
    throw error
  }
  return 'nothing'
}
const numbered = (length: number) => Array.from({ length }, (_, at) => `n${at}`)

const least: AgentDefinition = {
  description: '', prompt: 'Do it.', tools: null, skills: [], mcpServers: [], inheritDefaultMcpServers: false, model: null,
}

describe('parsing', () => {
  it('fills in every default', () => {
    expect(parseAgentDefinition({ prompt: 'Do it.' })).toEqual(least)
    expect(parseAgentDefinition({
      prompt: 'Do it.', description: null, tools: null, skills: null, mcpServers: null, inheritDefaultMcpServers: null, model: null,
    })).toEqual(least)
  })

  it('keeps what is given, in its order', () => {
    const given: AgentDefinition = {
      description: 'd', prompt: '  # P\n\n\t$HOME ${x}\r\n', tools: ['b', 'a'], skills: ['s'], mcpServers: ['n', 'm'], inheritDefaultMcpServers: true, model: 'gpt',
    }
    expect(parseAgentDefinition(given)).toEqual(given)
  })

  it('tells no tools from undecided tools', () => { expect(parseAgentDefinition({ prompt: 'p', tools: [] }).tools).toEqual([]) })

  it('takes the longest of everything', () => {
    expect(refusedField({
      prompt: 'p'.repeat(200_000), description: 'd'.repeat(4000), tools: numbered(256), skills: numbered(64), mcpServers: numbered(50), model: 'm'.repeat(200),
    })).toBe('nothing')
  })
})

describe('refusals name their field', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'definition'], ['a text', 'p', 'definition'], ['no prompt', {}, 'definition.prompt'],
    ['an empty prompt', { prompt: '' }, 'definition.prompt'], ['a blank prompt', { prompt: ' \n\t' }, 'definition.prompt'],
    ['a long prompt', { prompt: 'p'.repeat(200_001) }, 'definition.prompt'],
    ['a NUL in a prompt', { prompt: 'a\u0000b' }, 'definition.prompt'], ['an escape in a prompt', { prompt: '\u001b[2J' }, 'definition.prompt'],
    ['a lone surrogate in a prompt', { prompt: 'a\ud800' }, 'definition.prompt'],
    ['a long description', { prompt: 'p', description: 'd'.repeat(4001) }, 'definition.description'],
    ['a tool of two lines', { prompt: 'p', tools: ['a', 'b\nc'] }, 'definition.tools.1'],
    ['an empty tool', { prompt: 'p', tools: [''] }, 'definition.tools.0'],
    ['one tool twice', { prompt: 'p', tools: ['a', 'a'] }, 'definition.tools'],
    ['one server twice', { prompt: 'p', mcpServers: ['a', 'b', 'a'] }, 'definition.mcpServers'],
    ['one skill twice', { prompt: 'p', skills: ['a', 'a'] }, 'definition.skills'],
    ['many tools', { prompt: 'p', tools: numbered(257) }, 'definition.tools'],
    ['many skills', { prompt: 'p', skills: numbered(65) }, 'definition.skills'],
    ['many servers', { prompt: 'p', mcpServers: numbered(51) }, 'definition.mcpServers'],
    ['an empty model', { prompt: 'p', model: '' }, 'definition.model'], ['a control character in a model', { prompt: 'p', model: 'a\u009b' }, 'definition.model'],
    ['too much in all', { prompt: 'p'.repeat(200_000), tools: numbered(256).map((name) => name.padEnd(200, 'x')), skills: numbered(64).map((name) => name.padEnd(200, 'x')) }, 'definition'],
    ['a text for a flag', { prompt: 'p', inheritDefaultMcpServers: 'yes' }, 'definition.inheritDefaultMcpServers'],
    ['an unknown key', { prompt: 'p', hooks: {} }, 'definition.hooks'],
    ['a key __proto__', JSON.parse('{"prompt":"p","__proto__":{"tools":["*"]}}'), 'definition.__proto__'],
  ])('%s', (_, input, field) => { expect(refusedField(input)).toBe(field) })

  it.each<[string, unknown]>([
    ['a map of servers', { github: { command: 'npx' } }], ['a server for a name', [{ type: 'http', url: 'https://a.com' }]],
    ['a list in a list', [['github']]], ['a text', 'github'],
  ])('S12: an agent never embeds a server: %s', (_, mcpServers) => {
    expect(refusedField({ prompt: 'p', mcpServers })).toMatch(/^definition\.mcpServers/)
  })
})
