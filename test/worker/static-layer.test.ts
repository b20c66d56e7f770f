import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { agentMdProblemCodes } from '../../src/core/agent-md.js'
import { readAgentFolder, type StaticAgentInput } from '../../src/worker/static-agents.js'
import { createProblemList, maxFileBytes, type StaticProblem, staticProblemCodes } from '../../src/worker/static-files.js'
import { loadStaticLayer, staticGrants, type StaticOptions } from '../../src/worker/static-layer.js'
import { readMcpJson } from '../../src/worker/static-mcp.js'

interface Vector { kind: 'mcp' | 'agent' | 'worker', id: string, warningCodes: string[] }
interface McpVector extends Vector { env: Record<string, string | null>, input: unknown, expected: object }
interface AgentVector extends Vector { file: string, input: string, expected: object[] }
interface WorkerVector extends Vector {
  dirs: Array<Record<string, unknown>>
  options: { pluginDirs?: string[], customAgents?: StaticAgentInput[] }
  expected: Record<string, unknown> & { loadedAgents: Array<Record<string, unknown>> }
}

const vectorsPath = new URL('../vectors/static-loading.json', import.meta.url)
const { vectors } = JSON.parse(readFileSync(vectorsPath, 'utf8')) as { vectors: Vector[] }
const ofKind = <Kind extends Vector>(kind: Vector['kind']) => vectors.filter((vector): vector is Kind => vector.kind === kind)

/** Warnings that PilotSwarm gives too and that the vectors therefore hold. Everything else is our own. */
const pilotSwarmCodes: readonly string[] = [
  ...agentMdProblemCodes.slice(0, 5), 'plugin-dir-missing', 'mcp-json-parse-error', 'mcp-json-root-not-object', 'mcp-ref-dropped',
]
const codesOf = (problems: readonly StaticProblem[]) => problems.map(({ code }) => code)
const knownToPilotSwarm = (problems: readonly StaticProblem[]) =>
  codesOf(problems).filter((code) => pilotSwarmCodes.includes(code)).sort()

const folders: string[] = []
afterEach(() => { for (const folder of folders.splice(0)) rmSync(folder, { recursive: true }) })

/** A plugin folder of its own; objects are written as JSON. */
function plugin(files: Record<string, unknown> = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-static-')))
  folders.push(folder)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return folder
}

/** Fills in the placeholders of a vector. */
function placed<Value>(value: Value, names: Record<string, string>): Value {
  const text = Object.entries(names).reduce((json, [name, path]) => json.replaceAll(name, path), JSON.stringify(value))
  return JSON.parse(text) as Value
}

const agentMd = (frontMatter: string, prompt = 'B') => `---\nschemaVersion: 2\nversion: 1\n${frontMatter}\n---\n${prompt}\n`
const http = (url: string) => ({ type: 'http', url, tools: ['*'] })
const load = (options: StaticOptions) => {
  const layer = loadStaticLayer(options)
  return { layer, codes: codesOf(layer.problems), names: [...layer.mcpServers.keys()] }
}
const loadMcp = (mcpJson: unknown, env: StaticOptions['env'] = {}) => load({ pluginDirs: [plugin({ '.mcp.json': mcpJson })], env })

describe('what PilotSwarm 0.5.42 loaded', () => {
  it('is held by 32 vectors', () => {
    expect([ofKind('mcp'), ofKind('agent'), ofKind('worker')].map((list) => list.length)).toEqual([18, 8, 6])
  })

  it.each(ofKind<McpVector>('mcp'))('mcp: $id', ({ env, input, expected, warningCodes }) => {
    const folder = plugin(input === null ? {} : { '.mcp.json': input })
    const { problems, report } = createProblemList()
    const given = Object.fromEntries(Object.entries(env).map(([word, value]) => [word, value ?? undefined]))
    const servers = readMcpJson(join(folder, '.mcp.json'), given, report)
    expect(Object.fromEntries(servers.map(({ name, config }) => [name, config]))).toEqual(placed(expected, { '<dir>': folder }))
    expect(knownToPilotSwarm(problems)).toEqual(warningCodes)
  })

  it.each(ofKind<AgentVector>('agent'))('agent: $id', ({ file, input, expected, warningCodes }) => {
    const folder = plugin({ [`agents/${file}`]: input })
    const { problems, report } = createProblemList()
    const agents = readAgentFolder(join(folder, 'agents'), 'spaced', report)
    const asPilotSwarm = agents.map(({ origin, namespace: _, ...agent }) => ({ ...agent, sourcePath: origin }))
    expect(asPilotSwarm).toEqual(placed(expected, { '<dir>': folder }))
    expect(knownToPilotSwarm(problems)).toEqual([...warningCodes].sort())
  })

  it.each(ofKind<WorkerVector>('worker'))('worker: $id', ({ dirs, options, expected, warningCodes }) => {
    const pluginDirs = dirs.map(plugin)
    const layer = loadStaticLayer({
      pluginDirs: [...pluginDirs, ...options.pluginDirs ?? []], inline: { customAgents: options.customAgents },
    })
    const loaded = {
      loadedMcpServers: Object.fromEntries([...layer.mcpServers].map(([name, { config }]) => [name, config])),
      defaultMcpServerNames: layer.defaultMcpServerNames,
      baseMcpServers: layer.baseMcpServers,
      agentMcpServers: layer.agentMcpServers,
      loadedAgents: layer.agents.map(({ name, namespace }) => ({
        name, namespace: namespace ?? null, mcpServers: layer.agentMcpServers[name] ? Object.keys(layer.agentMcpServers[name]) : null,
      })),
      sessionPolicy: layer.sessionPolicy,
    }
    // `promptTail` tells how PilotSwarm's runtime wraps a prompt. That is no part of loading: the layer keeps the file's own.
    const loadedAgents = expected.loadedAgents.map(({ promptTail: _, ...agent }) => agent)
    const dirNames = Object.fromEntries(pluginDirs.map((dir, at) => [`<dir${at}>`, dir]))
    expect(loaded).toEqual(placed({ ...expected, loadedAgents }, { ...dirNames, '<basename of dir>': basename(pluginDirs[0] ?? '') }))
    expect(layer.agents.every(({ prompt }) => prompt === 'B\n' || prompt === 'P')).toBe(true)
    expect(knownToPilotSwarm(layer.problems)).toEqual(warningCodes)
  })
})

describe('sources', () => {
  it('lets inline win over mcpJson, and mcpJson over plugins, whole entry by whole entry', () => {
    const pluginDirs = [plugin({ '.mcp.json': { a: http('https://1'), b: { ...http('https://1'), headers: { x: 'y' } }, c: http('https://1') } })]
    const mcpJson = join(plugin({ 'servers.json': { b: http('https://2'), c: http('https://2') } }), 'servers.json')
    const { layer, codes } = load({ pluginDirs, mcpJson, inline: { mcpServers: { c: http('https://3') } } })
    expect([...layer.mcpServers.values()].map(({ name, config, origin }) => [name, config, origin])).toEqual([
      ['a', http('https://1'), join(pluginDirs[0] ?? '', '.mcp.json')], ['b', http('https://2'), mcpJson], ['c', http('https://3'), 'inline'],
    ])
    expect(layer.problems.filter(({ code }) => code === 'server-replaced').map(({ origin }) => origin)).toEqual([mcpJson, mcpJson, 'inline'])
    expect(Object.keys(layer.baseMcpServers)).toEqual(['b', 'c'])
    expect(codes).toContain('inline-in-every-session')
  })

  it.each([['flat', { s: { command: 'node', cwd: 'sub' } }], ['wrapped', { mcpServers: { s: { command: 'node', cwd: 'sub' } } }]])(
    'opens mcpJson when it is %s', (_shape, content) => {
      const folder = plugin({ 'servers.json': content })
      const { layer, codes } = load({ mcpJson: join(folder, 'servers.json') })
      expect(layer.baseMcpServers).toEqual({ s: { command: 'node', cwd: join(folder, 'sub') } })
      expect(codes).toEqual([])
    })

  it('names what stands beside the wrapper, and a file that is not there', () => {
    const folder = plugin({ 'servers.json': { mcpServers: {}, inputs: [] } })
    expect(load({ mcpJson: join(folder, 'servers.json') }).codes).toEqual(['mcp-json-beside-wrapper'])
    expect(load({ mcpJson: join(folder, 'other.json') }).codes).toEqual(['mcp-json-missing'])
  })

  it('neither expands nor anchors nor changes an inline option', () => {
    const server = Object.freeze({ command: 'node', args: ['${TOKEN}'], default: true })
    const { layer, codes } = load({ inline: { mcpServers: { s: server } }, env: { TOKEN: 'x' } })
    expect(layer.mcpServers.get('s')?.config).toEqual({ command: 'node', args: ['${TOKEN}'] })
    expect(layer.defaultMcpServerNames).toEqual(['s'])
    expect(server.default).toBe(true)
    expect(codes).toContain('env-syntax-left')
  })

  it('takes a server out when the inline one of its name is nothing', () => {
    const options = { pluginDirs: [plugin({ '.mcp.json': { s: http('https://x'), t: http('https://x') } })], inline: { mcpServers: { s: undefined } } }
    expect(load(options).names).toEqual(['t'])
    expect(load(options).codes).toContain('server-not-object')
  })

  it('loads nothing from no sources', () => {
    const { layer } = load({})
    expect(layer).toMatchObject({ agents: [], baseMcpServers: {}, sessionPolicy: null, skillDirectories: [], problems: [] })
  })

  it('takes the namespace from plugin.json', () => {
    const agents = { 'agents/a.agent.md': agentMd('name: a') }
    const named = load({ pluginDirs: [plugin({ ...agents, 'plugin.json': { name: 'desk' } })] })
    expect(named.layer.agents[0]?.namespace).toBe('desk')
    const dir = plugin({ ...agents, 'plugin.json': '{' })
    const broken = load({ pluginDirs: [dir] })
    expect(broken.layer.agents[0]?.namespace).toBe(basename(dir))
    expect(broken.codes).toEqual(['plugin-json-invalid'])
  })

  it('keeps an earlier session policy when a later one is broken', () => {
    const policy = (content: unknown) => plugin({ 'session-policy.json': content })
    const { layer, codes } = load({ pluginDirs: [policy({ version: 1 }), policy('{'), policy('{"version":2,"__proto__":{"x":1}}')] })
    expect(layer.sessionPolicy).toEqual({ version: 2 })
    expect(codes).toEqual(['session-policy-invalid', 'session-policy-replaced'])
  })

  it('hands folders of skills through', () => {
    const dir = plugin({ 'skills/s/SKILL.md': 'x' })
    const { layer, codes } = load({ pluginDirs: [dir], inline: { skillDirectories: ['/nowhere/skills'] } })
    expect(layer.skillDirectories).toEqual([join(dir, 'skills'), '/nowhere/skills'])
    expect(codes).toEqual(['skill-dir-missing'])
  })
})

describe('staticGrants', () => {
  const options = () => ({
    pluginDirs: [plugin({
      '.mcp.json': { base: http('https://b'), named: http('https://n'), tagged: { ...http('https://t'), default: true }, idle: http('https://i') },
      'agents/default.agent.md': agentMd('name: default\nmcpServers: [base]'),
      'agents/one.agent.md': agentMd('name: one\nmcpServers: [named]\ninheritDefaultMcpServers: true'),
      'agents/sys.agent.md': agentMd('name: sys\nsystem: true\nmcpServers: [idle]'),
    })],
    inline: { mcpServers: { inline: http('https://x') } },
  })

  it.each([
    [undefined, 'AGENT', ['base', 'inline']],
    ['one', 'AGENT', ['base', 'inline', 'tagged', 'named']],
    ['sys', 'AGENT', ['base', 'inline', 'idle']],
    ['catalog-agent', 'AGENT', ['base', 'inline']],
    ['__proto__', 'AGENT', ['base', 'inline']],
    ['one', 'SET', ['base', 'named', 'tagged', 'idle', 'inline']],
  ] as const)('gives %s with %s: %j', (agent, grants, names) => {
    const granted = staticGrants(loadStaticLayer(options()), agent, grants)
    expect([...granted.keys()]).toEqual(names)
    for (const [name, server] of granted) expect(server.name).toBe(name)
  })

  it('lists system agents last and default agents apart', () => {
    const { layer } = load(options())
    expect(layer.agents.map(({ name }) => name)).toEqual(['one', 'sys'])
    expect(layer.defaultAgents.map(({ name }) => name)).toEqual(['default'])
  })
})

describe('silence becomes a problem: servers', () => {
  it.each([
    ['mcp-json-wrapped', { mcpServers: { a: { command: 'x' } } }],
    ['server-not-object', { a: 'node' }],
    ['server-is-list', { a: [1] }],
    ['server-without-target', { a: { tools: ['*'] } }],
    ['server-without-target', { a: { command: '${UNSET}' } }],
    ['server-with-two-targets', { a: { command: 'x', url: 'https://x' } }],
    ['server-type-missing', { a: { url: 'https://x' } }],
    ['server-type-unknown', { a: { type: 'ws', url: 'https://x' } }],
    ['server-type-mismatch', { a: { type: 'stdio', url: 'https://x' } }],
    ['server-type-mismatch', { a: { type: 'http', command: 'x' } }],
    ['server-enabled-ignored', { a: { command: 'x', enabled: false } }],
    ['server-enabled-ignored', { a: { command: 'x', disabled: true } }],
    ['server-unknown-key', { a: { command: 'x', cmd: 'y' } }],
    ['server-unknown-key', { a: { command: 'x', constructor: 'y' } }],
    ['server-value-type', { a: { command: 'x', args: 'y' } }],
    ['server-value-type', { a: { command: 'x', env: { PORT: 1 } } }],
    ['server-value-type', { a: { command: 'x', default: 'true' } }],
    ['server-name-odd', { 'a.b': { command: 'x' } }],
    ['server-name-odd', { '': { command: 'x' } }],
    ['env-unset', { a: { command: 'x', args: ['${UNSET}'] } }],
    ['env-unset', { a: { command: 'x', args: ['${constructor}'] } }],
    ['env-syntax-left', { a: { command: 'x', args: ['$HOME'] } }],
    ['env-syntax-left', { a: { command: 'x', args: ['${TOKEN:-x}'] } }],
  ])('%s: %j', (code, content) => {
    const { layer, codes, names } = loadMcp(content)
    expect(codes).toContain(code)
    expect(names).toEqual(code === 'server-not-object' ? [] : Object.keys(content))
    expect(layer.problems.every(({ origin }) => origin.endsWith('/.mcp.json'))).toBe(true)
  })

  it('is silent about a server that works', () => {
    const stdio = { type: 'stdio', command: 'node', args: ['a.js'], env: { A: '${SET}', B: '${EMPTY}' }, tools: ['*'], timeout: 5, default: true, deferTools: 'never' }
    expect(loadMcp({ stdio, web: { ...http('https://x?a=1$'), headers: { A: 'b' } } }, { SET: 'x', EMPTY: '' }).codes).toEqual([])
  })

  it('refuses the whole file for a cwd that is no text, as PilotSwarm does', () => {
    const { codes, names } = loadMcp({ good: { command: 'x' }, bad: { command: 'x', cwd: 5 } })
    expect([names, codes]).toEqual([[], ['server-value-type', 'server-cwd-not-text']])
  })

  it('leaves an absolute cwd letter for letter', () => {
    const { layer } = loadMcp({ a: { command: 'x', cwd: '/abs/../dir/' } })
    expect(layer.mcpServers.get('a')?.config.cwd).toBe('/abs/../dir/')
  })

  it('sees a file without its dot', () => {
    expect(load({ pluginDirs: [plugin({ 'mcp.json': {} })] }).codes).toEqual(['mcp-json-misnamed'])
  })
})

describe('silence becomes a problem: agents', () => {
  const dirs = (...frontMatters: string[]) => frontMatters.map((frontMatter, at) =>
    plugin({ 'agents/a.agent.md': agentMd(frontMatter, `prompt ${at}`), '.mcp.json': { [`s${at}`]: http('https://x') } }))

  it('says which copy of an agent counts', () => {
    const pluginDirs = dirs('name: a\nmcpServers: [s0]', 'name: a\nmcpServers: [s1]')
    const { layer, codes } = load({ pluginDirs })
    expect(layer.agents.map(({ prompt }) => prompt)).toEqual(['prompt 0\n', 'prompt 1\n'])
    expect(Object.keys(layer.agentMcpServers.a ?? {})).toEqual(['s1'])
    expect(codes).toEqual(['agent-duplicate'])
  })

  it('takes the servers of a shadowed copy away', () => {
    expect(load({ pluginDirs: dirs('name: a\nmcpServers: [s0]', 'name: a') }).layer.agentMcpServers).toEqual({})
  })

  it.each([
    ['agent-name-ambiguous', ['name: Triage-Agent', 'name: triage']],
    ['agent-default-repeated', ['name: default', 'name: default']],
    ['mcp-ref-dropped', ['name: a\nmcpServers: [constructor]']],
    ['mcp-ref-dropped', ['name: default\nmcpServers: [nope]']],
    ['mcp-ref-invalid', ['name: a\nmcpServers:\n  - ""']],
    ['mcp-default-set-empty', ['name: a\ninheritDefaultMcpServers: true']],
  ])('%s: %j', (code, frontMatters) => {
    expect(load({ pluginDirs: dirs(...frontMatters) }).codes).toContain(code)
  })

  it('counts the servers of every default agent', () => {
    const { layer } = load({ pluginDirs: dirs('name: default\nmcpServers: [s0]', 'name: default\nmcpServers: [s1]') })
    expect(Object.keys(layer.baseMcpServers)).toEqual(['s0', 's1'])
  })

  it('judges inline agents, which are ordinary whatever they are called', () => {
    const customAgents = [
      { name: 'default', prompt: 'P', mcpServers: ['s'] }, { name: '', prompt: 'P' }, { name: 'x', prompt: 'P', mcpServers: [7] }, null,
    ] as StaticAgentInput[]
    const { layer, codes } = load({ inline: { customAgents } })
    expect(layer.agents.map(({ name, origin }) => [name, origin])).toEqual([['default', 'inline'], ['x', 'inline']])
    expect(codes).toEqual(['agent-invalid', 'agent-invalid', 'mcp-ref-dropped', 'mcp-ref-invalid'])
  })

  it('names files of agents that are not read', () => {
    const dir = plugin({ 'agents/a.md': 'x', 'agents/sub/b.agent.md': 'x', 'agents/README.md': 'x' })
    symlinkSync(join(dir, 'agents/a.md'), join(dir, 'agents/link.agent.md'))
    expect(load({ pluginDirs: [dir] }).codes).toEqual(['agent-file-ignored', 'agent-file-ignored', 'agent-file-ignored'])
  })
})

describe('hostile files', () => {
  it('never set a prototype', () => {
    const { layer, codes, names } = loadMcp('{"__proto__":{"command":"x"},"a":{"command":"x","env":{"__proto__":{"polluted":"y"},"K":"v"}}}')
    expect(names).toEqual(['a'])
    const env = layer.mcpServers.get('a')?.config.env
    expect(Object.getPrototypeOf(env)).toBe(Object.prototype)
    expect(env).toEqual({ K: 'v' })
    expect(codes).toEqual(['server-name-refused', 'server-key-refused'])
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  it('cannot give an agent a prototype for its grants', () => {
    const dir = plugin({ 'agents/a.agent.md': agentMd('name: __proto__\nmcpServers: [s]'), '.mcp.json': { s: http('https://x') } })
    const { agentMcpServers } = loadStaticLayer({ pluginDirs: [dir] })
    expect(Object.keys(agentMcpServers)).toEqual(['__proto__'])
    expect(agentMcpServers.s).toBeUndefined()
  })

  it('are skipped when they are too large, and read up to that size', () => {
    const agent = agentMd('name: a')
    const fitting = plugin({ '.mcp.json': `{}${' '.repeat(maxFileBytes - 2)}`, 'agents/a.agent.md': agent + 'x'.repeat(maxFileBytes - agent.length) })
    expect(load({ pluginDirs: [fitting] }).codes).toEqual([])
    const large = plugin({ '.mcp.json': `{}${' '.repeat(maxFileBytes - 1)}`, 'agents/a.agent.md': agent + 'x'.repeat(maxFileBytes) })
    const { layer, codes } = load({ pluginDirs: [large] })
    expect([layer.agents, codes]).toEqual([[], ['file-too-large', 'file-too-large']])
  })

  it('are skipped when they are no files', () => {
    const dir = plugin({ 'agents/a.agent.md': agentMd('name: a'), '.mcp.json/x': '' })
    execFileSync('mkfifo', [join(dir, 'session-policy.json')])
    const { layer, codes } = load({ pluginDirs: [dir] })
    expect([layer.agents.length, codes]).toEqual([1, ['file-unreadable', 'file-unreadable']])
    expect(load({ pluginDirs: [plugin({ agents: 'x' })] }).codes).toEqual(['file-unreadable'])
    expect(load({ pluginDirs: [join(dir, 'agents/a.agent.md')] }).codes).toEqual(['plugin-dir-missing'])
  })

  it('may nest as deep as they like', () => {
    const nested = (depth: number) => `{"a":{"command":"x","deep":${'['.repeat(depth)}${']'.repeat(depth)}},"b":{"command":"x"}}`
    expect(loadMcp(nested(20)).names).toEqual(['a', 'b'])
    expect(loadMcp(nested(100))).toMatchObject({ names: ['b'], codes: ['server-too-deep'] })
    expect(loadMcp(nested(400_000)).names.length).toBeLessThan(2)
    const cycle: Record<string, unknown> = { command: 'x' }
    Object.assign(cycle, { one: cycle, two: cycle })
    expect(load({ inline: { mcpServers: { cycle } } })).toMatchObject({ names: [] })
  })

  it('are reported in bounded length', () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`${at}${'n'.repeat(100)}`, 1]))
    const { layer, codes } = loadMcp(many)
    expect(codes.length).toBe(101)
    expect(codes.at(-1)).toBe('problems-omitted')
    expect(JSON.stringify(layer.problems).length).toBeLessThan(30_000)
  })

  it('keep their values and the environment out of every message', () => {
    const { layer } = loadMcp({ a: { type: 's3cret', url: '${TOKEN}', env: { A: ['s3cret'] }, foo: 's3cret$X', timeout: 's3cret' } }, { TOKEN: 's3cret' })
    const broken = loadMcp('{"a":{"url":"s3cret","b":s3cret')
    expect(codesOf(layer.problems).length).toBeGreaterThan(3)
    expect(broken.codes).toEqual(['mcp-json-parse-error'])
    expect(JSON.stringify([layer.problems, broken.layer.problems])).not.toContain('s3cret')
  })
})

it('documents every problem', () => {
  const page = readFileSync(new URL('../../docs/static-configuration.md', import.meta.url), 'utf8')
  expect(staticProblemCodes.filter((code) => !page.includes(`\`${code}\``))).toEqual([])
})
