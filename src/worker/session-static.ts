import { definitionOfStatic, targetOfStatic } from './from-static.js'
import { type SessionScope } from './grants.js'
import { type Runner } from './runner.js'
import { type Aim } from './slot.js'
import { type StaticAgent } from './static-agents.js'
import { type StaticLayer } from './static-layer.js'
import { type StaticServer } from './static-mcp.js'
import { toolPrefix } from './tool-name.js'

/** What stands beside the catalog in one session. */
export function scopeOf(
  { agent, grants, layer }: { agent: string | null; grants: 'SET' | 'AGENT' | null; layer: StaticLayer }, staticServerNames: ReadonlySet<string>,
): SessionScope {
  const bound = agent === null ? undefined : layer.agents.find(({ name }) => name === agent)
  return {
    agent, grants: grants ?? (agent === null ? 'SET' : 'AGENT'),
    staticAgent: bound === undefined ? null : definitionOfStatic(bound),
    protectedKeys: new Set([
      // Also under the name that its tools would have: "My.Tools" and "my-tools" are not to be told apart (S18).
      ...[...layer.mcpServers.keys()].flatMap((name) => [name, toolPrefix(name).toLowerCase()]).map((name) => `MCP_SERVER:${name}`),
      ...layer.agents.map(({ name }) => `AGENT:${name}`),
    ]),
    staticServerNames,
  }
}

/** @param env what static stdio servers inherit */
export function startStatic(runner: Runner, layer: StaticLayer, servers: Iterable<StaticServer>, env: Record<string, string>): void {
  for (const server of servers) {
    const aim = staticAim('MCP_SERVER', server)
    const read = targetOfStatic(server)
    if ('problem' in read) runner.refuse(aim, 'FAIL', read.problem)
    // As today, a static server sees the worker's environment with its own variables over it.
    else runner.start(aim, { kind: 'MCP_SERVER', description: '', isDefault: layer.defaultMcpServerNames.includes(server.name), target: read.target, baseEnv: env })
  }
  const agents = new Map<string, StaticAgent>()
  // Of two copies the first one's prompt counts, as in the layer.
  for (const agent of layer.agents) if (!agents.has(agent.name)) agents.set(agent.name, agent)
  for (const agent of agents.values()) runner.start(staticAim('AGENT', agent), { kind: 'AGENT', definition: definitionOfStatic(agent) })
}

function staticAim(kind: Aim['kind'], { name, origin }: { name: string; origin: string }): Aim {
  return { key: `static ${kind}:${name}`, kind, name, origin, entryId: null, revision: null, digest: '', secretVersion: null, note: null, position: null }
}
