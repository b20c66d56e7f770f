import { type Command } from 'commander'
import { BindSecretDocument, type CatalogClient, McpServerDocument, type McpServerQuery, SecretBindingsDocument, type SecretBindingsQuery } from '../client/index.js'
import { isConfirmed } from './confirm.js'
import { findEntry } from './find-entry.js'
import { connectionOf, type ConnectionOptions, print, printable, table, UsageError } from './session.js'

interface BindOptions extends ConnectionOptions {
  owner: string
  yes?: boolean
  json?: boolean
}

type Server = NonNullable<McpServerQuery['mcpServer']>
type Binding = SecretBindingsQuery['secretBindings'][number]

export function addBind(secret: Command): void {
  const ofEntry = (command: Command) => command
    .option('--owner <owner>', 'whose entry, for a name: me, deployment, team:SLUG, user:ID', 'me')
    .option('--json', 'print JSON')
    .option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
  ofEntry(secret.command('bindings').description('what an MCP server is filled with in your sessions, and what is missing').argument('<entry>', 'its name, or its id'))
    .action(bindings)
  ofEntry(secret.command('bind').description('let values go where an MCP server has references to them, after a look at where that is'))
    .argument('<entry>', 'its name, or its id')
    .argument('[reference]', 'secret:NAME or user:NAME (default: each that is not confirmed)')
    .option('--yes', 'do not ask')
    .action(bind)
}

async function bindings(nameOrId: string, { owner, json, ...options }: BindOptions): Promise<void> {
  const { client } = connectionOf(options)
  const { secretBindings } = await client.execute(SecretBindingsDocument, { entryId: await findEntry(client, nameOrId, owner) })
  if (json) return print(JSON.stringify(secretBindings))
  if (secretBindings.length === 0) return print('It has no reference to a secret.')
  print(table([['REFERENCE', 'GOES INTO', 'STATE', 'WHY'], ...secretBindings.map((one) => (
    [textOf(one), printable(one.reference.injectionPoint), one.reason === null ? 'ready' : one.bound ? 'confirmed' : 'not confirmed', printable(one.reason ?? '')]))]))
}

async function bind(nameOrId: string, reference: string | undefined, { owner, yes = false, json = false, ...options }: BindOptions): Promise<void> {
  if (json && !yes) throw new UsageError('--json asks nothing, so it needs --yes.')
  const { client } = connectionOf(options)
  const entryId = await findEntry(client, nameOrId, owner)
  const server = await serverOf(client, entryId, nameOrId)
  const wanted = await wantedOf(client, entryId, reference)
  if (wanted.length === 0) return print(json ? '[]' : 'Nothing is left to confirm.')
  if (!json) show(server, wanted)
  if (!yes && !await isConfirmed(wanted.length === 1 ? 'May it go there?' : 'May they go there?')) {
    process.exitCode = 1
    return print('Nothing was confirmed.')
  }
  const done = []
  for (const one of wanted) {
    const { scope, name, injectionPoint } = one.reference
    const { bindSecret: { cursor } } = await client.execute(BindSecretDocument, { input: { entryId, digest: server.digest, scope, name, injectionPoint } })
    done.push({ ...one.reference, cursor })
    if (!json) print(`Confirmed ${textOf(one)} for ${printable(injectionPoint)}, at ${cursor}.`)
  }
  if (json) print(JSON.stringify(done))
}

async function serverOf(client: CatalogClient, id: string, nameOrId: string): Promise<Server> {
  const { mcpServer } = await client.execute(McpServerDocument, { id })
  if (mcpServer === null) throw new UsageError(`${JSON.stringify(nameOrId)} is no MCP server that you may see; only they have references to secrets.`)
  return mcpServer
}

/** A name may stand at several points; all of them are meant. Without a name: whatever is not confirmed. */
async function wantedOf(client: CatalogClient, entryId: string, text: string | undefined): Promise<Binding[]> {
  const { secretBindings } = await client.execute(SecretBindingsDocument, { entryId })
  if (text === undefined) return secretBindings.filter(({ bound }) => !bound)
  const wanted = secretBindings.filter((one) => textOf(one) === text.replace(/^\$\{(.*)\}$/, '$1'))
  if (wanted.length > 0) return wanted
  const there = [...new Set(secretBindings.map(textOf))].join(', ')
  throw new UsageError(`The entry has no such reference; it has ${there || 'none'}.`)
}

const textOf = ({ reference: { scope, name } }: Binding) => printable(`${scope === 'OWNER' ? 'secret' : 'user'}:${name}`)

/** Nothing is cut short: what is not seen must not be confirmed. */
function show({ name, owner, transport }: Server, wanted: Binding[]): void {
  const whose = owner.kind === 'DEPLOYMENT' ? 'the deployment' : `${owner.kind.toLowerCase()} ${printable(owner.displayName)}`
  print(`${printable(name)} of ${whose}, over ${transport.__typename === 'StdioTransport' ? 'stdio' : transport.kind.toLowerCase()}`)
  if (transport.__typename === 'StdioTransport') {
    print(`  command  ${[transport.command, ...transport.args].map((part) => JSON.stringify(printable(part))).join(' ')}`)
    if (transport.cwd !== null) print(`  in       ${printable(transport.cwd)}`)
  } else {
    print(`  host     ${printable(URL.canParse(transport.url) ? new URL(transport.url).host : transport.url)}`)
    print(`  address  ${printable(transport.url)}`)
  }
  print(table(wanted.map((one) => [' ', textOf(one), 'into', printable(one.reference.injectionPoint), one.reference.scope === 'OWNER' ? `a secret of ${whose}` : 'your own account'])))
}
