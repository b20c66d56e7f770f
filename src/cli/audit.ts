import { type Command } from 'commander'
import { readConfig } from '../config.js'
import { print } from './session.js'

export function addAudit(program: Command): void {
  const audit = program.command('audit').description('the audit chains')
  audit.command('verify')
    .description('recompute every hash of both chains; names the first row that was touched (exit code 1)')
    .option('--json', 'print JSON')
    .action(verify)
}

/** Reads the database directly: the chains are verified with their key, without trusting the server that wrote them. */
async function verify({ json }: { json?: boolean }): Promise<void> {
  const [{ openCatalog }, { verifyChain }] = await Promise.all([import('../app.js'), import('../catalog/audit.js')])
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
