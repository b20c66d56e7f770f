import { type Command } from 'commander'
import { type AuditChainName, AuditEventsDocument, AuditTargetsDocument, type AuditTargetsQuery, type AuditTargetsQueryVariables, type CatalogClient } from '../client/index.js'
import { kindOfId } from '../core/audit-target.js'
import { auditOutcomes } from '../core/audit-words.js'
import { deploymentOwner, systemPrincipal } from '../core/owner.js'
import { lookUpUser } from './find-user.js'
import { connectionOf, type ConnectionOptions, print, printable, table, UsageError } from './session.js'

export function addAudit(program: Command): void {
  const audit = program.command('audit').description('the audit chains')
  audit.command('verify')
    .description('recompute every hash of both chains; names the first row that was touched (exit code 1)')
    .option('--json', 'print JSON')
    .action(verify)
  audit.command('list').description('who changed what, or was refused what, newest first; for admins')
    .option('--chain <chain>', 'changes, or access: denials, leases and break-glass reads', 'changes')
    .option('--action <action>', 'such as token.create, or a group such as \'secret.*\'').option('--outcome <outcome>', 'OK, DENIED or BREAK_GLASS')
    .option('--about <name-or-id>', 'a thing, there or not: of people and teams with their memberships').option('--target <id>', 'the target as it stands in the event')
    .option('--actor <name-or-id>', 'who did it: also PROVIDER/SUBJECT').option('--since <moment>', 'from then on: a day in UTC, or a day and a time with its zone').option('--until <moment>', 'before then')
    .option('--limit <number>', 'how many, 1 to 500', '50').option('--json', 'print JSON, with what was before and after')
    .option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
    .action(list)
  audit.command('find').description('things that events may be about, by a part of a name that they have or had; for admins').argument('<search>')
    .option('--json', 'print JSON').option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
    .action(find)
}

interface ListOptions extends ConnectionOptions {
  chain: string
  action?: string
  outcome?: string
  about?: string
  target?: string
  actor?: string
  since?: string
  until?: string
  limit: string
  json?: boolean
}

async function list({ chain, action, outcome, about, target, actor, since, until, limit, json, ...options }: ListOptions): Promise<void> {
  const first = Number(limit)
  if (!Number.isInteger(first) || first < 1 || first > 500) throw new UsageError('--limit takes a whole number from 1 to 500.')
  const { client } = connectionOf(options)
  const { auditEvents } = await client.execute(AuditEventsDocument, {
    chain: oneOf<AuditChainName>('--chain', ['CHANGES', 'ACCESS'], chain), outcome: outcome === undefined ? undefined : oneOf('--outcome', auditOutcomes, outcome),
    about: about && await idOf(client, '--about', about, null), actor: actor && await idOf(client, '--actor', actor, ['USER', 'TOKEN']), action, target, since, until, first,
  })
  if (json) return print(JSON.stringify(auditEvents.nodes))
  if (auditEvents.nodes.length === 0) return print('Nothing matches.')
  print(table([
    ['ROW', 'AT', 'ACTION', 'OUTCOME', 'WHAT', 'TARGET'],
    ...auditEvents.nodes.map((event) => [String(event.sequence), event.at.slice(0, 19), event.action, event.outcome, printable(event.summary), printable(event.target)]),
  ]))
}

function oneOf<Value extends string>(option: string, values: readonly Value[], given: string): Value {
  const found = values.find((value) => value === given.toUpperCase())
  if (found === undefined) throw new UsageError(`${option} takes one of ${values.join(', ')}.`)
  return found
}

type Kinds = AuditTargetsQueryVariables['kinds']

async function idOf(client: CatalogClient, option: string, text: string, kinds: Kinds): Promise<string> {
  // What has the form of an id is taken for one, also where nothing is known of it.
  if (kindOfId(text) !== 'OTHER' || text === deploymentOwner.id || text === systemPrincipal.id) return text
  const person = text.includes('/') ? await lookUpUser(client, text) : null
  if (person !== null) return person.id
  const { auditTargets } = await client.execute(AuditTargetsDocument, { search: text, kinds })
  // Whoever comes with a token of their own is told as themself.
  const possible = option === '--actor' ? auditTargets.filter(({ kind, owner }) => kind !== 'TOKEN' || owner === null) : auditTargets
  const exact = possible.filter(({ name }) => name === text)
  const found = exact.length > 0 ? exact : possible
  if (found.length === 1) return found[0]!.id
  if (found.length === 0) throw new UsageError(`${option}: nothing is or was called ${JSON.stringify(text)}. Give a part of the name, or an id.`)
  throw new UsageError(`${option}: ${JSON.stringify(text)} names several; give the id of one:\n${targetTable(found)}`)
}

async function find(search: string, { json, ...options }: ConnectionOptions & { json?: boolean }): Promise<void> {
  const { auditTargets } = await connectionOf(options).client.execute(AuditTargetsDocument, { search })
  if (json) return print(JSON.stringify(auditTargets))
  print(auditTargets.length === 0 ? 'Nothing is or was called so.' : targetTable(auditTargets))
}

const targetTable = (targets: AuditTargetsQuery['auditTargets']) => table([
  ['ID', 'KIND', 'NAME', 'OWNER', 'STATE'],
  ...targets.map(({ id, kind, name, owner, isThere }) => [id, kind, printable(name ?? ''), printable(owner?.displayName ?? ''), isThere ? 'there' : 'gone']),
])

/** Reads the database directly: the chains are verified with their key, without trusting the server that wrote them. */
async function verify({ json }: { json?: boolean }): Promise<void> {
  const [{ openCatalog }, { readConfig }, { verifyChain }] = await Promise.all([import('../app.js'), import('../config.js'), import('../catalog/audit.js')])
  const catalog = await openCatalog(readConfig())
  try {
    const { db, auditKey } = catalog.services
    const reports = [await verifyChain(db, auditKey, 'changes'), await verifyChain(db, auditKey, 'access')]
    if (json) print(JSON.stringify(reports))
    for (const { chain, count, head, broken } of json ? [] : reports) {
      print(broken === null
        ? `${chain}: ${count} rows, all as written. Head ${head || '(empty)'}`
        : `${chain}: row ${broken.sequence} is the first that was touched: ${broken.reason}.`)
    }
    if (reports.some(({ broken }) => broken !== null)) process.exitCode = 1
  } finally {
    await catalog.close()
  }
}
