import { type Command } from 'commander'
import { ConsoleSessionsDocument, EndConsoleSessionDocument, EndOtherConsoleSessionsDocument } from '../client/index.js'
import { findUser } from './find-user.js'
import { connectionOf, type ConnectionOptions, print, printable, table, UsageError } from './session.js'

interface Options extends ConnectionOptions {
  user?: string
  json?: boolean
}

const urlOption = ['--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)'] as const
const userOption = ['--user <user>', 'usr_… or PROVIDER/SUBJECT: of another person (admins only)'] as const

export function addConsoleSession(program: Command): void {
  const session = program.command('session').description('browsers that are signed in at the console')
  session.command('list').description('where you are signed in').option(...userOption).option('--json', 'print JSON').option(...urlOption).action(list)
  session.command('end').description('sign a browser out at once').argument('[id]', 'cns_…').option('--all', 'all of them').option(...userOption).option(...urlOption).action(end)
}

async function list({ user, json, ...options }: Options): Promise<void> {
  const { client } = connectionOf(options)
  const userId = user === undefined ? null : (await findUser(client, user)).id
  const { consoleSessions: { nodes } } = await client.execute(ConsoleSessionsDocument, { userId })
  if (json) return print(JSON.stringify(nodes))
  if (nodes.length === 0) return print('No browser is signed in.')
  print(table([
    ['ID', 'SINCE', 'LAST USED', 'ENDS', 'SIGNED IN WITH'],
    ...nodes.map(({ id, createdAt, lastUsedAt, expiresAt, accessToken }) => [
      id, ...[createdAt, lastUsedAt, expiresAt].map((at) => at.slice(0, 16)), accessToken == null ? 'identity provider' : `token ${printable(accessToken.name)}`,
    ]),
  ]))
}

async function end(id: string | undefined, { all, user, ...options }: Options & { all?: boolean }): Promise<void> {
  if ((id === undefined) !== (all === true)) throw new UsageError('Give the id of one, as in `pilothouse session list`, or --all.')
  const { client } = connectionOf(options)
  if (id !== undefined) {
    if (user !== undefined) throw new UsageError('--user goes with --all: an id says whose it is.')
    await client.execute(EndConsoleSessionDocument, { id })
    return print(`Ended ${printable(id)}.`)
  }
  const userId = user === undefined ? null : (await findUser(client, user)).id
  const { endOtherConsoleSessions } = await client.execute(EndOtherConsoleSessionsDocument, { userId })
  print(`Ended ${endOtherConsoleSessions} ${endOtherConsoleSessions === 1 ? 'session' : 'sessions'}.`)
}
