import { type Command } from 'commander'
import { CreateTeamDocument, DeleteTeamDocument, RemoveTeamMemberDocument, SetTeamMemberDocument, type TeamRole, TeamsDocument } from '../client/index.js'
import { isConfirmed } from './confirm.js'
import { findUser } from './find-user.js'
import { connectionOf, type ConnectionOptions, print, printable, table, UsageError } from './session.js'

interface Options extends ConnectionOptions {
  json?: boolean
}

const urlOption = ['--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)'] as const
const which = ['<team>', 'its slug or id'] as const
const who = ['<user>', 'usr_… or PROVIDER/SUBJECT'] as const

export function addTeam(program: Command): void {
  const team = program.command('team').description('teams and their members')
  team.command('list').description('your teams with their members; for admins all').option('--json', 'print JSON').option(...urlOption).action(list)
  team.command('create').description('add a team (admins only)').argument('<slug>', '1 to 40 of a-z, 0-9 and -')
    .option('--name <name>', 'as others see it (default: the slug)').option('--json', 'print JSON').option(...urlOption).action(create)
  team.command('add').description('add a member, or change the role of one (admins and maintainers)').argument(...which).argument(...who)
    .option('--role <role>', 'member or maintainer', 'member').option(...urlOption).action(addMember)
  team.command('remove').description('take a member out; what the team has leaves their sessions (admins and maintainers)').argument(...which).argument(...who)
    .option(...urlOption).action(removeMember)
  team.command('delete').description('delete a team with its entries and secrets (admins only; cannot be undone)').argument(...which)
    .option('--yes', 'without the question').option(...urlOption).action(remove)
}

async function list({ json, ...options }: Options): Promise<void> {
  const { teams } = await connectionOf(options).client.execute(TeamsDocument)
  if (json) return print(JSON.stringify(teams))
  if (teams.length === 0) return print('No team that you may see.')
  print(table([
    ['ID', 'SLUG', 'NAME', 'MEMBERS'],
    ...teams.map(({ id, slug, displayName, members }) => [
      id, slug, printable(displayName), members.map(({ role, user }) => `${printable(user.displayName)}${role === 'MAINTAINER' ? ' (maintainer)' : ''}`).join(', '),
    ]),
  ]))
}

async function create(slug: string, { name, json, ...options }: Options & { name?: string }): Promise<void> {
  const { createTeam } = await connectionOf(options).client.execute(CreateTeamDocument, { slug, displayName: name ?? slug })
  print(json ? JSON.stringify(createTeam) : `Added ${createTeam.slug} (${createTeam.id}).`)
}

async function addMember(team: string, person: string, { role, ...options }: Options & { role: string }): Promise<void> {
  const to = parseRole(role)
  const { client } = connectionOf(options)
  const { id, displayName } = await findUser(client, person)
  await client.execute(SetTeamMemberDocument, { team, userId: id, role: to })
  print(`${printable(displayName)} (${id}) is a ${to.toLowerCase()} of ${printable(team)}.`)
}

async function removeMember(team: string, person: string, options: Options): Promise<void> {
  const { client } = connectionOf(options)
  const { id, displayName } = await findUser(client, person)
  await client.execute(RemoveTeamMemberDocument, { team, userId: id })
  print(`${printable(displayName)} (${id}) is no member of ${printable(team)}.`)
}

async function remove(team: string, { yes, ...options }: Options & { yes?: boolean }): Promise<void> {
  const { client } = connectionOf(options)
  const isSure = yes || await isConfirmed(`Delete ${printable(team)} with its entries and secrets? They leave every session, and it cannot be undone.`)
  if (!isSure) throw new Error('Nothing was changed.')
  await client.execute(DeleteTeamDocument, { team })
  print(`Deleted ${printable(team)}.`)
}

function parseRole(text: string): TeamRole {
  const role = text.toUpperCase()
  if (role === 'MEMBER' || role === 'MAINTAINER') return role
  throw new UsageError(`${JSON.stringify(text)} is no role in a team: use member or maintainer.`)
}
