import { realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import { httpsUrl } from './fields.js'

const keyForm = 'must be 32 bytes, as 64 hex digits or as base64 (`openssl rand -hex 32` makes some)'
/** Relative to something, and never out of it. */
const innerPath = z.string().max(200, 'has more than 200 characters')
  .regex(/^[\w-][\w. -]*(\/[\w-][\w. -]*)*$/, 'must be names divided by /, each of letters, digits and _ - . and none beginning with a dot')
const headerText = z.string().regex(/^[\x21-\x7e]{1,8192}$/, 'must have no spaces, and ASCII only')

/** Where values of secrets are kept; docs/secret-providers.md. */
export const secretSettings = {
  /** Key that seals secrets in the database: 32 bytes; the same on every node. Default: made once, in `secret.key` of the data folder, with the embedded Postgres. */
  PILOTHOUSE_SECRET_KEY: z.string().transform(parseKey).optional(),
  /** Keys that only open what was sealed with them, divided by commas. Default: none. */
  PILOTHOUSE_SECRET_KEYS_PREVIOUS: z.string().transform((text, context) => text.split(',').map((part) => parseKey(part.trim(), context))).default([]),
  /** Ids of keys that are lost for good, divided by commas: what they sealed does not keep the server from starting. Default: none. */
  PILOTHOUSE_SECRET_KEYS_LOST: z.string().transform((text) => text.toLowerCase().split(',').map((part) => part.trim()))
    .refine((ids) => ids.every((id) => /^[\da-f]{16}$/.test(id)), 'must be ids of 16 hex digits, divided by commas').default([]),
  /** Names of variables whose values admins may use as secrets, divided by commas; read once, at the start. Default: none. */
  PILOTHOUSE_SECRET_ENV: z.string().transform((text) => text.split(',').map((part) => part.trim()))
    .refine((names) => names.every((name) => /^[A-Za-z_][A-Za-z0-9_]{0,199}$/.test(name)), 'must be names of variables, divided by commas')
    .refine((names) => !names.some((name) => /^(pilothouse_|database_url$)/i.test(name)), 'must not name settings of Pilothouse itself').optional(),
  /** Folder whose files admins may use as secrets; no file of our own may lie in it. Default: none. */
  PILOTHOUSE_SECRET_DIR: z.string().optional(),
  /** Address of HashiCorp Vault or OpenBao. Default: none. */
  PILOTHOUSE_VAULT_ADDR: httpsUrl.refine((url) => !url.includes('?'), 'must have no query').optional(),
  /** Token for it, or the file that holds one and may be replaced at any time; one of them is required with the address. */
  PILOTHOUSE_VAULT_TOKEN: headerText.optional(),
  PILOTHOUSE_VAULT_TOKEN_FILE: z.string().optional(),
  /** Its namespace. Default: the root. */
  PILOTHOUSE_VAULT_NAMESPACE: headerText.optional(),
  /** Where its KV engine of version 2 is mounted. Default secret. */
  PILOTHOUSE_VAULT_MOUNT: innerPath.default('secret'),
  /** Only secrets below it can be used. Default pilothouse. */
  PILOTHOUSE_VAULT_PREFIX: innerPath.default('pilothouse'),
}

export interface SecretConfig {
  /** The key-encryption key; null: none is given. */
  key: Buffer | null
  previousKeys: readonly Buffer[]
  lostKeyIds: readonly string[]
  /** Values of the listed variables; null: not set. null for all: none is listed. */
  env: ReadonlyMap<string, string | null> | null
  /** Absolute. */
  file: { dir: string } | null
  vault: { address: string; token: { value: string } | { file: string }; namespace: string | null; mount: string; prefix: string } | null
}

/** @param given what is set, the listed variables among it */
export function secretsOf(values: z.output<z.ZodObject<typeof secretSettings>>, given: Record<string, string | undefined>): SecretConfig {
  const { PILOTHOUSE_SECRET_KEY: key, PILOTHOUSE_VAULT_ADDR: address, PILOTHOUSE_VAULT_TOKEN: token, PILOTHOUSE_VAULT_TOKEN_FILE: tokenFile } = values
  return {
    key: key ?? null, previousKeys: values.PILOTHOUSE_SECRET_KEYS_PREVIOUS, lostKeyIds: values.PILOTHOUSE_SECRET_KEYS_LOST,
    env: values.PILOTHOUSE_SECRET_ENV === undefined ? null : new Map(values.PILOTHOUSE_SECRET_ENV.map((name) => [name, given[name] ?? null])),
    file: values.PILOTHOUSE_SECRET_DIR === undefined ? null : { dir: resolve(values.PILOTHOUSE_SECRET_DIR) },
    vault: address === undefined ? null : {
      address: address.replace(/\/+$/, ''), token: token === undefined ? { file: resolve(tokenFile!) } : { value: token }, namespace: values.PILOTHOUSE_VAULT_NAMESPACE ?? null,
      mount: values.PILOTHOUSE_VAULT_MOUNT, prefix: values.PILOTHOUSE_VAULT_PREFIX,
    },
  }
}

/** What means something only together with another one. */
export function secretProblems(given: Record<string, string | undefined>): string[] {
  const has = (name: string) => given[name] !== undefined
  const [token, file] = ['PILOTHOUSE_VAULT_TOKEN', 'PILOTHOUSE_VAULT_TOKEN_FILE'].map(has)
  const ofVault = Object.keys(secretSettings).filter((name) => name.startsWith('PILOTHOUSE_VAULT_') && name !== 'PILOTHOUSE_VAULT_ADDR' && has(name))
  return [
    // Without a database of its own, the data folder has the key.
    ...(has('PILOTHOUSE_SECRET_KEYS_PREVIOUS') && has('DATABASE_URL') && !has('PILOTHOUSE_SECRET_KEY') ? ['PILOTHOUSE_SECRET_KEY: is needed with PILOTHOUSE_SECRET_KEYS_PREVIOUS'] : []),
    ...(has('PILOTHOUSE_VAULT_ADDR') || ofVault.length === 0 ? [] : [`PILOTHOUSE_VAULT_ADDR: is needed with ${ofVault[0]}`]),
    ...(has('PILOTHOUSE_VAULT_ADDR') && !token && !file ? ['PILOTHOUSE_VAULT_TOKEN: is needed with PILOTHOUSE_VAULT_ADDR, or PILOTHOUSE_VAULT_TOKEN_FILE'] : []),
    ...ownFilesIn(given),
    ...(token && file ? ['PILOTHOUSE_VAULT_TOKEN: must not be set together with PILOTHOUSE_VAULT_TOKEN_FILE'] : []),
  ]
}

/** The admin token, the keys and Vault's token are for the server alone. */
function ownFilesIn({ PILOTHOUSE_SECRET_DIR: dir, PILOTHOUSE_DATA_DIR: dataDir = '.pilothouse', PILOTHOUSE_VAULT_TOKEN_FILE: tokenFile }: Record<string, string | undefined>): string[] {
  if (dir === undefined) return []
  const isIn = (path: string, folder: string) => {
    const way = relative(realOf(folder), realOf(path))
    // On Windows there is no relative way to another drive.
    return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
  }
  return [
    ...(isIn(dataDir, dir) || isIn(dir, dataDir) ? ['PILOTHOUSE_SECRET_DIR: must not hold PILOTHOUSE_DATA_DIR, nor lie in it'] : []),
    ...(tokenFile !== undefined && isIn(tokenFile, dir) ? ['PILOTHOUSE_SECRET_DIR: must not hold PILOTHOUSE_VAULT_TOKEN_FILE'] : []),
  ]
}

/** Where a path leads, links followed as far as it is there. */
function realOf(path: string): string {
  const whole = resolve(path)
  try {
    return realpathSync(whole)
  } catch {
    return dirname(whole) === whole ? whole : join(realOf(dirname(whole)), basename(whole))
  }
}

function parseKey(text: string, context: z.RefinementCtx): Buffer {
  const key = keyOf(text)
  if (key === null) context.addIssue({ code: 'custom', message: keyForm })
  return key ?? Buffer.alloc(0)
}

/** A key as people write it; null: it is none. */
export function keyOf(text: string): Buffer | null {
  if (/^[\da-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex')
  // 32 bytes are 43 characters and one `=`, which both forms of base64 may leave out.
  return /^[\w+/-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : null
}
