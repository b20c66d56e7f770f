import { type OwnerInput } from '../../generated/graphql.js'

/** One a line (or between commas), in the words of the CLI's `--serves`; null stands for a line that names no owner. */
export function servedOwners(text: string): Array<{ line: string; owner: OwnerInput | null }> {
  return text.split(/[\n,]/).map((line) => line.trim()).filter((line) => line !== '').map((line) => ({ line, owner: ownerOf(line) }))
}

function ownerOf(line: string): OwnerInput | null {
  if (line === 'deployment') return { kind: 'DEPLOYMENT' }
  const [, kind, id = ''] = /^(team|user):(.+)$/.exec(line) ?? []
  if (kind === undefined) return null
  if (kind === 'team') return { kind: 'TEAM', id }
  const slash = id.indexOf('/')
  return slash > 0 ? { kind: 'USER', provider: id.slice(0, slash), subject: id.slice(slash + 1) } : { kind: 'USER', id }
}
