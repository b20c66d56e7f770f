import { type Command } from 'commander'
import { AuditEventsDocument } from '../client/index.js'
import { connectionOf, type ConnectionOptions, print, printable, table, UsageError } from './session.js'

export function addAudit(program: Command): void {
  const audit = program.command('audit').description('the audit chains')
  audit.command('verify')
    .description('recompute every hash of both chains; names the first row that was touched (exit code 1)')
    .option('--json', 'print JSON')
    .action(verify)
  audit.command('list').description('who changed what, newest first; for admins. Each filter is compared as a whole')
    .option('--action <action>', 'such as token.create').option('--target <id>', 'what was changed').option('--actor <id>', 'who changed it')
    .option('--limit <number>', 'how many, 1 to 500', '50').option('--json', 'print JSON, with what was before and after')
    .option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
    .action(list)
}

interface ListOptions extends ConnectionOptions {
  action?: string
  target?: string
  actor?: string
  limit: string
  json?: boolean
}

async function list({ action, target, actor, limit, json, ...options }: ListOptions): Promise<void> {
  const first = Number(limit)
  if (!Number.isInteger(first) || first < 1 || first > 500) throw new UsageError('--limit takes a whole number from 1 to 500.')
  const { auditEvents } = await connectionOf(options).client.execute(AuditEventsDocument, { action, target, actor, first })
  if (json) return print(JSON.stringify(auditEvents.nodes))
  if (auditEvents.nodes.length === 0) return print('Nothing matches.')
  print(table([
    ['ROW', 'AT', 'ACTION', 'OUTCOME', 'BY', 'TARGET'],
    ...auditEvents.nodes.map((event) => [String(event.sequence), event.at.slice(0, 19), event.action, event.outcome, printable(event.actor.displayName), printable(event.target)]),
  ]))
}

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
