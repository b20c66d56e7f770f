import { cliLine, unless } from '../../data/cli-line.js'
import { type Role, type TeamRole, type TokenKind } from '../../generated/graphql.js'

/** The commands that do what the pages of people do. Words in capitals stand for what is not filled in yet. */
export const listUsersLine = (search: string): string => cliLine('user list', [], { search: search || undefined })
export const listTeamsLine = cliLine('team list')
export const listTokensLine = (userId: string | null): string => cliLine('token list', [], { user: userId ?? undefined })

/** Browsers that are signed in. */
export const listSessionsLine = cliLine('session list')

export function addUserLine({ provider, subject, displayName, role }: { provider: string; subject: string; displayName: string; role: Role }): string {
  return cliLine('user create', [`${provider || 'PROVIDER'}/${subject || 'SUBJECT'}`], { name: displayName || undefined, role: unless('user', role.toLowerCase()) })
}

export const roleLine = (userId: string, role: Role): string => cliLine('user role', [userId, role.toLowerCase()])
export const deactivateLine = (userId: string): string => cliLine('user deactivate', [userId])

export const addTeamLine = (slug: string, displayName: string): string => cliLine('team create', [slug || 'SLUG'], { name: displayName || undefined })
/** `who`: a user's id, or what is typed of a name. */
export const addMemberLine = (team: string, who: string, role: TeamRole): string => cliLine('team add', [team, who || 'PROVIDER/SUBJECT'], { role: unless('member', role.toLowerCase()) })
export const removeMemberLine = (team: string, userId: string): string => cliLine('team remove', [team, userId])
export const deleteTeamLine = (team: string): string => cliLine('team delete', [team])

export interface TokenTerms {
  kind: TokenKind
  name: string
  /** For somebody else. */
  userId: string | null
  days: string
  /** Owners, as `--serves` names them. */
  serves: readonly string[]
}

export const usualDays: Record<TokenKind, string> = { PERSONAL: '90', WORKER: '365' }

export function addTokenLine({ kind, name, userId, days, serves }: TokenTerms): string {
  return cliLine('token create', [], {
    worker: kind === 'WORKER', name: name || 'NAME', user: userId ?? undefined, 'expires-in-days': unless(usualDays[kind], days), serves: serves.length === 0 ? undefined : serves,
  })
}

export const revokeTokenLine = (id: string): string => cliLine('token revoke', [id])
