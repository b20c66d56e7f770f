import { type OwnerKind, type Visibility } from '../../generated/graphql.js'

interface NamedOwner {
  kind: OwnerKind
  displayName: string
}

export interface ReachOfEntry {
  visibility: Visibility
  owner: NamedOwner
  audience: readonly NamedOwner[]
}

export interface DiffParts {
  /** Each whole, as a shell takes it. Empty for what is no stdio server. */
  commandLines: Array<{ label: string; line: string }>
  patch: string
}

/** `Approval.diff` begins with the command lines, if there are any, and a blank line; in the difference below no line begins as these do. */
export function partsOfDiff(diff: string): DiffParts {
  const lines = diff.split('\n')
  const told = lines.findIndex((line) => !/^(Command line|Approved before): /.test(line))
  const commandLines = lines.slice(0, Math.max(0, told)).map((line) => {
    const colon = line.indexOf(': ')
    return { label: line.slice(0, colon), line: line.slice(colon + 2) }
  })
  return { commandLines, patch: lines.slice(Math.max(0, told)).join('\n').replace(/^\n/, '') }
}

const ownPeople = ({ kind, displayName }: NamedOwner) => ({ DEPLOYMENT: 'admins', TEAM: `the members of ${displayName}`, USER: displayName })[kind]

/** Who may use an entry, in the words of `pilothouse approve`, with how many it is shared with. */
export function reachText({ visibility, owner, audience }: ReachOfEntry): string {
  if (visibility === 'PUBLIC') return 'everybody'
  if (visibility === 'PRIVATE' || audience.length === 0) return ownPeople(owner)
  const names = audience.map(({ kind, displayName }) => (kind === 'DEPLOYMENT' ? 'the deployment' : `${kind.toLowerCase()} ${displayName}`))
  return `${ownPeople(owner)}, and the ${audience.length === 1 ? 'one' : audience.length} it is shared with: ${names.join(', ')}`
}

/** What an approval does in running sessions: "2 workers have sessions that will get it." */
export function workersText(workers: number): string {
  if (workers === 0) return 'No worker that you may see has a session that will get it now.'
  return workers === 1 ? '1 worker has sessions that will get it now.' : `${workers} workers have sessions that will get it now.`
}
