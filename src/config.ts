import { resolve } from 'node:path'
import { z } from 'zod'
import { httpsUrl } from './config/fields.js'
import { type SecretConfig, secretProblems, secretSettings, secretsOf } from './config/secrets.js'

const perMinute = (byDefault: number) => z.coerce.number('must be a number').int('must be a whole number').min(1, 'must be at least 1').default(byDefault)
const list = (pattern: RegExp, error: string) => z.string().transform((text) => text.toLowerCase().split(',').map((part) => part.trim()))
  .refine((parts) => parts.every((part) => pattern.test(part)), error).default([])
const claimName = z.string().max(200, 'has more than 200 characters')

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
  /**
   * Names by which callers reach the server, divided by commas: `catalog.example.com` for any port, `catalog.example.com:8443` for that one.
   * Default: none besides HOST, the names of loopback, and the address at which a connection comes in.
   */
  PILOTHOUSE_ALLOWED_HOSTS: list(/^(\[[\da-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:\d{1,5})?$/, 'must be host names, with or without a port, divided by commas'),
  /** Origins whose pages may use it, divided by commas: `https://pages.example.com`. Default: none besides the one that the request's own Host makes. */
  PILOTHOUSE_ALLOWED_ORIGINS: list(/^https?:\/\/(\[[\da-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:\d{1,5})?$/, 'must be origins like https://pages.example.com, divided by commas'),
  /**
   * Where people reach the console, as their browsers show it: `https://catalog.example.com`. Its name counts as one of PILOTHOUSE_ALLOWED_HOSTS, and its
   * pages as the server's own. Default: the name by which it is called.
   */
  PILOTHOUSE_PUBLIC_URL: httpsUrl.refine(isOrigin, 'must be an origin like https://catalog.example.com, without a path').transform((url) => new URL(url)).optional(),
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
  /** Subscriptions that one user may have open on one node; a worker's are bounded by its sockets. Default 2,000. */
  PILOTHOUSE_MAX_SUBSCRIPTIONS_PER_USER: z.coerce.number('must be a number').int('must be a whole number').min(1, 'must be at least 1').default(2_000),
  /** Reads that one principal may send to one node in a minute. Default 6,000. */
  PILOTHOUSE_READS_PER_MINUTE: perMinute(6_000),
  /** Changes, likewise; an import is one. Default 1,500. */
  PILOTHOUSE_WRITES_PER_MINUTE: perMinute(1_500),
  /** Reports of the workers of one token, likewise. Default 60,000. */
  PILOTHOUSE_REPORTS_PER_MINUTE: perMinute(60_000),
  /** Tokens that open nothing, which one address may send to one node in a minute; behind a proxy all callers share one. Default 120. */
  PILOTHOUSE_FAILED_TOKENS_PER_MINUTE: perMinute(120),
  /** Seconds between a request to stop and the first refusal, for balancers that need to notice; 0 to 60. Default 0. */
  PILOTHOUSE_DRAIN_SECONDS: z.coerce.number('must be a number').min(0, 'must be 0 to 60').max(60, 'must be 0 to 60').default(0),
  /** Opens `/metrics` and nothing else; at least 32 characters without spaces. Default: only an admin's token does. */
  PILOTHOUSE_METRICS_TOKEN: z.string().regex(/^[\x21-\x7e]{32,}$/, 'must have at least 32 characters, and no spaces').optional(),
  /** Lowest level that is logged (JSON lines on stderr): debug, info, warn, error or silent. Default warn. */
  PILOTHOUSE_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent'], 'must be debug, info, warn, error or silent').default('warn'),
  /** OIDC issuer whose JWTs are taken besides our own tokens, exactly as in their `iss`. Default: none. See docs/identity.md. */
  PILOTHOUSE_OIDC_ISSUER: httpsUrl.refine((url) => !url.includes('?'), 'must have no query').optional(),
  /** What `aud` of its JWTs must be or hold; required with the issuer. */
  PILOTHOUSE_OIDC_AUDIENCE: z.string().optional(),
  /** Where its keys are. Default: what its discovery document says. */
  PILOTHOUSE_OIDC_JWKS_URL: httpsUrl.optional(),
  /** First half of its people's (provider, subject); `local` is ours. Default oidc. */
  PILOTHOUSE_OIDC_PROVIDER: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,39}$/, 'must be 1 to 40 of a-z, 0-9, dot, underscore and hyphen')
    .refine((name) => name !== 'local', 'must not be local').default('oidc'),
  /** Claim of the subject. Claims are named by their own name or a dotted path. Default sub. */
  PILOTHOUSE_OIDC_SUBJECT_CLAIM: claimName.default('sub'),
  /** Claim of the displayed name; without it the subject is shown. Default name. */
  PILOTHOUSE_OIDC_NAME_CLAIM: claimName.default('name'),
  /** Claim that makes admins, and the value that it must be or hold. Default: roles are given in the catalog. */
  PILOTHOUSE_OIDC_ROLE_CLAIM: claimName.optional(),
  PILOTHOUSE_OIDC_ADMIN_VALUE: z.string().optional(),
  /** Claim of the teams, a text or a list. Default: memberships are given in the catalog. */
  PILOTHOUSE_OIDC_TEAMS_CLAIM: claimName.optional(),
  /** JSON map from a value of that claim to a team's slug, or to `slug:MAINTAINER`. Default: the value is the slug. */
  PILOTHOUSE_OIDC_TEAMS: z.string().transform(parseTeams).optional(),
  /** How Pilothouse is known at the issuer, for signing in at the console; needs PILOTHOUSE_PUBLIC_URL. Default: the console takes tokens alone. */
  PILOTHOUSE_OIDC_CLIENT_ID: z.string().max(500, 'has more than 500 characters').optional(),
  /** Its secret. Default: it is a public client. */
  PILOTHOUSE_OIDC_CLIENT_SECRET: z.string().optional(),
  /** What is asked for at the sign-in, divided by spaces. Default `openid profile`. */
  PILOTHOUSE_OIDC_SCOPE: z.string().regex(/^(?=.*\bopenid\b)[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/, 'must be words divided by spaces, openid among them').default('openid profile'),
  /** Seconds by which the issuer's clock may differ from ours, 0 to 300. Default 60. */
  PILOTHOUSE_OIDC_CLOCK_SKEW_SECONDS: z.coerce.number('must be a number').int('must be a whole number').min(0, 'must be 0 to 300').max(300, 'must be 0 to 300').default(60),
  ...secretSettings,
})

/** What means something only together with another one. */
const needs: Array<[name: string, other: string]> = [
  ['PILOTHOUSE_OIDC_ISSUER', 'PILOTHOUSE_OIDC_AUDIENCE'],
  ...Object.keys(environment.shape).filter((name) => name.startsWith('PILOTHOUSE_OIDC_')).map((name): [string, string] => [name, 'PILOTHOUSE_OIDC_ISSUER']),
  ['PILOTHOUSE_OIDC_ROLE_CLAIM', 'PILOTHOUSE_OIDC_ADMIN_VALUE'], ['PILOTHOUSE_OIDC_ADMIN_VALUE', 'PILOTHOUSE_OIDC_ROLE_CLAIM'],
  ['PILOTHOUSE_OIDC_TEAMS', 'PILOTHOUSE_OIDC_TEAMS_CLAIM'],
  ['PILOTHOUSE_OIDC_CLIENT_ID', 'PILOTHOUSE_PUBLIC_URL'], ['PILOTHOUSE_OIDC_CLIENT_SECRET', 'PILOTHOUSE_OIDC_CLIENT_ID'], ['PILOTHOUSE_OIDC_SCOPE', 'PILOTHOUSE_OIDC_CLIENT_ID'],
]

type TeamByValue = ReadonlyMap<string, { slug: string; role: 'MEMBER' | 'MAINTAINER' }>

function parseTeams(text: string, context: z.RefinementCtx): TeamByValue {
  const parsed = z.record(z.string(), z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}(:(MEMBER|MAINTAINER))?$/)).safeParse(jsonOrNull(text))
  if (!parsed.success) context.addIssue({ code: 'custom', message: 'must be a JSON map from claim values to team slugs, e.g. {"group-id": "payments", "other-id": "payments:MAINTAINER"}' })
  return new Map(Object.entries(parsed.data ?? {}).map(([value, team]) => {
    const [slug, role] = team.split(':')
    return [value, { slug: slug!, role: role === 'MAINTAINER' ? role : 'MEMBER' }]
  }))
}

function isOrigin(text: string): boolean {
  return !URL.canParse(text) || [new URL(text).origin, `${new URL(text).origin}/`].includes(text.toLowerCase())
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export interface Config {
  databaseUrl: string | null
  port: number
  host: string
  /** Absolute. */
  dataDir: string
  auditKey: string | null
  poolSize: number
  /** Lower case; see PILOTHOUSE_ALLOWED_HOSTS. */
  allowedHosts: readonly string[]
  allowedOrigins: readonly string[]
  /** null: no other than the name by which the server is called. */
  publicOrigin: string | null
  maxSocketsPerPrincipal: number
  maxOperationsPerSocket: number
  maxSubscriptionsPerUser: number
  readsPerMinute: number
  writesPerMinute: number
  reportsPerMinute: number
  failuresPerMinute: number
  drainSeconds: number
  metricsToken: string | null
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** null: only our own tokens open anything. */
  oidc: OidcConfig | null
  /** How people sign in at the console there; null: with tokens alone. */
  oidcClient: { id: string; secret: string | null; scope: string } | null
  secrets: SecretConfig
}

/** The issuer whose people may sign in, and how its claims are read. */
export interface OidcConfig {
  issuer: string
  audience: string
  jwksUrl: string | null
  mapping: {
    provider: string
    subjectClaim: string
    nameClaim: string
    admin: { claim: string; value: string } | null
    teams: { claim: string; byValue: TeamByValue | null } | null
  }
  clockSkewSeconds: number
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
  const problems = [
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`),
    ...needs.filter(([name, other]) => name in given && !(other in given)).map(([name, other]) => `${other}: is needed with ${name}`),
    ...secretProblems(given),
  ]
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)
  const values = parsed.data
  const url = values.PILOTHOUSE_PUBLIC_URL
  return {
    databaseUrl: values.DATABASE_URL ?? null, port: values.PORT, host: values.HOST, dataDir: resolve(values.PILOTHOUSE_DATA_DIR),
    auditKey: values.PILOTHOUSE_AUDIT_KEY ?? null, poolSize: values.PILOTHOUSE_DB_POOL,
    allowedHosts: [...values.PILOTHOUSE_ALLOWED_HOSTS, ...url === undefined ? [] : [url.host]],
    allowedOrigins: [...values.PILOTHOUSE_ALLOWED_ORIGINS, ...url === undefined ? [] : [url.origin]], publicOrigin: url?.origin ?? null,
    readsPerMinute: values.PILOTHOUSE_READS_PER_MINUTE, writesPerMinute: values.PILOTHOUSE_WRITES_PER_MINUTE, reportsPerMinute: values.PILOTHOUSE_REPORTS_PER_MINUTE,
    failuresPerMinute: values.PILOTHOUSE_FAILED_TOKENS_PER_MINUTE,
    maxSocketsPerPrincipal: values.PILOTHOUSE_MAX_SOCKETS_PER_PRINCIPAL,
    maxOperationsPerSocket: values.PILOTHOUSE_MAX_OPERATIONS_PER_SOCKET, maxSubscriptionsPerUser: values.PILOTHOUSE_MAX_SUBSCRIPTIONS_PER_USER, drainSeconds: values.PILOTHOUSE_DRAIN_SECONDS,
    metricsToken: values.PILOTHOUSE_METRICS_TOKEN ?? null, logLevel: values.PILOTHOUSE_LOG_LEVEL,
    oidc: oidcOf(values), oidcClient: oidcClientOf(values), secrets: secretsOf(values, given),
  }
}

function oidcOf(values: z.output<typeof environment>): OidcConfig | null {
  const { PILOTHOUSE_OIDC_ISSUER: issuer, PILOTHOUSE_OIDC_AUDIENCE: audience, PILOTHOUSE_OIDC_ROLE_CLAIM: roleClaim, PILOTHOUSE_OIDC_ADMIN_VALUE: value,
    PILOTHOUSE_OIDC_TEAMS_CLAIM: teamsClaim } = values
  if (issuer === undefined || audience === undefined) return null
  return {
    issuer, audience, jwksUrl: values.PILOTHOUSE_OIDC_JWKS_URL ?? null, clockSkewSeconds: values.PILOTHOUSE_OIDC_CLOCK_SKEW_SECONDS,
    mapping: {
      provider: values.PILOTHOUSE_OIDC_PROVIDER, subjectClaim: values.PILOTHOUSE_OIDC_SUBJECT_CLAIM, nameClaim: values.PILOTHOUSE_OIDC_NAME_CLAIM,
      admin: roleClaim === undefined || value === undefined ? null : { claim: roleClaim, value },
      teams: teamsClaim === undefined ? null : { claim: teamsClaim, byValue: values.PILOTHOUSE_OIDC_TEAMS ?? null },
    },
  }
}

function oidcClientOf({ PILOTHOUSE_OIDC_CLIENT_ID: id, PILOTHOUSE_OIDC_CLIENT_SECRET: secret, PILOTHOUSE_OIDC_SCOPE: scope }: z.output<typeof environment>): Config['oidcClient'] {
  return id === undefined ? null : { id, secret: secret ?? null, scope }
}
