import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type AgentMd, parseAgentMd } from '../core/agent-md.js'
import { isPathLike } from '../core/rules/agent-references.js'
import { namesLikeOthers, reportLikeOthers } from './static-contained.js'
import { errorCode, isObject, readText, type Report, shown, type StaticProblemCode } from './static-files.js'
import type { StaticServer } from './static-mcp.js'

/** One agent of the base layer. `prompt` is the file's own: the runtime puts its layers around it. */
export interface StaticAgent extends AgentMd {
  /** The plugin's name; absent for inline agents. */
  namespace?: string
  /** Path of the file it came from, or 'inline'. */
  origin: string
}

/** An inline agent: a name and a prompt, and whatever a file could hold. `mcpServers` are names here too. */
export type StaticAgentInput = Pick<AgentMd, 'name' | 'prompt'> & Partial<AgentMd>

/**
 * Reads `<folder>/*.agent.md` in the order of their names, not recursively (PilotSwarm 0.5.42). A missing folder is
 * no problem.
 */
export function readAgentFolder(folder: string, namespace: string, report: Report): StaticAgent[] {
  const agents: StaticAgent[] = []
  for (const fileName of agentFileNames(folder, report)) {
    const origin = join(folder, fileName)
    // A regular file of that folder, so it lies there.
    const text = readText(origin, report, { real: origin })
    if (text === undefined) continue
    const { agent, problems } = parseAgentMd(text, fileName)
    for (const { code, message } of problems) report(code, message, origin)
    if (agent) agents.push({ ...withoutPaths(agent, origin, report), namespace, origin })
  }
  return agents
}

/** A skill is named. What reads as a path could be looked up as one, outside of every folder of skills. */
function withoutPaths(agent: AgentMd, origin: string, report: Report): AgentMd {
  const { skills, ...rest } = agent
  if (skills === undefined) return agent
  for (const skill of skills.filter(isPathLike)) {
    report('skill-ref-refused', `Agent ${shown(agent.name)}: ${shown(skill)} is a path and no name of a skill; the reference is dropped.`, origin)
  }
  const named = skills.filter((skill) => !isPathLike(skill))
  return named.length === 0 ? rest : { ...rest, skills: named }
}

function agentFileNames(folder: string, report: Report): string[] {
  try {
    const names: string[] = []
    const entries = readdirSync(folder, { withFileTypes: true })
    const alike = namesLikeOthers(entries.map(({ name }) => name))
    for (const entry of entries) {
      if (alike.has(entry.name)) reportLikeOthers(join(folder, entry.name), report)
      else if (entry.isFile() && entry.name.endsWith('.agent.md')) names.push(entry.name)
      // Links too: a ConfigMap mounted by Kubernetes holds nothing else, and loads no agent.
      else if (entry.name.toLowerCase() !== 'readme.md') {
        report('agent-file-ignored', 'Only regular files named *.agent.md, directly in agents/, are read.', join(folder, entry.name))
      }
    }
    return names.sort()
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'ENOENT') report('file-unreadable', `The folder of agents cannot be read (${code}).`, folder)
    return []
  }
}

/** Inline agents are ordinary ones whatever they are called: neither `default` nor `system` is special here. */
export function readInlineAgents(inputs: readonly StaticAgentInput[], report: Report): StaticAgent[] {
  return inputs.flatMap((input: unknown) => {
    if (!isInlineAgent(input)) {
      report('agent-invalid', 'An agent without a text as name and as prompt is not loaded.', 'inline')
      return []
    }
    const crawler = input.crawler === true || input.harvester === true
    return [{ ...input, tools: input.tools ?? null, crawler, harvester: crawler, origin: 'inline' }]
  })
}

function isInlineAgent(input: unknown): input is StaticAgentInput {
  return isObject(input) && typeof input.name === 'string' && input.name !== '' && typeof input.prompt === 'string'
}

export type ServerMap = ReadonlyMap<string, StaticServer>

/**
 * The servers that one agent is given: the default set if it inherits it, then those it names.
 * A reference that leads nowhere is dropped and reported; the agent stays usable.
 */
export function serversOf(agent: StaticAgent, servers: ServerMap, defaults: readonly string[], report: Report): ServerMap {
  const granted = new Map<string, StaticServer>()
  const tell = (code: StaticProblemCode, message: string) => {
    report(code, `Agent ${shown(agent.name)}: ${message}.`, agent.origin)
  }
  const names: unknown[] = agent.inheritDefaultMcpServers === true ? [...defaults] : []
  if (agent.inheritDefaultMcpServers === true && names.length === 0) {
    tell('mcp-default-set-empty', 'it inherits the default servers, and no server says "default": true')
  }
  if (Array.isArray(agent.mcpServers)) names.push(...agent.mcpServers)
  else if (agent.mcpServers !== undefined && agent.mcpServers !== null) tell('mcp-ref-invalid', 'mcpServers is no list of names')
  for (const name of names) {
    const server = typeof name === 'string' ? servers.get(name) : undefined
    if (server) granted.set(server.name, server)
    else if (typeof name === 'string' && name !== '') tell('mcp-ref-dropped', `there is no MCP server ${shown(name)}; the reference is dropped`)
    else tell('mcp-ref-invalid', 'a reference to an MCP server is no name')
  }
  return granted
}

/** Duplicates load, as in PilotSwarm, with a result that no one would guess; so each is said. */
export function reportDuplicates(agents: readonly StaticAgent[], report: Report): void {
  for (const [first, ...others] of grouped(agents, ({ name }) => name)) {
    const last = others.at(-1)
    if (!last) continue
    const counts = `the prompt of ${first.origin} and the MCP servers of this one count`
    report('agent-duplicate', `There are ${others.length + 1} agents ${shown(first.name)}: ${counts}.`, last.origin)
  }
  for (const [first, ...others] of grouped(agents, agentIdentity)) {
    const other = others.find(({ name }) => name !== first.name)
    if (!other) continue
    const names = `${shown(first.name)} (${first.origin}) and ${shown(other.name)}`
    report('agent-name-ambiguous', `PilotSwarm cannot tell ${names} apart when somebody asks for one.`, other.origin)
  }
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Iterable<[Item, ...Item[]]> {
  const groups = new Map<string, [Item, ...Item[]]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups.values()
}

/** How PilotSwarm compares the name somebody asks for: without case, punctuation and a last "agent". */
function agentIdentity({ name }: StaticAgent): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '').replace(/agent$/, '') || name
}
