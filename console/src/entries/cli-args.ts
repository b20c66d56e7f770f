import { cliLine, type CliOptions, unless } from '../data/cli-line.js'
import { scopeOf } from '../data/scope.js'
import { type EntryKind, type OwnerKind, type RevocationMode, type Visibility } from '../generated/graphql.js'

interface Named {
  name: string
  owner: { kind: OwnerKind; id: string }
}

/** `pilothouse COMMAND NAME …` for the person who is signed in, so that it can be pasted into a shell. */
export function cliOf(command: string, { name, owner }: Named, viewerId: string, args: readonly string[] = [], options: CliOptions = {}): string {
  return cliLine(command, [name, ...args], { ...options, owner: unless('me', scopeOf(owner, viewerId)) })
}

export type WithdrawCommand = 'disable' | 'revoke' | 'delete'

/** How calls in flight are treated unless somebody says otherwise, and the seconds until every session should have stopped; the CLI has the same. */
export const usualMode: Record<WithdrawCommand, RevocationMode> = { disable: 'DRAIN', revoke: 'IMMEDIATE', delete: 'IMMEDIATE' }
export const usualDeadline = '30'

/** Takes an entry from sessions. `reason`: of a revocation. */
export function withdrawLine(command: WithdrawCommand, entry: Named, viewerId: string, { mode, deadline, reason }: { mode: RevocationMode; deadline: string; reason: string }): string {
  return cliOf(command, entry, viewerId, [], {
    reason: command === 'revoke' ? reason || 'REASON' : undefined,
    mode: unless(usualMode[command].toLowerCase(), mode.toLowerCase()), deadline: unless(usualDeadline, deadline),
  })
}

/** Says who else uses it. `named`: of SHARED; before anybody is named, a word stands there for them. */
export function shareLine(entry: Named, viewerId: string, visibility: Visibility, named: ReadonlyArray<Named['owner']>): string {
  const owners = named.length === 0 ? ['team:SLUG'] : named.map((owner) => scopeOf(owner, viewerId))
  return cliOf('share', entry, viewerId, visibility === 'SHARED' ? owners : [], { private: visibility === 'PRIVATE', public: visibility === 'PUBLIC' })
}

/** Behind a command that saves an entry; null: who uses it is as it would be anyway, or nobody is named yet. */
export function shareLineAfter(entry: Named, viewerId: string, { visibility, audience }: { visibility: Visibility; audience: ReadonlyArray<Named['owner']> }, isNew: boolean): string | null {
  const isAnyway = isNew && visibility === (entry.owner.kind === 'DEPLOYMENT' ? 'PUBLIC' : 'PRIVATE')
  return isAnyway || (visibility === 'SHARED' && audience.length === 0) ? null : shareLine(entry, viewerId, visibility, audience)
}

export const rollbackLine = (entry: Named, viewerId: string, revision: number): string => cliOf('rollback', entry, viewerId, [String(revision)])
export const acceptToolsLine = (entry: Named, viewerId: string): string => cliOf('tools accept', entry, viewerId)
export const explainLine = (name: string, kind: EntryKind): string => cliLine('explain', [name], { agent: kind === 'AGENT' })
