import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../src/core/agent.js'
import { agentMdText, type WrittenAgent } from '../../src/core/agent-md-text.js'
import { parseAgentMd } from '../../src/core/agent-md.js'

const plain: WrittenAgent = { name: 'planner', description: 'Plans.', prompt: 'You **plan**.\n', tools: null, skills: [], mcpServers: [], inheritDefaultMcpServers: false, model: null }
const read = (text: string) => parseAgentMd(text, 'other.agent.md').agent

describe('an agent as the text of an .agent.md', () => {
  it('is what PilotSwarm reads', () => {
    const { text, lost } = agentMdText({ ...plain, tools: ['read', 'web_*'], skills: ['notes'], mcpServers: ['github'], inheritDefaultMcpServers: true })
    expect(text).toBe([
      '---', 'schemaVersion: 2', 'version: 1', 'name: planner', 'description: Plans.', 'tools:', '  - read', '  - web_*', 'skills:', '  - notes', 'mcpServers:', '  - github',
      'inheritDefaultMcpServers: true', '---', '', 'You **plan**.\n',
    ].join('\n'))
    expect(lost).toEqual([])
    expect(parseAgentMd(text, 'other.agent.md').problems).toEqual([])
  })

  it.each<[string, Partial<WrittenAgent>, string[]]>([
    ['a model', { model: 'gpt-5' }, ['model']],
    ['no tool at all', { tools: [] }, ['tools']],
    ['lines of a description', { description: 'One\ntwo' }, ['description']],
    ['space before the prompt', { prompt: '\n  Indented.' }, ['prompt']],
    ['a prompt that looks like front matter', { prompt: '---\nname: other\n---\nYou plan.' }, []],
    ['a description that looks like a key', { description: 'name: other' }, []],
    ['a description in quotes', { description: '"Plans"' }, []],
    ['a description that is a comment elsewhere', { description: '# plans' }, []],
    ['a description that opens a block', { description: '|' }, ['description']],
    ['nothing to say', { description: '' }, []],
  ])('says what such a file cannot hold: %s', (_, part, lost) => { expect(agentMdText({ ...plain, ...part }).lost).toEqual(lost) })

  it('S21: costs no more than its length, whatever blanks it has', () => {
    const began = performance.now()
    const { text } = agentMdText({ ...plain, description: ` a${' '.repeat(200_000)}b \n\t\n c` })
    expect(text).toContain(`\ndescription: a${' '.repeat(200_000)}b c\n`)
    expect(performance.now() - began).toBeLessThan(10_000)
  })

  it('is read as the same agent but for the fields that it says are lost, whatever is in them', () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text) && text.isWellFormed())
    const names = fc.uniqueArray(fc.oneof(line, fc.constantFrom('github', '"x"', "'", '[a]', '- b', 'a: b', '#c', '---')), { maxLength: 3 })
    const text = fc.oneof(line, fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => lines.join('\n')), fc.constantFrom('---\nname: x\n---\ny', '|', '>', '"', ' a ', '---'))
    const agents = fc.record({ name: fc.constantFrom('planner', 'a-b_c'), description: fc.oneof(text, fc.constant('')), prompt: text.filter((one) => one.trim() !== ''), tools: fc.option(names), skills: names, mcpServers: names, inheritDefaultMcpServers: fc.boolean(), model: fc.constant(null) })
    fc.assert(fc.property(agents, (agent) => {
      const { text: written, lost } = agentMdText(agent)
      const back = read(written)
      const told = back === undefined ? null : parseAgentDefinition({ description: back.description, prompt: back.prompt, tools: back.tools, skills: back.skills, mcpServers: back.mcpServers, inheritDefaultMcpServers: back.inheritDefaultMcpServers })
      for (const field of ['description', 'prompt', 'tools', 'skills', 'mcpServers', 'inheritDefaultMcpServers'] as const) {
        if (!lost.includes(field)) expect([field, told?.[field]]).toEqual([field, agent[field]])
      }
    }), { numRuns: 200 })
  })
})
