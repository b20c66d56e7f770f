import { type Command } from 'commander'
import { CreateUserDocument, DeactivateUserDocument, type Role, SetUserRoleDocument } from '../client/index.js'
import { isConfirmed } from './confirm.js'
import { findUser, type FoundUser, users } from './find-user.js'
import { connectionOf, type ConnectionOptions, print, printable, table, UsageError } from './session.js'

interface Options extends ConnectionOptions {
  json?: boolean
}

const urlOption = ['--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)'] as const
const who = ['<user>', 'usr_… or PROVIDER/SUBJECT'] as const

export function addUser(program: Command): void {
  const user = program.command('user').description('the people that the catalog knows')
  user.command('list').description('everybody for admins and maintainers of a team; else only you')
    .option('--search <text>', 'a part of the name or subject').option('--json', 'print JSON').option(...urlOption).action(list)
  user.command('create').description('add somebody before they come by themselves (admins only)').argument('<person>', 'PROVIDER/SUBJECT')
    .option('--name <name>', 'as others see it (default: the subject)').option('--role <role>', 'user or admin', 'user')
    .option('--json', 'print JSON').option(...urlOption).action(create)
  user.command('role').description('make somebody an admin, or a user again (admins only)').argument(...who).argument('<role>', 'user or admin')
    .option(...urlOption).action(setRole)
  user.command('deactivate').description('end somebody\'s tokens and sign-ins at once; what is theirs leaves every set (admins only; cannot be undone)').argument(...who)
    .option('--yes', 'without the question').option(...urlOption).action(deactivate)
}

async function list({ search, json, ...options }: Options & { search?: string }): Promise<void> {
  const found: FoundUser[] = []
  for await (const one of users(connectionOf(options).client, search ?? null)) found.push(one)
  if (json) return print(JSON.stringify(found))
  print(table([
    ['ID', 'PERSON', 'NAME', 'ROLE', 'STATE'],
    ...found.map(({ id, provider, subject, displayName, role, deactivatedAt }) => [id, printable(`${provider}/${subject}`), printable(displayName), role.toLowerCase(), deactivatedAt === null ? 'active' : 'deactivated']),
  ]))
}

async function create(person: string, { name, role, json, ...options }: Options & { name?: string; role: string }): Promise<void> {
  const slash = person.indexOf('/')
  if (slash < 1) throw new UsageError(`${JSON.stringify(person)} names no person: use PROVIDER/SUBJECT.`)
  const subject = person.slice(slash + 1)
  const { createUser } = await connectionOf(options).client.execute(CreateUserDocument, { provider: person.slice(0, slash), subject, displayName: name ?? subject, role: parseRole(role) })
  print(json ? JSON.stringify(createUser) : `Added ${describe(createUser)}.`)
}

async function setRole(person: string, role: string, options: Options): Promise<void> {
  const to = parseRole(role)
  const { client } = connectionOf(options)
  const found = await findUser(client, person)
  await client.execute(SetUserRoleDocument, { userId: found.id, role: to })
  print(`${describe(found)} is ${to === 'ADMIN' ? 'an admin' : 'a user'}.`)
}

async function deactivate(person: string, { yes, ...options }: Options & { yes?: boolean }): Promise<void> {
  const { client } = connectionOf(options)
  const found = await findUser(client, person)
  const isSure = yes || await isConfirmed(`Deactivate ${describe(found)}? Tokens and sign-ins end at once, what is theirs leaves every set, and it cannot be undone.`)
  if (!isSure) throw new Error('Nothing was changed.')
  await client.execute(DeactivateUserDocument, { userId: found.id })
  print(`Deactivated ${describe(found)}.`)
}

const describe = ({ id, displayName }: { id: string; displayName: string }) => `${printable(displayName)} (${id})`

function parseRole(text: string): Role {
  const role = text.toUpperCase()
  if (role === 'USER' || role === 'ADMIN') return role
  throw new UsageError(`${JSON.stringify(text)} is no role: use user or admin.`)
}
