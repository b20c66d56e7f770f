import { resolve } from 'node:path'
import { z } from 'zod'

/**
 * Everything that can be set from outside, read in this one place. Each variable says what it does, its default and its
 * unit; `.env` files are not read.
 */
const environment = z.object({
  /** Postgres to use; left out, an embedded one is started in the data folder. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' }).optional(),
  /** Port of the API; 0 takes a free one. Default 4000. */
  PORT: z.coerce.number('must be a number').int('must be a whole number').min(0, 'must be 0 to 65535').max(65_535, 'must be 0 to 65535').default(4000),
  /** Address to listen on. Default 127.0.0.1: put a TLS proxy in front before you open it to others. */
  HOST: z.string().min(1, 'must not be empty').default('127.0.0.1'),
  /** Folder of the admin token, the audit key and the embedded Postgres. Default `.pilothouse` in the working directory. */
  PILOTHOUSE_DATA_DIR: z.string().min(1, 'must not be empty').default('.pilothouse'),
  /** Key of the audit chains, at least 32 characters; the same on every node. Default: made once, in `audit.key` of the data folder. */
  PILOTHOUSE_AUDIT_KEY: z.string().min(32, 'must have at least 32 characters').optional(),
  /** Connections to Postgres, besides one for LISTEN. Default 10. */
  PILOTHOUSE_DB_POOL: z.coerce.number('must be a number').int('must be a whole number').min(1, 'must be 1 to 100').max(100, 'must be 1 to 100').default(10),
  /** Open sockets of one principal. Default 10,000. */
  PILOTHOUSE_MAX_SOCKETS_PER_PRINCIPAL: z.coerce.number('must be a number').int('must be a whole number').min(1, 'must be at least 1').default(10_000),
  /** Operations on one socket. Default 5,000. */
  PILOTHOUSE_MAX_OPERATIONS_PER_SOCKET: z.coerce.number('must be a number').int('must be a whole number').min(1, 'must be at least 1').default(5_000),
  /** Seconds between a request to stop and the first refusal, for balancers that need to notice; 0 to 60. Default 0. */
  PILOTHOUSE_DRAIN_SECONDS: z.coerce.number('must be a number').min(0, 'must be 0 to 60').max(60, 'must be 0 to 60').default(0),
  /** Opens `/metrics` and nothing else; at least 32 characters without spaces. Default: only an admin's token does. */
  PILOTHOUSE_METRICS_TOKEN: z.string().regex(/^[\x21-\x7e]{32,}$/, 'must have at least 32 characters, and no spaces').optional(),
  /** Lowest level that is logged (JSON lines on stderr): debug, info, warn, error or silent. Default warn. */
  PILOTHOUSE_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent'], 'must be debug, info, warn, error or silent').default('warn'),
})

export interface Config {
  databaseUrl: string | null
  port: number
  host: string
  /** Absolute. */
  dataDir: string
  auditKey: string | null
  poolSize: number
  maxSocketsPerPrincipal: number
  maxOperationsPerSocket: number
  drainSeconds: number
  metricsToken: string | null
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Every problem of the environment at once, one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  constructor(readonly problems: string[]) {
    super(`The configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${problems.map((line) => `  ${line}`).join('\n')}`)
  }
}

/** @throws ConfigError with every problem; values are never repeated, they may be secrets */
export function readConfig(env: Record<string, string | undefined> = process.env): Config {
  // An empty variable is how shells and compose files say "not set".
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(given)
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`))
  const values = parsed.data
  return {
    databaseUrl: values.DATABASE_URL ?? null, port: values.PORT, host: values.HOST, dataDir: resolve(values.PILOTHOUSE_DATA_DIR),
    auditKey: values.PILOTHOUSE_AUDIT_KEY ?? null, poolSize: values.PILOTHOUSE_DB_POOL,
    maxSocketsPerPrincipal: values.PILOTHOUSE_MAX_SOCKETS_PER_PRINCIPAL,
    maxOperationsPerSocket: values.PILOTHOUSE_MAX_OPERATIONS_PER_SOCKET, drainSeconds: values.PILOTHOUSE_DRAIN_SECONDS,
    metricsToken: values.PILOTHOUSE_METRICS_TOKEN ?? null, logLevel: values.PILOTHOUSE_LOG_LEVEL,
  }
}

export interface ClientConfig {
  url: string
  /** null: read `admin-token` of the data folder. */
  token: string | null
  dataDir: string
}

/** What the CLI needs to reach a server. */
export function readClientConfig(env: Record<string, string | undefined> = process.env): ClientConfig {
  return {
    url: env.PILOTHOUSE_URL || `http://127.0.0.1:${env.PORT || '4000'}/graphql`,
    token: env.PILOTHOUSE_TOKEN || null,
    dataDir: resolve(env.PILOTHOUSE_DATA_DIR || '.pilothouse'),
  }
}
