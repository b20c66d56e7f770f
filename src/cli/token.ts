import { type Command } from 'commander'
import { AccessTokensDocument, CreateAccessTokenDocument, RevokeAccessTokenDocument } from '../client/index.js'
import { connectionOf, type ConnectionOptions, parseOwner, print, printable, table, UsageError } from './session.js'

interface CreateOptions extends ConnectionOptions {
  name: string
  admin?: boolean
  worker?: boolean
  serves?: string[]
  user?: string
  expiresInDays?: string
  json?: boolean
}

const urlOption = ['--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)'] as const

export function addToken(program: Command): void {
  const token = program.command('token').description('create, list and revoke access tokens')
  token.command('create')
    .description('make a token; it is printed once')
    .requiredOption('--name <name>', 'what it is for')
    .option('--worker', 'for a worker instead of a person (admins only)')
    .option('--serves <owner...>', 'worker: the owners it may read (default: every owner)')
    .option('--user <id>', 'for another person (admins only)')
    .option('--expires-in-days <days>', '1 to 3650 (default: 90, workers 365)')
    .option('--admin', 'with access to the database instead of a token: for an admin, making the first one if there is none')
    .option('--json', 'print JSON')
    .option(...urlOption)
    .action((options: CreateOptions) => (options.admin ? createForAdmin(options) : create(options)))
  token.command('list').description('your tokens; for admins the worker tokens too')
    .option('--user <id>', 'those of another person (admins only)').option('--json', 'print JSON').option(...urlOption).action(list)
  token.command('revoke').description('end a token at once, with its sockets').argument('<id>', 'tok_…')
    .option(...urlOption).action(revoke)
}

async function create(options: CreateOptions): Promise<void> {
  if (options.serves && !options.worker) throw new UsageError('--serves goes with --worker.')
  const expiresInDays = options.expiresInDays === undefined ? null : Number(options.expiresInDays)
  if (expiresInDays !== null && !Number.isInteger(expiresInDays)) throw new UsageError('--expires-in-days takes a whole number.')
  const { createAccessToken } = await connectionOf(options).client.execute(CreateAccessTokenDocument, {
    input: {
      kind: options.worker ? 'WORKER' : 'PERSONAL', name: options.name, userId: options.user, expiresInDays,
      serves: options.serves?.map(parseOwner),
    },
  })
  print(options.json ? JSON.stringify(createAccessToken) : createAccessToken.secret)
}

async function createForAdmin({ name, json }: CreateOptions): Promise<void> {
  const [{ openCatalog }, { readConfig }, { createAdminToken }] = await Promise.all([import('../app.js'), import('../config.js'), import('../catalog/bootstrap.js')])
  const catalog = await openCatalog(readConfig())
  try {
    let made = ''
    await createAdminToken(catalog.services, name, (secret) => {
      made = secret
      return Promise.resolve()
    })
    print(json ? JSON.stringify({ secret: made }) : made)
  } finally {
    await catalog.close()
  }
}

async function list(options: ConnectionOptions & { user?: string; json?: boolean }): Promise<void> {
  const { accessTokens } = await connectionOf(options).client.execute(AccessTokensDocument, { userId: options.user, first: 500 })
  if (options.json) return print(JSON.stringify(accessTokens.nodes))
  print(table([
    ['ID', 'KIND', 'NAME', 'BEGINS', 'EXPIRES', 'LAST USED', 'STATE'],
    ...accessTokens.nodes.map((token) => [
      token.id, token.kind, printable(token.name), token.prefix, token.expiresAt?.slice(0, 10) ?? '', token.lastUsedAt?.slice(0, 16) ?? 'never',
      token.revokedAt ? 'revoked' : 'valid',
    ]),
  ]))
}

async function revoke(id: string, options: ConnectionOptions): Promise<void> {
  const { revokeAccessToken } = await connectionOf(options).client.execute(RevokeAccessTokenDocument, { id })
  print(`Revoked ${revokeAccessToken.id} (${printable(revokeAccessToken.name)}).`)
}
