import { hmac } from '../catalog/context.js'
import { type Config } from '../config.js'
import { keyOf } from '../config/secrets.js'
import { type Db, migrateDatabase } from '../db/client.js'
import { ensureHeads, findHead, settleHead } from '../db/head.js'
import { countByKey } from '../db/sealed-secret.js'
import { keyIdOf } from '../secrets/envelope.js'
import { readKeyFile } from './data-folder.js'

/** What lies outside the database and belongs to it. */
export interface Keys {
  /** HMAC key of both audit chains. */
  auditKey: Buffer
  /** Key-encryption keys of secrets: the first one seals, and all of them open. Empty: there is none. */
  secretKeys: readonly Buffer[]
}

/** Migrations, heads and keys; the audit key must be the one that the database was audited with. */
export async function prepareDatabase(config: Config, db: Db): Promise<Keys> {
  await migrateDatabase(db)
  const known = await findHead(db)
  const text = config.auditKey ?? await readKeyFile(config.dataDir, 'audit.key', known === null)
  const auditKey = text === null ? null : Buffer.from(text)
  const keyId = auditKey === null ? null : hmac(auditKey, 'pilothouse audit key').slice(0, 16)
  if (auditKey === null || keyId === null || (known !== null && known.auditKeyId !== keyId)) {
    throw new Error('This database was audited with another key. Set PILOTHOUSE_AUDIT_KEY to it, or bring back the file audit.key.')
  }
  await ensureHeads(db, keyId)
  await settleHead(db, null)
  return { auditKey, secretKeys: await readSecretKeys(config, db) }
}

/** As given, else with our own Postgres in `secret.key`, which is made once: a new one beside what another has sealed would only hide that the other is missing. */
async function readSecretKeys({ databaseUrl, dataDir, secrets }: Config, db: Db): Promise<readonly Buffer[]> {
  if (secrets.key !== null) return [secrets.key, ...secrets.previousKeys]
  if (databaseUrl !== null) return []
  const text = await readKeyFile(dataDir, 'secret.key', (await missingKeys(db, [], secrets.lostKeyIds)).length === 0)
  const key = text === null ? null : keyOf(text)
  if (text !== null && key === null) throw new Error('The file secret.key of the data folder holds no key of 32 bytes. Bring it back as it was.')
  return key === null ? [] : [key, ...secrets.previousKeys]
}

/** @throws when the database holds what a server with these keys could not open, unless its key was given up */
export async function requireSecretKeys({ secrets }: Config, db: Db, keys: readonly Buffer[]): Promise<void> {
  const missing = await missingKeys(db, keys, secrets.lostKeyIds)
  if (missing.length === 0) return
  const count = missing.reduce((sum, one) => sum + one.count, 0)
  const ids = missing.map(({ keyId }) => keyId).join(', ')
  const what = `This database holds ${count} sealed secret${count === 1 ? '' : 's'} whose key is not here: ${ids}.`
  throw Object.assign(new Error(what), {
    mend: 'Set PILOTHOUSE_SECRET_KEY to that key, add it to PILOTHOUSE_SECRET_KEYS_PREVIOUS, or bring back the file secret.key. If it is lost for good, name it in PILOTHOUSE_SECRET_KEYS_LOST; these secrets must then be set again.',
  })
}

async function missingKeys(db: Db, keys: readonly Buffer[], lostKeyIds: readonly string[]): Promise<Array<{ keyId: string; count: number }>> {
  const known = new Set([...keys.map(keyIdOf), ...lostKeyIds])
  return (await countByKey(db)).filter(({ keyId }) => !known.has(keyId))
}
