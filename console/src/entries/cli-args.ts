import { cliLine, type CliOptions, unless } from '../data/cli-line.js'
import { scopeOf } from '../data/scope.js'
import { type ApplyMoment, type EntryKind, type OwnerKind, type RevocationMode, type Visibility } from '../generated/graphql.js'

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

/** What is said of an entry besides what it is. */
export interface Terms {
  name: string
  visibility: Visibility
  audience: ReadonlyArray<Named['owner']>
  locked: boolean
  apply: ApplyMoment
}

export const changeLine = (entry: Named, viewerId: string, options: CliOptions): string => cliOf('change', entry, viewerId, [], options)

/**
 * What saves an entry with the CLI: `importing` brings what it is. A new name comes first, or the import would make another entry; what an import does not say comes after it, as far as it is other
 * than it was, or for a new one (`before` is null) than it would be anyway. `also`: options of `change` that are said in any case.
 */
export function saveLines(importing: string, owner: Named['owner'], viewerId: string, now: Terms, before: Terms | null, also: CliOptions = {}): string {
  const { visibility, audience, locked, apply } = before ?? { visibility: owner.kind === 'DEPLOYMENT' ? 'PUBLIC' : 'PRIVATE', audience: [], locked: false, apply: 'NEXT_TURN' }
  const entry = { name: now.name, owner }
  const changes: CliOptions = {
    locked: now.locked && !locked, 'no-locked': locked && !now.locked, apply: now.apply === apply ? undefined : now.apply.toLowerCase().replace('_', '-'), ...also,
  }
  const isShared = now.visibility === 'SHARED'
  const isSharedAnew = isShared ? now.audience.length > 0 && (visibility !== 'SHARED' || keysOf(now.audience) !== keysOf(audience)) : now.visibility !== visibility
  return [
    ...before === null || before.name === now.name ? [] : [changeLine({ name: before.name, owner }, viewerId, { name: now.name })],
    importing,
    ...Object.values(changes).some((value) => value !== undefined && value !== false) ? [changeLine(entry, viewerId, changes)] : [],
    ...isSharedAnew ? [shareLine(entry, viewerId, now.visibility, now.audience)] : [],
  ].join('\n')
}

const keysOf = (owners: ReadonlyArray<Named['owner']>): string => owners.map(({ kind, id }) => `${kind} ${id}`).sort().join()

export const rollbackLine = (entry: Named, viewerId: string, revision: number): string => cliOf('rollback', entry, viewerId, [String(revision)])
export const acceptToolsLine = (entry: Named, viewerId: string): string => cliOf('tools accept', entry, viewerId)
export const explainLine = (name: string, kind: EntryKind): string => cliLine('explain', [name], { agent: kind === 'AGENT' })
