import { type Command } from 'commander'
import { print } from './session.js'

export function addDatabase(program: Command): void {
  const database = program.command('database').description('the database itself; needs access to it')
  database.command('restored')
    .description('say that it was restored from a copy of its volume: every worker then gets its whole set anew')
    .action(restored)
}

/** Restores from dumps, copies of the database and promoted standbys are noticed without. */
async function restored(): Promise<void> {
  const [{ openCatalog }, { readConfig }, { startNewIncarnation }] = await Promise.all([import('../app.js'), import('../config.js'), import('../catalog/restore.js')])
  const catalog = await openCatalog(readConfig())
  try {
    const incarnation = await startNewIncarnation(catalog.services)
    print(`Incarnation ${incarnation} begins: cursors of before lead to snapshots. Running nodes notice within a second.`)
  } finally {
    await catalog.close()
  }
}
