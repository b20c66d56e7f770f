import { type Command } from 'commander'
import { DeleteSecretDocument, PutSecretDocument, SecretsDocument, type SecretsQuery } from '../client/index.js'
import { isConfirmed } from './confirm.js'
import { readHidden } from './read-hidden.js'
import { addBind } from './secret-bind.js'
import { addRekey } from './secret-rekey.js'
import { connectionOf, type ConnectionOptions, parseOwner, print, printable, table, UsageError } from './session.js'

interface SecretOptions extends ConnectionOptions {
  owner: string
  json?: boolean
}

interface SetOptions extends SecretOptions {
  expected?: string
  provider?: string
  path?: string
}

type Secret = SecretsQuery['secrets'][number]

export function addSecret(program: Command): void {
  const secret = program.command('secret').description('secrets: their values are written and never read')
  const withOptions = (command: Command) => command
    .option('--owner <owner>', 'whose: me, deployment, team:SLUG', 'me')
    .option('--json', 'print JSON')
    .option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
  withOptions(secret.command('set').description('set or replace one; its value is asked for without showing it, or read from standard input'))
    .argument('<name>', '1 to 64 letters, digits, dots, - and _')
    .option('--provider <provider>', 'admins: env, file or vault, which has the value (default: sealed, in the database)')
    .option('--path <path>', 'where that provider has it')
    .option('--expected <version>', 'refuse if it is at another version; 0: if there is one (default: whichever it is at)')
    // Whatever else is given is most likely the value: it is refused in words of our own, which do not repeat it.
    .allowExcessArguments().allowUnknownOption()
    .action(set)
  withOptions(secret.command('list').description('names, who set them when, and what uses them')).action(list)
  withOptions(secret.command('delete').description('delete one; whatever uses it loses it at once').argument('<name>', 'its name'))
    .option('--yes', 'do not ask')
    .action(remove)
  addBind(secret)
  addRekey(secret)
}

async function set(name: string, { owner, provider, path, expected, json, ...options }: SetOptions, { args }: Command): Promise<void> {
  if (args.length > 1 || name.startsWith('-')) {
    throw new UsageError('`secret set` takes a name and its options, and nothing else. A value is never given on the command line, where others and the shell\'s history see it: '
      + 'leave it out and give it at the prompt or on standard input. If it was one, replace it where it comes from.')
  }
  if ((path !== undefined) !== (provider !== undefined && provider !== 'sealed')) throw new UsageError('--path goes with --provider env, file or vault, and each of them needs one.')
  const expectedVersion = expected === undefined ? null : versionOf(expected)
  const connection = connectionOf(options)
  const whose = parseOwner(owner)
  const value = path === undefined ? await readHidden(`Value of ${printable(name)} (it is not shown): `, process.stdin, process.stderr) : null
  const { putSecret: { secret, cursor } } = await connection.client.execute(PutSecretDocument, { input: { owner: whose, name, value, provider, path, expectedVersion } })
  print(json ? JSON.stringify({ secret, cursor }) : `Set ${secret.name} of ${ownerOf(secret)}, version ${secret.version}, at ${cursor}.`)
}

/** Not repeated: whatever stands there may be a value in the wrong place. */
function versionOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError('--expected takes a version: a whole number, 0 for one that is not there.')
  return Number(text)
}

async function list({ owner, json, ...options }: SecretOptions): Promise<void> {
  const { secrets } = await connectionOf(options).client.execute(SecretsDocument, { owner: parseOwner(owner) })
  if (json) return print(JSON.stringify(secrets))
  if (secrets.length === 0) return print('No secret is set.')
  print(table([
    ['NAME', 'PROVIDER', 'VERSION', 'SET BY', 'AT', 'USED BY'],
    ...secrets.map(({ name, provider, version, updatedBy, updatedAt, usedBy }) => [
      name, provider, String(version), printable(updatedBy.displayName), updatedAt.slice(0, 16), usedBy.map((entry) => printable(entry.name)).join(', ') || 'nothing',
    ]),
  ]))
}

async function remove(name: string, { owner, yes = false, json = false, ...options }: SecretOptions & { yes?: boolean }): Promise<void> {
  if (json && !yes) throw new UsageError('--json asks nothing, so it needs --yes.')
  const { client } = connectionOf(options)
  const whose = parseOwner(owner)
  if (!yes) {
    const found = (await client.execute(SecretsDocument, { owner: whose })).secrets.find((secret) => secret.name === name)
    if (found === undefined) throw new UsageError('That owner has no secret of that name; `pilothouse secret list` lists them.')
    const users = found.usedBy.map((entry) => printable(entry.name))
    print(`${found.name} of ${ownerOf(found)} is used by ${users.join(', ') || 'nothing that you may see'}.`)
    if (!await isConfirmed('Delete it?')) {
      process.exitCode = 1
      return print('Nothing was deleted.')
    }
  }
  const { deleteSecret: { secret, cursor } } = await client.execute(DeleteSecretDocument, { input: { owner: whose, name } })
  print(json ? JSON.stringify({ secret, cursor }) : `Deleted ${secret.name} of ${ownerOf(secret)}, at ${cursor}.`)
}

function ownerOf({ owner: { kind, displayName } }: Pick<Secret, 'owner'>): string {
  return kind === 'DEPLOYMENT' ? 'the deployment' : `${kind.toLowerCase()} ${printable(displayName)}`
}
