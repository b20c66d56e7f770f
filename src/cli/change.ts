import { type Command, Option } from 'commander'
import { AgentDocument, type AgentDefinitionInput, type ApplyMoment, type CatalogClient, UpdateAgentDocument, UpdateMcpServerDocument } from '../client/index.js'
import { changeable, tell } from './entry.js'
import { type EntryOptions, entryOptions } from './receipt.js'
import { UsageError } from './session.js'

interface ChangeOptions extends EntryOptions {
  name?: string
  /** undefined: as it is. */
  locked?: boolean
  apply?: string
  model?: string
  /** Only ever false. */
  tools?: boolean
}

const moments: Record<string, ApplyMoment> = { 'now': 'NOW', 'next-turn': 'NEXT_TURN', 'next-session': 'NEXT_SESSION' }

/** What no file that `import` reads has a place for. */
export function addChange(program: Command): void {
  entryOptions(program.command('change').description('change of an entry what no file has a place for; what it is, "import --on-conflict update" changes'))
    .option('--name <name>', 'call it so from now on')
    .option('--locked', 'no narrower owner\'s entry takes its name (deployment and teams)').option('--no-locked', 'one may again')
    .addOption(new Option('--apply <moment>', 'when sessions that run take what changes').choices(Object.keys(moments)))
    .option('--model <model>', 'of an agent').option('--no-tools', 'an agent without any tool')
    .action(change)
}

async function change(nameOrId: string, options: ChangeOptions): Promise<void> {
  const { name, locked, apply, model } = options
  const isOfDefinition = model !== undefined || options.tools === false
  if (!isOfDefinition && [name, locked, apply].every((one) => one === undefined)) throw new UsageError('Say what to change: --name, --locked, --no-locked, --apply, --model or --no-tools.')
  const { client, entry: { id, kind, revision } } = await changeable(nameOrId, options)
  const input = { id, expectedRevision: revision, name, locked, apply: apply === undefined ? undefined : moments[apply] }
  if (kind === 'AGENT') {
    const definition = isOfDefinition ? await agentWith(client, id, options) : undefined
    const { updateAgent: { agent, ...rest } } = await client.execute(UpdateAgentDocument, { input: { ...input, definition } })
    return tell('Changed', { entry: agent, ...rest }, options)
  }
  if (isOfDefinition) throw new UsageError('Only an agent has a model and tools of its own; this is an MCP server.')
  const { updateMcpServer: { mcpServer, ...rest } } = await client.execute(UpdateMcpServerDocument, { input })
  tell('Changed', { entry: mcpServer, ...rest }, options)
}

/** The definition that it has, with the model and tools that were asked for; the revision says that nobody changed it meanwhile. */
async function agentWith(client: CatalogClient, id: string, { model, tools }: ChangeOptions): Promise<AgentDefinitionInput> {
  const { agent } = await client.execute(AgentDocument, { id })
  if (agent === null) throw new UsageError('The agent is not yours to see any more.')
  const { description, prompt, agentTools, skills, mcpServers, inheritDefaultMcpServers } = agent
  return { description, prompt, skills, mcpServers, inheritDefaultMcpServers, tools: tools === false ? [] : agentTools, model: model ?? agent.model }
}
