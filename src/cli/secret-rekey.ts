import { type Command } from 'commander'
import { systemPrincipal } from '../core/owner.js'
import { print, printable, UsageError, warn } from './session.js'

export function addRekey(secret: Command): void {
  secret.command('rekey')
    .description('bring every sealed secret under the current key; needs access to the database, and may be stopped and run again at any time (exit code 1: something is left)')
    .option('--json', 'print JSON')
    .action(rekey)
}

async function rekey({ json }: { json?: boolean }): Promise<void> {
  const [{ openCatalog }, { readConfig }, { createKeyRing }, { rekeySecrets }] = await Promise.all([
    import('../app.js'), import('../config.js'), import('../secrets/envelope.js'), import('../secrets/rekey.js'),
  ])
  let isStopped = false
  const stop = () => { isStopped = true }
  const catalog = await openCatalog(readConfig())
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const [current, ...others] = catalog.secretKeys
    if (current === undefined) throw new UsageError('There is no key: set PILOTHOUSE_SECRET_KEY, and the old one in PILOTHOUSE_SECRET_KEYS_PREVIOUS.')
    const keys = createKeyRing(current, others)
    await catalog.services.accessLog.record({ actor: systemPrincipal, action: 'secret.rekey', outcome: 'OK', target: keys.currentId })
    const { rewrapped, lost, left } = await rekeySecrets({
      db: catalog.services.db, keys, isStopped: () => isStopped, progress: (seen, total) => warn(`${seen} of ${Math.max(seen, total)} looked at`),
    })
    if (json) print(JSON.stringify({ keyId: keys.currentId, rewrapped, lost, left }))
    else {
      print(`${rewrapped} brought under the key ${keys.currentId}, ${left} left under another one, ${lost.length} that no known key opens.`)
      lost.forEach(({ id, keyId }) => print(printable(`${id}: ${keyId === null ? 'was altered, or belongs elsewhere' : `sealed with the key ${keyId}, which is not here`}`)))
      if (left > 0) print(isStopped ? 'It was stopped: run it again.' : 'A server still seals with the old key: give all of them the new one, then run it again.')
    }
    if (left > 0 || lost.length > 0) process.exitCode = 1
  } finally {
    await catalog.close()
  }
}
