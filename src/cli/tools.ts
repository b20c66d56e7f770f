import { type Command } from 'commander'
import { AcceptToolsDocument, type CatalogClient, HeldToolsDocument, type HeldToolsQuery, ToolInventoryDocument, type ToolInventoryFieldsFragment } from '../client/index.js'
import { isConfirmed } from './confirm.js'
import { findEntry } from './find-entry.js'
import { connectionOf, type ConnectionOptions, print, printable, table, UsageError } from './session.js'

interface ToolsOptions extends ConnectionOptions {
  owner: string
  json?: boolean
}

interface AcceptOptions extends ToolsOptions {
  instructions?: boolean
  yes?: boolean
}

type Held = ToolInventoryFieldsFragment['held'][number]

export function addTools(program: Command): void {
  const tools = withOptions(program.command('tools').description('what the tools of a server are held to, and what differs; without a name: the servers of which something is held')
    .argument('[entry]', 'its name, or its id'))
  tools.action((entry: string | undefined, options: ToolsOptions) => (entry === undefined ? listHeld(options) : show(entry, options)))
  withOptions(tools.command('accept').description('let in what is held, after a look at how it differs')
    .argument('<entry>', 'its name, or its id')
    .argument('[tool...]', 'which; left out: all that is held')
    .option('--instructions', 'what the server says of its own use, besides the tools that are named'))
    .option('--yes', 'do not ask')
    // What both commands know is else taken by the first.
    .action((entry: string, names: string[], _: unknown, command: Command) => accept(entry, names, command.optsWithGlobals<AcceptOptions>()))
}

function withOptions(command: Command): Command {
  return command.option('--owner <owner>', 'whose entry, for a name: me, deployment, team:SLUG, user:ID', 'me').option('--json', 'print JSON')
    .option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
}

async function listHeld({ json, ...options }: ToolsOptions): Promise<void> {
  const { client } = connectionOf(options)
  const found: ToolInventoryFieldsFragment[] = []
  for (let after: string | null = null; ;) {
    const { heldTools: { nodes, pageInfo } }: HeldToolsQuery = await client.execute(HeldToolsDocument, { first: 100, after })
    found.push(...nodes)
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor
  }
  if (json) return print(JSON.stringify(found))
  if (found.length === 0) return print('Nothing is held that you may see.')
  print(table([
    ['ENTRY', 'ID', 'OWNER', 'HELD', 'SINCE'],
    ...found.map(({ entry, held }) => [
      printable(entry.name), entry.id, entry.owner.kind === 'DEPLOYMENT' ? 'deployment' : `${entry.owner.kind.toLowerCase()} ${printable(entry.owner.displayName)}`,
      held.map(labelOf).join(', '), held[0]!.seenAt.slice(0, 16),
    ]),
  ]))
}

async function show(nameOrId: string, { json, owner, ...options }: ToolsOptions): Promise<void> {
  const inventory = await read(connectionOf(options).client, nameOrId, owner)
  if (json) return print(JSON.stringify(inventory))
  if (inventory === null) return print(`No worker has told yet what tools ${JSON.stringify(nameOrId)} has.`)
  const { pins, seenAt, held } = inventory
  const names = pins.tools.map(({ name }) => (name === null ? 'the server\'s instructions' : printable(name)))
  print(`Accepted since ${seenAt.slice(0, 16)} (version ${pins.version}): ${names.join(', ') || 'nothing'}`)
  if (held.length === 0) return print('Nothing is held.')
  tell(held)
}

async function accept(nameOrId: string, names: string[], { json = false, yes = false, instructions = false, owner, ...options }: AcceptOptions): Promise<void> {
  if (json && !yes) throw new UsageError('--json asks nothing, so it needs --yes.')
  const { client } = connectionOf(options)
  const inventory = await read(client, nameOrId, owner)
  const isAll = names.length === 0 && !instructions
  const wanted = newestOf(inventory?.held ?? []).filter(({ name }) => isAll || (name === null ? instructions : names.includes(name)))
  const missing = names.filter((name) => !wanted.some((tool) => tool.name === name))
  if (missing.length > 0) throw new UsageError(`Nothing is held under ${missing.map((name) => JSON.stringify(name)).join(', ')}; \`pilothouse tools\` tells what is.`)
  // Without names those that can be; of what is named, and cannot, the server says why.
  const left = isAll ? wanted.filter(({ isCut }) => isCut) : []
  const chosen = wanted.filter((tool) => !left.includes(tool))
  if (!json && left.length > 0) print(`Too long to be shown whole, so it cannot be accepted: ${left.map(labelOf).join(', ')}.`)
  if (inventory === null || chosen.length === 0) return print(json ? JSON.stringify(null) : `Nothing ${left.length > 0 ? 'else ' : ''}is held.`)
  if (!json) tell(chosen)
  if (!yes && !await isConfirmed('Accept it?')) {
    process.exitCode = 1
    return print('Nothing was accepted.')
  }
  const { acceptTools } = await client.execute(AcceptToolsDocument, {
    input: { entryId: inventory.entry.id, digest: inventory.digest, tools: chosen.map(({ name, hash }) => ({ name, hash })) },
  })
  print(json ? JSON.stringify(acceptTools) : `Accepted ${chosen.map(labelOf).join(', ')}, at ${acceptTools.cursor}.`)
}

async function read(client: CatalogClient, nameOrId: string, owner: string): Promise<ToolInventoryFieldsFragment | null> {
  return (await client.execute(ToolInventoryDocument, { entryId: await findEntry(client, nameOrId, owner) })).toolInventory
}

/** Of several definitions under one name the last one is what the server was last seen to have. */
function newestOf(held: readonly Held[]): Held[] {
  return [...new Map(held.map((tool) => [tool.name, tool])).values()]
}

const labelOf = ({ name, isNew }: Held): string => `${name === null ? 'the server\'s instructions' : printable(name)} (${isNew ? 'new' : 'changed'})`

/** Nothing is cut short: what is not seen must not be accepted. The server has made the text visible; only its line ends are kept. */
function tell(held: readonly Held[]): void {
  for (const tool of held) {
    print(`\n${labelOf(tool)}, seen ${tool.seenAt.slice(0, 16)} by ${printable(tool.seenBy.displayName)}`)
    print(tool.diff.split('\n').map(printable).join('\n'))
  }
}
