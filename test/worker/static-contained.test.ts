import { chmodSync, linkSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { maxFileBytes } from '../../src/worker/static-files.js'
import { loadStaticLayer, type StaticLayer } from '../../src/worker/static-layer.js'

const roots: string[] = []
afterEach(() => { for (const root of roots.splice(0)) rmSync(root, { recursive: true }) })

const agentMd = (more = '', name = 'a') => `---\nschemaVersion: 2\nversion: 1\nname: ${name}\n${more}---\nB\n`
const mcpJson = JSON.stringify({ s: { type: 'http', url: 'https://s.example.com' } })
const skill = 'how it is done'
const policy = JSON.stringify({ version: 1 })

/** A folder `plugin` and, beside it, a folder `else` that holds one good thing of each kind. */
class Place {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-contained-')))
  readonly plugin = join(this.root, 'plugin')

  constructor() {
    roots.push(this.root)
    mkdirSync(this.plugin)
    this.write({
      'else/.mcp.json': mcpJson, 'else/agents/a.agent.md': agentMd(), 'else/session-policy.json': policy, 'else/plugin.json': '{"name":"elsewhere"}',
      'else/skills/s/SKILL.md': skill,
    })
  }

  write(files: Record<string, string>): this {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, name)), { recursive: true })
      writeFileSync(join(this.root, name), text)
    }
    return this
  }

  /** A symbolic link in the plugin folder; `target` as it will stand there. */
  link(name: string, target: string): this {
    mkdirSync(dirname(join(this.plugin, name)), { recursive: true })
    symlinkSync(target, join(this.plugin, name))
    return this
  }

  hardLink(name: string, target: string): this {
    mkdirSync(dirname(join(this.plugin, name)), { recursive: true })
    linkSync(join(this.root, target), join(this.plugin, name))
    return this
  }

  load(folder = this.plugin): { loaded: string[], codes: string[] } {
    const layer = loadStaticLayer({ pluginDirs: [folder], env: { UP: '../else', NUL: 'a\0b' } })
    return { loaded: inventory(layer), codes: layer.problems.map(({ code, origin }) => `${code} ${origin.replace(`${folder}/`, '')}`) }
  }
}

function inventory(layer: StaticLayer): string[] {
  return [
    ...[...layer.mcpServers.keys()].map((name) => `server ${name}`),
    ...layer.agents.map(({ name, namespace, skills }) => `agent ${namespace}:${name}${skills ? ` ${skills.join()}` : ''}`),
    ...(layer.sessionPolicy === null ? [] : ['policy']),
    ...layer.skillDirectories.map((folder) => `skills ${folder.slice(folder.lastIndexOf('/') + 1)}`),
  ]
}

const stdio = (server: object) => (place: Place) => place.write({ 'plugin/.mcp.json': JSON.stringify({ s: { command: 'node', ...server } }) })

type Row = [what: string, lay: (place: Place) => Place, codes: string[]]

describe('S16: what leads out of a plugin folder is refused and reported', () => {
  it.each<Row>([
    ['a symbolic link out, relative', (place) => place.link('.mcp.json', '../else/.mcp.json'), ['path-outside .mcp.json']],
    ['a symbolic link out, absolute', (place) => place.link('.mcp.json', join(place.root, 'else/.mcp.json')), ['path-outside .mcp.json']],
    ['a chain of links', (place) => place.link('one', '../else').link('two', 'one').link('.mcp.json', 'two/.mcp.json'), ['path-outside .mcp.json']],
    ['a link to a folder beside it that begins with the same name', (place) => place.write({ 'plugin-b/.mcp.json': mcpJson }).link('.mcp.json', '../plugin-b/.mcp.json'), ['path-outside .mcp.json']],
    ['a link to the system', (place) => place.link('session-policy.json', '/etc/passwd'), ['path-outside session-policy.json']],
    ['a link to a device', (place) => place.link('session-policy.json', '/dev/zero'), ['path-outside session-policy.json']],
    ['a link to a session policy', (place) => place.link('session-policy.json', '../else/session-policy.json'), ['path-outside session-policy.json']],
    ['a link to a folder of agents', (place) => place.link('agents', '../else/agents'), ['path-outside agents']],
    ['a link among the agents', (place) => place.link('agents/a.agent.md', '../../else/agents/a.agent.md'), ['agent-file-ignored agents/a.agent.md']],
    ['a link to a folder of skills', (place) => place.link('skills', '../else/skills'), ['path-outside skills']],
    ['a link to one skill', (place) => place.link('skills/s', '../../else/skills/s'), ['path-outside skills/s']],
    ['a link to a skill\'s text', (place) => place.link('skills/s/SKILL.md', '../../../else/skills/s/SKILL.md'), ['path-outside skills/s/SKILL.md']],
    ['a link to nothing', (place) => place.link('.mcp.json', '../else/none.json'), ['file-unreadable .mcp.json']],
    ['a link to itself', (place) => place.link('.mcp.json', '.mcp.json'), ['file-unreadable .mcp.json']],
    ['a hard link', (place) => place.hardLink('.mcp.json', 'else/.mcp.json'), ['path-hard-linked .mcp.json']],
    ['a hard link behind a link', (place) => place.hardLink('inner.json', 'else/.mcp.json').link('.mcp.json', 'inner.json'), ['path-hard-linked .mcp.json']],
    ['a hard link to a session policy', (place) => place.hardLink('session-policy.json', 'else/session-policy.json'), ['path-hard-linked session-policy.json']],
    ['a hard link among the agents', (place) => place.hardLink('agents/a.agent.md', 'else/agents/a.agent.md'), ['path-hard-linked agents/a.agent.md']],
    ['a hard link to a skill\'s text', (place) => place.hardLink('skills/s/SKILL.md', 'else/skills/s/SKILL.md'), ['path-hard-linked skills/s/SKILL.md']],
    ['two names that differ by case', (place) => place.write({ 'plugin/.mcp.json': mcpJson, 'plugin/.MCP.json': '{}' }), ['path-case-collision .mcp.json']],
    ['two folders that differ by case', (place) => place.write({ 'plugin/agents/a.agent.md': agentMd(), 'plugin/Agents/b.agent.md': agentMd() }), ['path-case-collision agents']],
    ['two folders of skills', (place) => place.write({ 'plugin/skills/s/SKILL.md': skill, 'plugin/SKILLS/s/SKILL.md': skill }), ['path-case-collision skills']],
    ['two skills', (place) => place.write({ 'plugin/skills/s/SKILL.md': skill, 'plugin/skills/S/SKILL.md': skill }), ['path-case-collision skills/S', 'path-case-collision skills/s']],
    ['two agents', (place) => place.write({ 'plugin/agents/a.agent.md': agentMd(), 'plugin/agents/A.agent.md': agentMd() }), ['path-case-collision agents/A.agent.md', 'path-case-collision agents/a.agent.md']],
    ['two agents, the one with another ending', (place) => place.write({ 'plugin/agents/a.agent.md': agentMd(), 'plugin/agents/a.Agent.MD': 'x' }), ['path-case-collision agents/a.Agent.MD', 'path-case-collision agents/a.agent.md']],
    ['two agents in two compositions', (place) => place.write({ 'plugin/agents/\u00e9.agent.md': agentMd(), 'plugin/agents/E\u0301.agent.md': agentMd() }), ['path-case-collision agents/E\u0301.agent.md', 'path-case-collision agents/\u00e9.agent.md']],
    ['too large a file of servers', (place) => place.write({ 'plugin/.mcp.json': mcpJson.padEnd(maxFileBytes + 1) }), ['file-too-large .mcp.json']],
    ['too large an agent', (place) => place.write({ 'plugin/agents/a.agent.md': agentMd().padEnd(maxFileBytes + 1) }), ['file-too-large agents/a.agent.md']],
    ['too large a session policy', (place) => place.write({ 'plugin/session-policy.json': policy.padEnd(maxFileBytes + 1) }), ['file-too-large session-policy.json']],
    ['too large a skill', (place) => place.write({ 'plugin/skills/s/SKILL.md': skill.padEnd(maxFileBytes + 1) }), ['file-too-large skills/s/SKILL.md']],
    ['a cwd above', stdio({ cwd: '..' }), ['path-outside .mcp.json']],
    ['a cwd beside it', stdio({ cwd: '../else' }), ['path-outside .mcp.json']],
    ['a cwd beside it with the same beginning', stdio({ cwd: '../plugin-b' }), ['path-outside .mcp.json']],
    ['a cwd that goes in before it goes out', stdio({ cwd: './a/b/../../../else' }), ['path-outside .mcp.json']],
    ['a cwd that a variable leads out', stdio({ cwd: '${UP}' }), ['path-outside .mcp.json']],
    ['a cwd through a link', (place) => stdio({ cwd: 'way' })(place).link('way', '../else'), ['path-outside .mcp.json']],
    ['a cwd through a link, not there yet', (place) => stdio({ cwd: 'way/later/more' })(place).link('way', '../else'), ['path-outside .mcp.json']],
    ['a cwd through a link to nothing', (place) => stdio({ cwd: 'way' })(place).link('way', '../none'), ['path-outside .mcp.json']],
    ['a command above', stdio({ command: '../else/run' }), ['path-outside .mcp.json']],
    ['a command above its cwd and the folder', stdio({ command: '../../else/run', cwd: 'sub' }), ['path-outside .mcp.json']],
    ['a command above an absolute cwd', stdio({ command: '../run', cwd: '/srv/mcp' }), ['path-outside .mcp.json']],
    ['NUL in a cwd', stdio({ cwd: 'a\0/../../else' }), ['path-with-nul .mcp.json']],
    ['NUL in an absolute cwd', stdio({ cwd: '/srv\0' }), ['path-with-nul .mcp.json']],
    ['NUL from a variable', stdio({ cwd: '${NUL}' }), ['path-with-nul .mcp.json']],
    ['NUL in a command', stdio({ command: 'node\0.sh' }), ['path-with-nul .mcp.json']],
  ])('%s', (_, lay, codes) => {
    const found = lay(new Place()).load()
    expect(found.loaded).toEqual([])
    expect([...found.codes].sort()).toEqual(codes)
  })

  it('a plugin.json from elsewhere names nothing, and what one lists is not followed', () => {
    const agents = { 'plugin/agents/a.agent.md': agentMd() }
    for (const place of [new Place().link('plugin.json', '../else/plugin.json'), new Place().hardLink('plugin.json', 'else/plugin.json')]) {
      expect(place.write(agents).load().loaded).toEqual(['agent plugin:a'])
    }
    const layout = JSON.stringify({ name: 'own', agents: ['../else/agents/a.agent.md', '/etc/passwd'], mcpConfig: '../else/.mcp.json', skills: ['../else/skills/s'] })
    expect(new Place().write({ 'plugin/plugin.json': layout }).load()).toEqual({ loaded: [], codes: [] })
  })

  it.each(['../s', '/etc/s', '..', '.', 'a/../../s', '..\\s', 's/', '\0'])('an agent\'s skill %j is no name', (reference) => {
    const { loaded, codes } = new Place().write({ 'plugin/agents/a.agent.md': agentMd(`skills: [good, ${reference}]\n`) }).load()
    expect([loaded, codes]).toEqual([['agent plugin:a good'], ['skill-ref-refused agents/a.agent.md']])
  })

  it('one bad server costs no other', () => {
    const servers = { bad: { command: 'node', cwd: '..' }, good: { command: 'node' } }
    expect(new Place().write({ 'plugin/.mcp.json': JSON.stringify(servers) }).load().loaded).toEqual(['server good'])
  })
})

describe('S16: what stays in is loaded as ever', () => {
  const all = ['server s', 'agent plugin:a', 'policy', 'skills skills']

  function fill(place: Place): Place {
    for (const name of ['.mcp.json', 'agents', 'session-policy.json', 'skills']) renameSync(join(place.root, 'else', name), join(place.plugin, name))
    return place
  }

  it('a plain folder, and the same by a link that the operator gave', () => {
    const place = fill(new Place())
    expect(place.load()).toEqual({ loaded: all, codes: [] })
    symlinkSync(place.plugin, join(place.root, 'by-link'))
    const byLink = loadStaticLayer({ pluginDirs: [join(place.root, 'by-link')] })
    expect([inventory(byLink).map((line) => line.replace('by-link', 'plugin')), byLink.problems]).toEqual([all, []])
  })

  it('a volume of Kubernetes: links inside, by a folder whose name begins with two dots', () => {
    const place = new Place()
    renameSync(join(place.root, 'else'), join(place.plugin, '..2026_11_25'))
    place.link('..data', '..2026_11_25')
    for (const name of ['.mcp.json', 'agents', 'session-policy.json', 'skills']) place.link(name, `..data/${name}`)
    expect(place.load()).toEqual({ loaded: all, codes: [] })
  })

  it.each<[string, (place: Place) => Place]>([
    ['a cwd in it', stdio({ cwd: 'sub' })],
    ['a cwd that goes out of a folder and stays in', stdio({ cwd: 'a/../b' })],
    ['a cwd that begins with two dots', stdio({ cwd: '..data' })],
    ['an absolute cwd, which says openly where it leads', stdio({ cwd: '/srv/mcp' })],
    ['a command in it', stdio({ command: './bin/run' })],
    ['a command above its cwd', stdio({ command: '../run', cwd: 'sub' })],
    ['a command below an absolute cwd', stdio({ command: './run', cwd: '/srv/mcp/' })],
    ['an absolute command', stdio({ command: '/usr/bin/env' })],
    ['arguments, which are the server\'s to read', stdio({ args: ['../else/server.js'] })],
    ['a cwd through a link inside', (place) => stdio({ cwd: 'way' })(place.write({ 'plugin/sub/x': '' }).link('way', 'sub'))],
    ['the Python of a virtual environment', (place) => stdio({ command: './.venv/bin/python' })(place.link('.venv/bin/python', '/usr/bin/env'))],
  ])('%s', (_, lay) => { expect(lay(new Place()).load()).toEqual({ loaded: ['server s'], codes: [] }) })

  it('a file of the option mcpJson is the operator\'s word: a link, and paths out of its folder', () => {
    const place = new Place().write({ 'else/own.json': JSON.stringify({ s: { command: '../run', cwd: '../..' } }) }).link('own.json', '../else/own.json')
    const layer = loadStaticLayer({ mcpJson: join(place.plugin, 'own.json') })
    expect([inventory(layer), layer.problems]).toEqual([['server s'], []])
  })

  it('a folder of skills that cannot be read is not handed on, and nothing throws', () => {
    const place = fill(new Place())
    chmodSync(join(place.plugin, 'skills'), 0o000)
    const { loaded, codes } = place.load()
    chmodSync(join(place.plugin, 'skills'), 0o700)
    // For root nothing is closed.
    expect([all, all.slice(0, 3)]).toContainEqual(loaded)
    expect(codes.length).toBe(all.length - loaded.length)
  })
})
