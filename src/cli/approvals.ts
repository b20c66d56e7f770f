import { type Command, Option } from 'commander'
import {
  type ApprovalDecision, ApprovalDocument, type ApprovalFieldsFragment, ApprovalsDocument, type ApprovalsQuery, type ApprovalState, type CatalogClient, DecideApprovalDocument, HeldToolsDocument,
} from '../client/index.js'
import { isConfirmed } from './confirm.js'
import { findEntry } from './find-entry.js'
import { connectionOf, type ConnectionOptions, print, printable, table, UsageError } from './session.js'

interface ListOptions extends ConnectionOptions {
  state: string
  json?: boolean
}

interface DecideOptions extends ConnectionOptions {
  owner?: string
  note?: string
  yes?: boolean
  json?: boolean
}

const urlOption = ['--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)'] as const
const states = ['pending', 'approved', 'rejected', 'void', 'expired', 'all']

export function addApprovals(program: Command): void {
  program.command('approvals').description('requests for approval, newest first; for admins all, for others those of their entries and teams')
    .addOption(new Option('--state <state>', 'which').choices(states).default('pending'))
    .option('--json', 'print JSON').option(...urlOption).action(listApprovals)
  addDecision(program, 'approve', 'APPROVE', 'let a definition run, after a look at its command line, its changes and who gets it')
  addDecision(program, 'reject', 'REJECT', 'refuse a definition until it is changed')
}

function addDecision(program: Command, name: string, decision: ApprovalDecision, description: string): void {
  program.command(name).description(description)
    .argument('<request>', 'its id, or the name of the entry')
    .option('--owner <owner>', 'whose entry, for a name that several have: me, deployment, team:SLUG, user:ID or user:PROVIDER/SUBJECT')
    .option('--note <text>', `why${decision === 'REJECT' ? ', and what to change' : ''}; whoever sees the entry can read it`)
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON; needs --yes')
    .option(...urlOption)
    .action((request: string, options: DecideOptions) => decide(decision, request, options))
}

async function listApprovals({ state, json, ...options }: ListOptions): Promise<void> {
  const { client } = connectionOf(options)
  const found = await readApprovals(client, state === 'all' ? null : state.toUpperCase() as ApprovalState)
  if (json) return print(JSON.stringify(found))
  if (found.length === 0) print(state === 'all' ? 'No request that you may see.' : `No ${state} request that you may see.`)
  else tellApprovals(found)
  if (state === 'pending') await tellHeld(client)
}

/** What waits for somebody besides: tools that a server has otherwise by now. */
async function tellHeld(client: CatalogClient): Promise<void> {
  const { heldTools: { nodes, pageInfo } } = await client.execute(HeldToolsDocument, { first: 20 })
  if (nodes.length === 0) return
  const names = nodes.map(({ entry }) => printable(entry.name)).join(', ')
  print(`Held: tools of ${names}${pageInfo.hasNextPage ? ' and more' : ''}; \`pilothouse tools\` tells which.`)
}

function tellApprovals(found: ApprovalFieldsFragment[]): void {
  print(table([
    ['REQUEST', 'ENTRY', 'OWNER', 'STATE', 'ASKED BY', 'SINCE', 'UNTIL', 'NOTE'],
    ...found.map((each) => [
      each.id, printable(each.entryName), ownerOf(each), each.state.toLowerCase(), printable(each.requestedBy.displayName), each.requestedAt.slice(0, 16),
      each.state === 'PENDING' ? each.expiresAt.slice(0, 16) : '', printable(each.note ?? ''),
    ]),
  ]))
}

async function readApprovals(client: CatalogClient, state: ApprovalState | null): Promise<ApprovalFieldsFragment[]> {
  const found: ApprovalFieldsFragment[] = []
  for (let after: string | null = null; ;) {
    const { approvals: { nodes, pageInfo } }: ApprovalsQuery = await client.execute(ApprovalsDocument, { state, first: 500, after })
    found.push(...nodes)
    if (!pageInfo.hasNextPage) return found
    after = pageInfo.endCursor
  }
}

async function decide(decision: ApprovalDecision, request: string, { owner, note, yes = false, json = false, ...options }: DecideOptions): Promise<void> {
  if (json && !yes) throw new UsageError('--json asks nothing, so it needs --yes.')
  const { client } = connectionOf(options)
  const { approval } = await client.execute(ApprovalDocument, { id: await findRequest(client, request, owner) })
  if (approval === null) throw new UsageError(`There is no request ${JSON.stringify(request)} that you may see; \`pilothouse approvals\` lists them.`)
  if (!json) show(approval, approval.diff)
  if (!yes && !await isConfirmed(decision === 'APPROVE' ? 'Approve it?' : 'Reject it?')) {
    process.exitCode = 1
    return print('Nothing was decided.')
  }
  const { decideApproval } = await client.execute(DecideApprovalDocument, { input: { id: approval.id, digest: approval.digest, decision, note } })
  if (json) return print(JSON.stringify(decideApproval))
  const status = decideApproval.approval.entry?.status.toLowerCase() ?? 'gone'
  print(`${decision === 'APPROVE' ? 'Approved' : 'Rejected'} ${printable(approval.entryName)}, at ${decideApproval.cursor}; the entry is ${status}.`)
}

async function findRequest(client: CatalogClient, request: string, owner: string | undefined): Promise<string> {
  if (/^apr_[0-9a-f]{24}$/.test(request)) return request
  const entryId = owner === undefined ? null : await findEntry(client, request, owner)
  const pending = (await readApprovals(client, 'PENDING')).filter(({ entryName, entry }) => (
    entryId === null ? entry?.name === request || entryName === request || entry?.id === request : entry?.id === entryId))
  if (pending.length === 1) return pending[0]!.id
  if (pending.length === 0) throw new UsageError(`No request for ${JSON.stringify(request)} is pending that you may see; \`pilothouse approvals\` lists them.`)
  throw new UsageError(`Several requests are pending for ${JSON.stringify(request)}; say which: ${pending.map((each) => `${each.id} (${ownerOf(each)})`).join(', ')}.`)
}

function ownerOf({ entry }: ApprovalFieldsFragment): string {
  if (!entry) return ''
  return entry.owner.kind === 'DEPLOYMENT' ? 'deployment' : `${entry.owner.kind.toLowerCase()} ${printable(entry.owner.displayName)}`
}

/** Nothing is cut short: what is not seen must not be approved. The server has made the text visible; only its line ends are kept. */
function show(approval: ApprovalFieldsFragment, diff: string): void {
  const { entry, entryName, requestedBy, requestedAt, expiresAt, state } = approval
  print(`${printable(entry?.name ?? entryName)} (${entry?.kind === 'AGENT' ? 'agent' : 'MCP server'}) of ${ownerOf(approval) || 'nobody any more'}`)
  print(`Who gets it: ${entry ? reachOf(entry) : 'nobody'}`)
  print(`Asked for by ${printable(requestedBy.displayName)} at ${requestedAt}; ${state.toLowerCase()}, to be decided until ${expiresAt}`)
  print(`\n${diff.split('\n').map(printable).join('\n')}`)
}

function reachOf({ visibility, audience, owner }: NonNullable<ApprovalFieldsFragment['entry']>): string {
  const own = { DEPLOYMENT: 'admins', TEAM: `the members of ${owner.displayName}`, USER: owner.displayName }[owner.kind]
  const names = audience.map(({ kind, displayName }) => `${kind.toLowerCase()} ${displayName}`)
  return printable(visibility === 'PUBLIC' ? 'everybody (PUBLIC)' : visibility === 'SHARED' ? `${own}, and ${names.join(', ')} (SHARED)` : `${own} (PRIVATE)`)
}
