import { basename, join, resolve } from 'node:path'
import {
  readAgentFolder, readInlineAgents, reportDuplicates, type ServerMap, serversOf, type StaticAgent, type StaticAgentInput,
} from './static-agents.js'
import { containedPath, isSkillFolderContained, readContained } from './static-contained.js'
import {
  copyJson, createProblemList, isObject, kindOf, parseJson, type Report, shown, type StaticProblem,
} from './static-files.js'
import { readInlineServers, readMcpJson, type StaticEnv, type StaticServer } from './static-mcp.js'

/** The sources, in the order of their strength: an inline server beats one of `mcpJson`, that one beats a plugin's. */
export interface StaticOptions {
  /** Plugin folders, relative ones against the working directory. A later one wins. Default: none. */
  pluginDirs?: string[]
  /** Path of one `.mcp.json`, flat or wrapped in `{"mcpServers": …}`. Its servers go to every session. Default: none. */
  mcpJson?: string
  inline?: {
    /** Name -> configuration, taken as it is: no `${WORD}` is expanded and no `cwd` set. They go to every session. */
    mcpServers?: Record<string, unknown>
    customAgents?: StaticAgentInput[]
    /** Handed through after the plugins' own `skills` folders; a missing one is reported and handed through too. */
    skillDirectories?: string[]
  }
  /** What `${WORD}` in files expands from. Default: empty, so that every variable is unset and becomes an empty text. */
  env?: StaticEnv
}

type Configs = Record<string, Record<string, unknown>>

/** What the worker runs without any catalog. Its names are protected against the catalog, unless the policy lists them. */
export interface StaticLayer {
  /** Every server. This is a catalog and no grant: see `staticGrants`. */
  mcpServers: ServerMap
  /** Agents to bind sessions to, in load order, then those with `system: true`. Of two copies the first one's prompt counts. */
  agents: readonly StaticAgent[]
  /** The plugins' agents named `default`: a prompt overlay (the last one's) and servers (of all) for every session. */
  defaultAgents: readonly StaticAgent[]
  /** Servers that said `default: true`: what `inheritDefaultMcpServers` adds. */
  defaultMcpServerNames: string[]
  /** Server name -> configuration, for every session. */
  baseMcpServers: Configs
  /** Agent name -> server name -> configuration; agents without servers are absent. Has no prototype: names are anybody's. */
  agentMcpServers: Record<string, Configs>
  /** The last plugin's `session-policy.json`, as read; null when there is none. */
  sessionPolicy: unknown
  skillDirectories: readonly string[]
  problems: readonly StaticProblem[]
}

interface Loading {
  env: StaticEnv
  report: Report
  servers: Map<string, StaticServer>
  /** Names that go to every session. */
  baseNames: Set<string>
  agents: StaticAgent[]
  systemAgents: StaticAgent[]
  defaultAgents: StaticAgent[]
  sessionPolicy: unknown
  sessionPolicyPath?: string
  skillDirectories: string[]
}

/**
 * Loads the base layer with the behaviour of PilotSwarm 0.5.42 (docs/static-configuration.md): what loads is what
 * loaded there, held by test/vectors/static-loading.json, and what it accepts in silence though it cannot work becomes
 * a problem. Synchronous like PilotSwarm's own; never throws for what it reads.
 * The vectors' `promptTail` is left to the runtime: prompts stay as they are in the files.
 */
export function loadStaticLayer(options: StaticOptions): StaticLayer {
  const { problems, report } = createProblemList()
  const loading: Loading = {
    env: options.env ?? {}, report, servers: new Map(), baseNames: new Set(),
    agents: [], systemAgents: [], defaultAgents: [], sessionPolicy: null, skillDirectories: [],
  }
  for (const folder of options.pluginDirs ?? []) loadPlugin(loading, resolve(folder))
  if (options.mcpJson !== undefined) {
    for (const server of readMcpJson(resolve(options.mcpJson), loading.env, report, 'ANY')) {
      addServer(loading, server)
      loading.baseNames.add(server.name)
    }
  }
  loadInline(loading, options.inline ?? {})
  return { ...resolveGrants(loading), problems }
}

/**
 * What one session gets of the layer.
 * @param agent name of the bound agent; undefined, or one that is not in the layer, gets the base servers alone
 * @param grants 'SET': every server of the layer; 'AGENT': the base servers and the agent's
 */
export function staticGrants(layer: StaticLayer, agent: string | undefined, grants: 'SET' | 'AGENT'): ServerMap {
  if (grants === 'SET') return new Map(layer.mcpServers)
  const ofAgent = agent !== undefined && Object.hasOwn(layer.agentMcpServers, agent) ? layer.agentMcpServers[agent] : undefined
  const granted = new Map<string, StaticServer>()
  for (const name of [...Object.keys(layer.baseMcpServers), ...Object.keys(ofAgent ?? {})]) {
    const server = layer.mcpServers.get(name)
    if (server) granted.set(name, server)
  }
  return granted
}

function loadPlugin(loading: Loading, folder: string): void {
  const { env, report } = loading
  if (kindOf(folder) !== 'FOLDER') {
    report('plugin-dir-missing', 'There is no such plugin folder.', folder)
    return
  }
  const agents = join(folder, 'agents')
  const hasAgents = containedPath(folder, agents, report) !== undefined
  for (const agent of hasAgents ? readAgentFolder(agents, readNamespace(folder, report), report) : []) {
    if (agent.name === 'default') addDefaultAgent(loading, agent)
    else (agent.system ? loading.systemAgents : loading.agents).push(agent)
  }
  for (const server of readMcpJson(join(folder, '.mcp.json'), env, report)) addServer(loading, server)
  if (kindOf(join(folder, 'mcp.json')) && !kindOf(join(folder, '.mcp.json'))) {
    report('mcp-json-misnamed', 'Only .mcp.json, with a dot, is read.', join(folder, 'mcp.json'))
  }
  const skills = join(folder, 'skills')
  if (kindOf(skills) === 'FOLDER' && isSkillFolderContained(folder, skills, report)) loading.skillDirectories.push(skills)
  readSessionPolicy(loading, folder)
}

function loadInline(loading: Loading, inline: NonNullable<StaticOptions['inline']>): void {
  const { mcpServers = {}, customAgents = [], skillDirectories = [] } = inline
  const { report, servers, baseNames } = loading
  for (const folder of skillDirectories) {
    if (kindOf(folder) !== 'FOLDER') report('skill-dir-missing', 'There is no such folder of skills.', resolve(folder))
    loading.skillDirectories.push(folder)
  }
  loading.agents.push(...readInlineAgents(customAgents, report))
  for (const [name, server] of readInlineServers(mcpServers, report)) {
    if (server) addServer(loading, server)
    // As in PilotSwarm, `{ name: undefined }` also takes the server of that name out of the files.
    else servers.delete(name)
    baseNames.add(name)
  }
  if (Object.keys(mcpServers).length > 0) {
    report('inline-in-every-session', 'Inline MCP servers go to every session, not only to agents that name them.', 'inline')
  }
}

/** Merges by bare name: the later source replaces the whole entry, nothing of the earlier one remains. */
function addServer({ servers, report }: Loading, server: StaticServer): void {
  const earlier = servers.get(server.name)
  if (earlier) report('server-replaced', `${shown(server.name)} from here wins over the one of ${earlier.origin}.`, server.origin)
  servers.set(server.name, server)
}

function addDefaultAgent({ defaultAgents, report }: Loading, agent: StaticAgent): void {
  const earlier = defaultAgents.at(-1)
  if (earlier) report('agent-default-repeated', `This prompt replaces that of ${earlier.origin}; the servers of both count.`, agent.origin)
  defaultAgents.push(agent)
}

function readNamespace(folder: string, report: Report): string {
  const path = join(folder, 'plugin.json')
  const text = readContained(folder, path, report)
  if (text === undefined) return basename(folder)
  const parsed = parseJson(text)
  const name = 'value' in parsed && isObject(parsed.value) ? parsed.value.name : undefined
  if (typeof name === 'string' && name !== '') return name
  if ('mistake' in parsed) report('plugin-json-invalid', `${parsed.mistake} The folder's name is used.`, path)
  else if (name !== '' && name !== undefined) report('plugin-json-invalid', 'The name is no text; the folder\'s name is used.', path)
  return basename(folder)
}

/** The last plugin that has one decides; one that cannot be read changes nothing. */
function readSessionPolicy(loading: Loading, folder: string): void {
  const { report, sessionPolicyPath } = loading
  const path = join(folder, 'session-policy.json')
  const text = readContained(folder, path, report)
  if (text === undefined) return
  const parsed = parseJson(text)
  const notes = { hasRefusedKey: false, isTooDeep: false }
  const policy = 'value' in parsed ? copyJson(parsed.value, (line) => line, notes) : undefined
  if ('mistake' in parsed || notes.isTooDeep) {
    report('session-policy-invalid', 'mistake' in parsed ? parsed.mistake : 'The policy is nested too deeply.', path)
    return
  }
  if (sessionPolicyPath !== undefined) report('session-policy-replaced', `This policy wins over the one of ${sessionPolicyPath}.`, path)
  loading.sessionPolicy = policy
  loading.sessionPolicyPath = path
}

/** Runs after every source is in, because a reference may lead to a server that a later source brings. */
function resolveGrants(loading: Loading): Omit<StaticLayer, 'problems'> {
  const { servers, report, sessionPolicy, skillDirectories, defaultAgents } = loading
  const agents = [...loading.agents, ...loading.systemAgents]
  const defaults = [...servers.values()].filter(({ config }) => config.default === true).map(({ name }) => name)
  // The tag is PilotSwarm's own; a runtime never sees it.
  for (const { config } of servers.values()) delete config.default
  const base = new Map<string, StaticServer>()
  for (const agent of defaultAgents) {
    for (const [name, server] of serversOf(agent, servers, defaults, report)) base.set(name, server)
  }
  for (const name of loading.baseNames) {
    const server = servers.get(name)
    if (server) base.set(name, server)
  }
  const agentMcpServers: Record<string, Configs> = Object.create(null) as Record<string, Configs>
  for (const agent of agents) {
    const granted = serversOf(agent, servers, defaults, report)
    // A later copy without servers takes them from an earlier one: a shadowed copy must not go on granting.
    if (granted.size > 0) agentMcpServers[agent.name] = configsOf(granted)
    else delete agentMcpServers[agent.name]
  }
  reportDuplicates(agents, report)
  return {
    mcpServers: servers, agents, defaultAgents, defaultMcpServerNames: defaults, baseMcpServers: configsOf(base),
    agentMcpServers, sessionPolicy, skillDirectories,
  }
}

function configsOf(servers: ServerMap): Configs {
  return Object.fromEntries([...servers].map(([name, { config }]) => [name, config]))
}
