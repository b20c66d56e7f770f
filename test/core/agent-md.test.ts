import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { agentMdProblemCodes, parseAgentMd } from '../../src/core/agent-md.js'

interface AgentVector { kind: string, id: string, file: string, input: string, expected: Array<Record<string, unknown>>, warningCodes: string[] }

const vectorsPath = new URL('../vectors/static-loading.json', import.meta.url)
const { vectors } = JSON.parse(readFileSync(vectorsPath, 'utf8')) as { vectors: AgentVector[] }
const pilotSwarmCodes: readonly string[] = agentMdProblemCodes.slice(0, 5)

const file = (frontMatter: string, body = 'Do it.\n') => `---\nschemaVersion: 2\nversion: 1\n${frontMatter}\n---\n${body}`
const parse = (text: string, fileName = 'x.agent.md') => {
  const { agent, problems } = parseAgentMd(text, fileName)
  return { agent, codes: problems.map(({ code }) => code) }
}

describe('what PilotSwarm 0.5.42 read', () => {
  const agentVectors = vectors.filter(({ kind, file }) => kind === 'agent' && file.endsWith('.agent.md'))

  it.each(agentVectors)('$id', ({ file, input, expected, warningCodes }) => {
    const { agent, codes } = parse(input, file)
    // The path is the loader's to add; test/worker/static-layer.test.ts checks it.
    const withoutPath = expected.map(({ sourcePath: _, ...rest }) => rest)
    expect(agent ? [agent] : []).toEqual(withoutPath)
    expect(codes.filter((code) => pilotSwarmCodes.includes(code)).sort()).toEqual([...warningCodes].sort())
  })

  it('has all seven vectors', () => { expect(agentVectors).toHaveLength(7) })
})

describe('the reader by hand', () => {
  it.each([
    ['inline lists keep their quotes', 'mcpServers: ["github", jira]', { mcpServers: ['"github"', 'jira'] }],
    ['items of a block list lose theirs', 'mcpServers:\n  - "github"\n  - \'jira\'', { mcpServers: ['github', 'jira'] }],
    ['a list needs no brackets', 'skills: a, b,', { skills: ['a', 'b'] }],
    ['an empty list is none', 'tools: []\nskills:\nmcpServers: []', { tools: null }],
    ['a comment with a colon leaves the list open', 'skills:\n  # one: two\n  - a', { skills: ['a'] }],
    ['a later list replaces an earlier one', 'skills: [a]\nskills:\n  - b', { skills: ['b'] }],
    ['| keeps lines, of the prompt', 'initialPrompt: |\n  a: b\n\n    c\n  # d', { initialPrompt: 'a: b\n\n  c\n# d' }],
    ['> folds them', 'initialPrompt: >\n  a\n  b', { initialPrompt: 'a b' }],
    ['a description folds in both styles', 'description: |\n  a\n  b', { description: 'a b' }],
    ['splash art folds in neither', 'splash: >\n  a\n  b', { splash: 'a\nb' }],
    ['a key at the margin ends a block', 'splash: |\n  a\ntitle: T', { splash: 'a', title: 'T' }],
    ['quotes go', 'title: "a: b"\nid: \'c\'', { title: 'a: b', id: 'c' }],
    ['a lone quote is nothing', 'title: "', { title: '' }],
    ['false is said, nothing is not', 'inheritDefaultMcpServers: false\nsupportsDirectStart:', { inheritDefaultMcpServers: false }],
    ['the older word for a crawler counts', 'harvester: true', { crawler: true, harvester: true }],
    ['an indented key is a key', 'title: a\n  id: b', { title: 'a', id: 'b' }],
    ['an empty name comes from the file', 'name:', { name: 'x' }],
  ])('%s', (_title, frontMatter, expected) => {
    const { agent } = parse(file(frontMatter))
    const base = { name: 'x', prompt: 'Do it.\n', tools: null, crawler: false, harvester: false, schemaVersion: 2, version: '1' }
    expect(agent).toEqual({ ...base, ...expected })
  })

  it('reads files with CRLF', () => {
    const { agent, codes } = parse(file('name: crlf\nmcpServers:\n  - a').replaceAll('\n', '\r\n'))
    expect(agent).toMatchObject({ name: 'crlf', mcpServers: ['a'], prompt: 'Do it.\r\n' })
    expect(codes).toEqual([])
  })

  it('takes a file without a closing fence as prompt', () => {
    const { agent, codes } = parse('---\nname: y\n')
    expect(agent).toMatchObject({ name: 'x', prompt: '---\nname: y\n' })
    expect(codes).toContain('agent-fence-open')
  })

  it('rounds a schemaVersion down before it judges it', () => {
    expect(parse('---\nschemaVersion: 2.9\n---\nB').agent?.schemaVersion).toBe(2)
    expect(parse('---\nschemaVersion: 0.5\n---\nB').codes).toContain('skipped-unsupported-schemaVersion')
  })
})

describe('silence becomes a problem', () => {
  it.each([
    ['agent-unknown-key', 'namespace: mine'],
    ['agent-unknown-key', '__proto__: x'],
    ['agent-model-ignored', 'model: gpt-x'],
    ['agent-nested-key', 'mcpServers:\n  - name: jira\n    type: http'],
    ['agent-duplicate-key', 'title: a\ntitle: b'],
    ['agent-line-ignored', 'title: a\n- b'],
    ['agent-list-item-odd', 'mcpServers: ["github"]'],
    ['agent-list-item-odd', 'mcpServers:\n  - name: jira'],
    ['agent-list-item-odd', 'mcpServers:\n  - jira # the old one'],
    ['agent-block-scalar-unread', 'description: >-\n  a'],
    ['agent-block-scalar-unread', 'title: |\n  a'],
    ['agent-value-unread', 'system: yes'],
    ['agent-value-unread', 'supportsDirectStart:'],
    ['agent-value-unread', 'schemaVersion: two'],
    ['agent-name-odd', 'name: "a\u0007b"'],
    ['agent-name-odd', 'name: __proto__'],
  ])('%s: %j', (code, frontMatter) => {
    const { agent, codes } = parse(file(frontMatter))
    expect(agent).toBeDefined()
    expect(codes).toContain(code)
  })

  it('sees a byte order mark before the first fence', () => {
    const { agent, codes } = parse(`\uFEFF${file('name: y')}`)
    expect(agent?.name).toBe('x')
    expect(codes).toContain('agent-fence-hidden')
  })

  it('says nothing about a file without faults', () => {
    const text = file('name: y\ntitle: "T"\nmcpServers: [a, b]\ndescription: |\n  one: two\n# done')
    expect(parse(text).codes).toEqual([])
  })

  it('stays small and quick for a hostile file', () => {
    const { problems } = parseAgentMd(file(`${'x\n'.repeat(200_000)}${'k: v\n'.repeat(100_000)}`), 'x.agent.md')
    expect(problems.length).toBeLessThan(60)
    const long = parseAgentMd(file(`${'k'.repeat(1_000_000)}: v`), 'x.agent.md')
    expect(JSON.stringify(long.problems).length).toBeLessThan(500)
  })

  it('never sets a prototype', () => {
    const { agent } = parse(file('__proto__: x\nconstructor: y\nprototype:\n  - z'))
    expect(Object.getPrototypeOf(agent)).toBe(Object.prototype)
    expect(Object.keys(agent ?? {}).sort()).toEqual(['crawler', 'harvester', 'name', 'prompt', 'schemaVersion', 'tools', 'version'])
  })

  it('keeps the texts of a file out of its messages', () => {
    const { problems } = parseAgentMd(file('title: a\ns3cret one\nmodel: s3cret\napiKey: s3cret\nsystem: s3cret'), 'x.agent.md')
    expect(problems.length).toBeGreaterThanOrEqual(4)
    expect(JSON.stringify(problems)).not.toContain('s3cret')
  })
})
